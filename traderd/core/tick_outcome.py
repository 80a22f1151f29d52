"""Which of the closed list of outcomes a tick ends in, from the answers to its commands.

Owns: the table from risk rules and answers to outcomes. A tick of which any order or amend was carried out is an
order; else the first that was not says why; cancels count only where nothing else was wanted.
Must not: count, or send anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from traderd.model.commands import Answer, Outcome
from traderd.model.strategy_events import TickOutcome

BY_RULE: Final = {
    "fence": TickOutcome.FENCED,
    "halt": TickOutcome.HALTED,
    "kill": TickOutcome.HALTED,
    "state": TickOutcome.HALTED,
    "executions": TickOutcome.HALTED,
    "order_group": TickOutcome.HALTED,
    "pause": TickOutcome.PAUSE,
    "venue_pause": TickOutcome.PAUSE,
    "exchange_is_paused": TickOutcome.PAUSE,
    "trading_is_paused": TickOutcome.PAUSE,
    "book": TickOutcome.GRADE,
    "book_grade": TickOutcome.GRADE,
    "min_book_grade": TickOutcome.GRADE,
    "commands_per_s": TickOutcome.BUDGET,
    "strategy_orders": TickOutcome.BUDGET,
    "strategy_exposure": TickOutcome.BUDGET,
    "message_rate": TickOutcome.TOKENS,
    "no_turn": TickOutcome.TOKENS,
    "too_many_requests": TickOutcome.TOKENS,
}
"""What the rule or code that said no means for a tick; any other rule of ours is DENIED, any other code REJECTED."""
BY_ANSWER: Final = {
    Answer.DONE: TickOutcome.ORDER,
    Answer.DENIED: TickOutcome.DENIED,
    Answer.REJECTED: TickOutcome.REJECTED,
    Answer.UNKNOWN: TickOutcome.UNKNOWN,
    Answer.UNAVAILABLE: TickOutcome.UNAVAILABLE,
}


@attrs.frozen
class Ending:
    """How a tick, or one of its commands, ended."""

    outcome: TickOutcome
    rule: str = ""
    sentence: str = ""


NOTHING_WANTED: Final = Ending(TickOutcome.NO_SIGNAL)


def ending_of(answer: Outcome) -> Ending:
    """Return how one command ended."""
    outcome = BY_RULE.get(answer.rule) if answer.answer is not Answer.DONE else None
    return Ending(outcome or BY_ANSWER[answer.answer], answer.rule, answer.sentence)


def joined(wanted: Sequence[Ending], relieving: Sequence[Ending] = ()) -> Ending:
    """Return how a tick ended: by what it wanted to trade, else by its cancels and decreases; none is no signal."""
    for endings in (wanted, relieving):
        if endings:
            return next((one for one in endings if one.outcome is TickOutcome.ORDER), endings[0])
    return NOTHING_WANTED

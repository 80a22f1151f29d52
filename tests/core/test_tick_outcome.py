"""From answers to the one outcome of a tick."""

import pytest

from traderd.core.risk import RULES
from traderd.core.tick_outcome import BY_RULE, NOTHING_WANTED, Ending, ending_of, joined
from traderd.model.commands import Answer, Outcome
from traderd.model.strategy_events import TickOutcome

O = TickOutcome  # noqa: E741 - short in tables
DONE, DENIED = Ending(O.ORDER), Ending(O.DENIED, "size", "too large")
NOT_RULES = {
    *("exchange_is_paused", "trading_is_paused", "too_many_requests", "no_turn"),
    *("min_book_grade", "commands_per_s"),
}


@pytest.mark.parametrize(
    ("answer", "rule", "outcome"),
    [
        (Answer.DONE, "", O.ORDER),
        (Answer.DENIED, "", O.DENIED),
        (Answer.DENIED, "size", O.DENIED),
        (Answer.DENIED, "fence", O.FENCED),
        (Answer.DENIED, "kill", O.HALTED),
        (Answer.DENIED, "state", O.HALTED),
        (Answer.DENIED, "pause", O.PAUSE),
        (Answer.DENIED, "book_grade", O.GRADE),
        (Answer.DENIED, "message_rate", O.TOKENS),
        (Answer.DENIED, "strategy_orders", O.BUDGET),
        (Answer.REJECTED, "insufficient_balance", O.REJECTED),
        (Answer.REJECTED, "too_many_requests", O.TOKENS),
        (Answer.REJECTED, "trading_is_paused", O.PAUSE),
        (Answer.UNKNOWN, "", O.UNKNOWN),
        (Answer.UNAVAILABLE, "", O.UNAVAILABLE),
        (Answer.UNAVAILABLE, "no_turn", O.TOKENS),
    ],
)
def test_an_answer_is_one_outcome(answer, rule, outcome):
    made = ending_of(Outcome(answer=answer, sentence="why", rule=rule))
    assert made == Ending(outcome, rule, "why")


def test_every_answer_has_an_outcome():
    assert all(ending_of(Outcome(answer=answer, sentence="")).outcome for answer in Answer)


def test_the_named_rules_exist():
    source = "".join(
        __import__("inspect").getsource(__import__(rule.__module__, fromlist=["x"]))
        for rule in RULES
    )
    assert [rule for rule in BY_RULE if f'rule="{rule}"' not in source] == [
        rule for rule in BY_RULE if rule in NOT_RULES
    ]


@pytest.mark.parametrize(
    ("wanted", "relieving", "ending"),
    [
        ([], [], NOTHING_WANTED),
        ([DENIED, DONE], [], DONE),
        ([DENIED], [DONE], DENIED),
        ([], [DONE], DONE),
        ([], [DENIED], DENIED),
        ([DENIED, Ending(O.GRADE)], [], DENIED),
    ],
)
def test_a_tick_ends_by_what_it_wanted_to_trade(wanted, relieving, ending):
    assert joined(wanted, relieving) == ending

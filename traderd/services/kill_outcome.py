"""How a kill went, as one outcome in words for people and with an item for each order.

Owns: what one sweep is told by, and the sentences of the kill switch's answers.
Must not: cancel, publish or wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import attrs
import trio

from traderd.core.conditions import KILL_HALT
from traderd.core.order import Order
from traderd.kalshi.kill import Sweep, named
from traderd.model.commands import Answer, Outcome
from traderd.model.orders import OrderStatus

UNDO: Final = f"`traderd clear-halt {KILL_HALT}` undoes the latch"


@attrs.define(eq=False)
class KillRun:
    """One sweep, from its beginning to its proof."""

    only_ours: bool
    progress: Sweep = attrs.Factory(Sweep)
    done: trio.Event = attrs.Factory(trio.Event)
    known: dict[str, None] = attrs.Factory(dict)
    """The keys of the orders that rested as far as was known here, when it was asked for or when one before it was."""


def unsettled_orders(orders: Iterable[Order]) -> list[Order]:
    """Return the orders of which a request may still arrive at the exchange, or may have without our knowing."""
    return [
        order
        for order in orders
        if order.status in {OrderStatus.SENT, OrderStatus.UNKNOWN} or order.pending is not None
    ]


def doubt_of(unclear: Sequence[Order]) -> str:
    """Return which orders nobody knows about, for people; an empty text for none."""
    keys = [order.key for order in unclear]
    return f"nobody knows yet what became of {named(keys)}" if keys else ""


def outcome_of(
    run: KillRun, unclear: Sequence[Order], *, wait: bool, seconds: float, problems: str
) -> Outcome:
    """Return the answer to who asked for this run."""
    progress = run.progress
    but = f"; but {problems}" if problems else ""
    if not wait:
        doubt = f"; {doubt_of(unclear)}" if unclear else ""
        return Outcome(
            answer=Answer.DONE,
            sentence=f"nothing but cancels leaves any more, and the cancels go on{doubt}; {UNDO}{but}",
            # For a program that verifies by itself and cannot know of these.
            items=(
                *(
                    Outcome(
                        answer=Answer.UNKNOWN, sentence=f"it is {order.status.value}", key=order.key
                    )
                    for order in unclear
                ),
                *_known_items(run),
            ),
        )
    if not run.done.is_set() or not progress.verified:
        problem = progress.problem or doubt_of(unclear)
        why = f": {problem}" if problem else ""
        return Outcome(
            answer=Answer.UNKNOWN,
            sentence="nothing but cancels leaves any more, but it is not verified that no order rests"
            f" ({len(progress.left)} did at the last look){why}; the daemon goes on cancelling{but}",
        )
    whose = " of ours" if run.only_ours else ""
    found = max(progress.found, len(run.known))
    spared = f", {progress.spared} of others left alone" if progress.spared else ""
    return Outcome(
        answer=Answer.DONE,
        items=_known_items(run),
        sentence=f"killed: {found} orders{whose} were resting, none{whose} rests now{spared}, verified at the "
        f"exchange in {seconds:.1f} s; {UNDO}{but}",
    )


def _known_items(run: KillRun) -> tuple[Outcome, ...]:
    # Who begins to look later sees only what the cancels have left, and needs the count of before.
    return tuple(
        Outcome(answer=Answer.DONE, sentence="it rested and is cancelled", key=key)
        for key in run.known
    )

"""How a kill went, as one outcome in words for people and with an item for each order.

Owns: what one sweep is told by, and the sentences of the kill switch's answers.
Must not: cancel, publish or wait.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Final

import attrs
import trio

from traderd.core.conditions import KILL_HALT
from traderd.core.order import Order
from traderd.kalshi.kill import Sweep, named, rested_words
from traderd.kalshi.order_reads import listed_words
from traderd.model.commands import Answer, Outcome
from traderd.model.orders import OrderStatus, order_words

UNDO: Final = f"`traderd clear-halt {KILL_HALT}` undoes the latch"


@attrs.frozen(eq=False)
class Rested:
    """An order that rested before the cancels went out."""

    order: Order
    """The order itself: what became of it is what it says by the time of the answer."""
    words: str
    """What rested of it then."""

    @classmethod
    def of(cls, order: Order) -> Rested:
        """Return an order as it rests now."""
        return cls(order, _words(order))


@attrs.define(eq=False)
class KillRun:
    """One sweep, from its beginning to its proof."""

    only_ours: bool
    progress: Sweep = attrs.Factory(Sweep)
    done: trio.Event = attrs.Factory(trio.Event)
    known: dict[str, Rested] = attrs.Factory(dict)
    """By their keys, the orders that rested as far as was known here, when it was asked for or when one before it was."""


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
            items=_items(run, unclear, gone=False),
        )
    if not run.done.is_set() or not progress.verified:
        problem = progress.problem or doubt_of(unclear)
        why = f": {problem}" if problem else ""
        return Outcome(
            answer=Answer.UNKNOWN,
            items=_items(run, unclear, gone=False),
            sentence="nothing but cancels leaves any more, but it is not verified that no order rests"
            f" ({len(progress.left)} did at the last look){why}; the daemon goes on cancelling{but}",
        )
    whose = " of ours" if run.only_ours else ""
    items = _items(run, (), gone=True)
    spared = f", {progress.spared} of others left alone" if progress.spared else ""
    return Outcome(
        answer=Answer.DONE,
        items=items,
        sentence=f"killed: {rested_words(len(items), whose)}, none{whose} rests now{spared}, verified at the "
        f"exchange in {seconds:.1f} s; {UNDO}{but}",
    )


def _items(run: KillRun, unclear: Sequence[Order], *, gone: bool) -> tuple[Outcome, ...]:
    """Return each order by itself; `gone` when the exchange has proved that none of them rests."""
    doubtful = {order.key: None for order in unclear}
    return (
        *(
            Outcome(
                answer=Answer.UNKNOWN,
                key=order.key,
                sentence=f"{_words(order)} is {_doubt(order)}",
            )
            for order in unclear
        ),
        # Who begins to look later sees only what the cancels have left, and needs the count of before.
        *(
            Outcome(
                answer=Answer.DONE, key=key, sentence=f"{rested.words} {_became(rested, gone=gone)}"
            )
            for key, rested in run.known.items()
            if key not in doubtful
        ),
        *_found_there(run, doubtful),
    )


def _found_there(run: KillRun, doubtful: Container[str]) -> Iterator[Outcome]:
    """Yield the orders that were not known here, such as others placed since the last reading."""
    known = {rested.order.order_id: None for rested in run.known.values()}
    for record in run.progress.seen.values():
        key = record.client_order_id or record.order_id
        if key in run.known or key in doubtful or (record.order_id and record.order_id in known):
            continue
        yield Outcome(
            answer=Answer.DONE,
            key=key,
            sentence=f"{listed_words(record)} {run.progress.became(record)}",
        )


def _words(order: Order) -> str:
    return order_words(order.ticker, order.side, order.remaining, order.price)


def _doubt(order: Order) -> str:
    return order.status.value if order.pending is None else "being changed"


def _became(rested: Rested, *, gone: bool) -> str:
    if not rested.order.status.is_live:
        return f"is {rested.order.status.value}"
    # The exchange lists it no more, and its record has not come yet.
    return "rests no more" if gone else "rested when the kill came"

"""What became of orders, in words for people.

Owns: the sentences of placed orders and of orders in doubt, and how several answers become one.
Must not: send, publish or decide anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from traderd.core.order import Order
from traderd.kalshi.order_calls import PlacedOrder
from traderd.model.commands import Answer, Outcome
from traderd.model.ids import ClientOrderId
from traderd.model.orders import OrderStatus
from traderd.model.units import show_average, show_count, show_price

WORST_FIRST: Final = (
    Answer.UNKNOWN,
    Answer.UNAVAILABLE,
    Answer.REJECTED,
    Answer.DENIED,
    Answer.DONE,
)
"""Several orders are answered with the worst of their answers; each has its own beside."""


def in_doubt(key: ClientOrderId, why: str) -> str:
    """Return what a person must know of an order that may rest or have filled: to repeat it may double it."""
    return (
        f"it is not known whether order {key} was placed: {why}. Do not send it again: the daemon is finding out, and until "
        "then its market takes no new risk; `traderd status` tells"
    )


def worst(items: Sequence[Outcome]) -> Answer:
    """Return the answer that stands for several."""
    answers = [item.answer for item in items]
    return next(answer for answer in WORST_FIRST if answer in answers)


def summary(items: Sequence[Outcome]) -> str:
    """Return how many of several orders were taken, and why the others were not."""
    done = sum(item.ok for item in items)
    others = [f"; {number}. {_said(item)}" for number, item in enumerate(items, 1) if not item.ok]
    return f"{done} of {len(items)} orders were taken{''.join(others)}"


def _said(item: Outcome) -> str:
    word = item.answer.value
    return item.sentence if item.sentence.startswith(word) else f"{word}: {item.sentence}"


def describe_placed(order: Order, placed: PlacedOrder) -> str:
    """Return an order that was taken, and what it paid if it traded at once: often better than its limit."""
    words = describe_order(order)
    if placed.fill_count == 0 or placed.average_price is None:
        return words
    fee = placed.average_fee
    fees = "" if fee is None else f", fee {show_average(fee)} a contract"
    return f"{words} at {show_average(placed.average_price)} on average{fees}"


def describe_order(order: Order) -> str:
    """Return an order for people: `bid 5 @ $0.4500 of TICKER rests`."""
    words = {
        OrderStatus.RESTING: "rests",
        OrderStatus.EXECUTED: "is filled",
        OrderStatus.CANCELED: "ended without resting",
    }
    status = words.get(order.status, f"is {order.status.value}")
    # The reply tells the count at once; the fills themselves may come later.
    count = max(order.filled, order.reported_filled)
    nothing = count == 0 and order.status is not OrderStatus.CANCELED
    filled = "" if nothing else f", {show_count(count)} filled"
    return (
        f"{order.side.value} {show_count(order.count)} @ {show_price(order.price)} of "
        f"{order.ticker} {status}{filled}"
    )

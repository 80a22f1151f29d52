"""What a change would make of a resting order, and whether it can be asked for at all.

Owns: the terms that an amend leads to, why an order cannot be changed now, and the words for both.
Must not: send, publish or wait.
"""

from __future__ import annotations

import attrs

from traderd.core.order import Order
from traderd.errors import BadInput
from traderd.model.commands import AmendOrder, Answer, DecreaseOrder, Outcome
from traderd.model.orders import OrderStatus, OrderTerms, order_words
from traderd.model.units import Count, Price, show_count, show_price


def no_order(key: str) -> Outcome:
    """Return the answer to a change of an order that nobody knows."""
    return Outcome(
        answer=Answer.DENIED, sentence=f"no order {key!r} is known; `traderd orders` lists them"
    )


def not_changeable(order: Order | None, key: str) -> Outcome | None:
    """Return why an order cannot be changed now, None when it can."""
    if order is None:
        return no_order(key)
    status = order.status
    if not status.is_live:
        return Outcome(
            answer=Answer.DENIED, key=key, sentence=f"order {key} is {status.value} already"
        )
    if order.terms_unknown:
        why = "the outcome of its last change is unknown; wait until it is found"
    elif order.pending is not None:
        why = "another change of it is under way; try again"
    elif status is not OrderStatus.RESTING or order.order_id is None:
        why = f"it is {status.value} and does not rest yet; try again"
    else:
        return None
    return Outcome(answer=Answer.UNAVAILABLE, key=key, sentence=f"order {key}: {why}")


def new_terms(order: Order, command: AmendOrder) -> OrderTerms:
    """Return what the order would be, whose count is the total.

    Raises:
        BadInput: that is what it is already, or less than what has filled.
    """
    price = order.price if command.price is None else command.price
    count = order.count if command.count is None else command.count
    if (price, count) == (order.price, order.count):
        raise BadInput(
            f"order {order.key} is {show_count(count)} @ {show_price(price)} already, so nothing is to do"
        )
    gone = Count(max(order.filled, order.reported_filled))
    if count <= gone:
        raise BadInput(
            f"{show_count(gone)} contracts of order {order.key} have filled, and the count is the total; "
            "cancel it to end it"
        )
    return with_terms(order, price, count)


def left_after(order: Order, command: DecreaseOrder) -> Count:
    """Return how many contracts may still fill after a decrease.

    Raises:
        BadInput: that is none, or no fewer than now.
    """
    left = order.remaining
    to = Count(left - command.by) if command.by is not None else (command.to or Count(0))
    if not 0 < to < left:
        cure = "cancel it instead" if to <= 0 else "amend it to make it larger"
        raise BadInput(
            f"{show_count(left)} contracts of order {order.key} may still fill, so it cannot be decreased to "
            f"{show_count(to)}; {cure}"
        )
    return to


def with_terms(order: Order, price: Price, count: Count) -> OrderTerms:
    """Return what an order would be with another price and total."""
    if order.terms is not None:
        return attrs.evolve(order.terms, price=price, count=count, expires_at=None)
    return OrderTerms(ticker=order.ticker, side=order.side, price=price, count=count)


def describe(order: Order) -> str:
    """Return what became of a changed order, for people."""
    if not order.status.is_live:
        return f"order {order.key} was changed and is {order.status.value}"
    return (
        f"order {order.key} is now {order_words(order.ticker, order.side, order.count, order.price)}, "
        f"{show_count(order.remaining)} left"
    )

"""Changes of a resting order, and which of two tellings of its terms is the newer one.

Owns: what an amend, its answer and its silence do to an order. A record proves an amend by the client order id that
the amend gave the order, or by its terms; one that is older than the newest terms we know, by the exchange's own
clock, changes no terms.
Must not: step an order along its life (`orders.py`).
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.core.order import Order, PendingAmend
from traderd.errors import IllegalTransition
from traderd.model.ids import ClientOrderId
from traderd.model.orders import AmendKind, AmendTerms, OrderRecord, OrderStatus
from traderd.model.units import NS_PER_MS, NS_PER_S, Count, Price, Timestamp

AHEAD_MAX_NS: Final = 3_600 * NS_PER_S
"""Bounds how far after our hearing of it a telling may be stamped. Clocks are never meant to be so far apart (the most that
`health.clock_offset_ms_max` allows), and one of the future would stay the newest of all until then."""


def request_amend(order: Order, terms: AmendTerms, at: Timestamp) -> None:
    """Note that a change is about to be sent.

    Raises:
        IllegalTransition: the order does not rest, or another change of it is under way; nothing was changed.
    """
    if order.status is not OrderStatus.RESTING or order.order_id is None:
        raise IllegalTransition(f"order {order.key} is {order.status.value} and cannot be amended")
    if order.pending is not None:
        raise IllegalTransition(f"order {order.key} is being amended already")
    order.pending = PendingAmend(terms=terms, requested_at=at)
    order.updated_at = at


def amend_accepted(
    order: Order,
    *,
    price: Price,
    count: Count | None,
    client_order_id: ClientOrderId | None,
    exchange_at: Timestamp | None,
    at: Timestamp,
) -> None:
    """Take the new terms over; a size of None is left to the order's record."""
    order.pending = None
    order.updated_at = at
    told_at = _believed(exchange_at, at)
    if _is_old_news(order, told_at):
        return
    order.told_at = told_at or order.told_at
    order.price = price
    order.count = order.count if count is None else count
    order.exchange_client_id = client_order_id or order.exchange_client_id


def amend_failed(order: Order, sentence: str, at: Timestamp) -> None:
    """Keep the old terms: the change did not happen."""
    if order.pending is not None:
        order.pending, order.sentence, order.updated_at = None, sentence, at


def amend_unknown(order: Order, sentence: str, at: Timestamp) -> None:
    """Note that nobody knows whether the change happened; both terms go on counting."""
    if order.pending is not None:
        order.pending = attrs.evolve(order.pending, is_unknown=True)
        order.sentence, order.updated_at = sentence, at


def learn_terms(order: Order, record: OrderRecord, at: Timestamp) -> None:
    """Take over a record's terms rather than what we asked for: somebody may have amended it elsewhere."""
    told_at = _believed(record.updated_at, at)
    if _is_old_news(order, told_at):
        return
    order.told_at = told_at or order.told_at
    if order.pending is not None and shows_amend(order, record):
        order.pending = None
    order.price, order.count = record.price, record.total_count
    order.expires_at = record.expires_at
    order.exchange_client_id = record.client_order_id or order.exchange_client_id


def shows_amend(order: Order, record: OrderRecord) -> bool:
    """Tell whether a record proves that the change under way has happened."""
    if order.pending is None:
        return False
    terms = order.pending.terms
    if terms.client_order_id is not None and record.client_order_id == terms.client_order_id:
        return True
    if terms.kind is AmendKind.DECREASE:
        # A fill between asking and doing makes the total another one, but only a decrease makes it smaller.
        return record.total_count < order.count
    return (record.price, record.total_count) == (terms.price, terms.count)


def _believed(told_at: Timestamp | None, at: Timestamp) -> Timestamp | None:
    return None if told_at is None or told_at - at > AHEAD_MAX_NS else told_at


def _is_old_news(order: Order, told_at: Timestamp | None) -> bool:
    # Milliseconds, because some of the exchange's messages carry no more.
    if told_at is None or order.told_at is None:
        return False
    return told_at // NS_PER_MS < order.told_at // NS_PER_MS

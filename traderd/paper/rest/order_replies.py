"""Replies to the V2 order writes (Kalshi: order entry V2).

Owns: which fields a reply has when: no client order id that is empty, averages only of what filled, no status at all.
Must not: decide anything about an order.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from traderd.kalshi.wire import rest
from traderd.kalshi.wire.rest import Wire
from traderd.model.units import (
    NS_PER_MS,
    Money,
    Price,
    Timestamp,
    format_count,
    format_money_4,
    format_price,
)
from traderd.paper.venue.messages import AmendReply, CancelReply
from traderd.paper.venue.records import VenueOrder


class AmendOrderReply(Wire, frozen=True, kw_only=True):
    """The counts are there only if the amend traded or changed the size, the averages only if it traded."""

    order_id: str
    client_order_id: str | UnsetType = UNSET
    remaining_count: str | UnsetType = UNSET
    fill_count: str | UnsetType = UNSET
    """Of the amend alone."""
    average_fill_price: str | UnsetType = UNSET
    average_fee_paid: str | UnsetType = UNSET
    ts_ms: int


class DecreaseOrderReply(Wire, frozen=True, kw_only=True):
    """What a decrease left."""

    order_id: str
    client_order_id: str | UnsetType = UNSET
    remaining_count: str
    ts_ms: int


class BatchReply(Wire, frozen=True, kw_only=True):
    """One entry for each item, in the order they were sent."""

    orders: list[Any]


class BatchCreateError(Wire, frozen=True, kw_only=True):
    """An order of a batch that was refused."""

    client_order_id: str | UnsetType = UNSET
    error: dict[str, str]


class BatchCancelItem(Wire, frozen=True, kw_only=True):
    """What became of one cancel of a batch; a refused one took nothing off the book."""

    order_id: str
    client_order_id: str | UnsetType = UNSET
    reduced_by: str = "0.00"
    ts_ms: int | UnsetType = UNSET
    error: dict[str, str] | UnsetType = UNSET


def created_reply(order: VenueOrder) -> rest.CreateOrderReply:
    """Return the reply to a create."""
    return rest.CreateOrderReply(
        order_id=order.order_id,
        client_order_id=order.client_order_id or UNSET,
        fill_count=format_count(order.fill_count),
        remaining_count=format_count(order.remaining_count),
        average_fill_price=_average_price(order.average_fill_price),
        average_fee_paid=_average_fee(order.average_fee),
        ts_ms=order.updated_at // NS_PER_MS,
    )


def canceled_reply(reply: CancelReply, now: Timestamp) -> rest.CancelReply:
    """Return the reply to a cancel; it has no client order id, though one is documented (Kalshi: capture)."""
    return rest.CancelReply(
        order_id=reply.order.order_id,
        reduced_by=format_count(reply.reduced_by),
        ts_ms=now // NS_PER_MS,
    )


def batch_canceled(reply: CancelReply, now: Timestamp) -> BatchCancelItem:
    """Return the entry of a cancel that a batch carried out."""
    return BatchCancelItem(
        order_id=reply.order.order_id,
        client_order_id=reply.order.client_order_id or UNSET,
        reduced_by=format_count(reply.reduced_by),
        ts_ms=now // NS_PER_MS,
    )


def amended_reply(reply: AmendReply, now: Timestamp) -> AmendOrderReply:
    """Return the reply to an amend."""
    order = reply.order
    told = bool(reply.filled) or order.remaining_count != reply.before.remaining_count
    return AmendOrderReply(
        order_id=order.order_id,
        client_order_id=order.client_order_id or UNSET,
        remaining_count=format_count(order.remaining_count) if told else UNSET,
        fill_count=format_count(reply.filled) if told else UNSET,
        average_fill_price=_average_price(reply.average_fill_price),
        average_fee_paid=_average_fee(reply.average_fee),
        ts_ms=now // NS_PER_MS,
    )


def decreased_reply(order: VenueOrder, now: Timestamp) -> DecreaseOrderReply:
    """Return the reply to a decrease."""
    return DecreaseOrderReply(
        order_id=order.order_id,
        client_order_id=order.client_order_id or UNSET,
        remaining_count=format_count(order.remaining_count),
        ts_ms=now // NS_PER_MS,
    )


def _average_price(price: Price | None) -> str | UnsetType:
    return UNSET if price is None else format_price(price)


def _average_fee(fee: Money | None) -> str | UnsetType:
    # Averages were printed with four decimals (Kalshi: capture), here half up.
    return UNSET if fee is None else format_money_4(Money(fee + 50))

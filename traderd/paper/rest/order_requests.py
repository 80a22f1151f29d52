"""Bodies of the V2 order writes that only an exchange reads.

Owns: field names and required ones (Kalshi: order entry V2); what single values may be is `order_request`'s.
Must not: know the venue's state.
"""

from __future__ import annotations

from typing import Final

import msgspec

from traderd.kalshi.wire.order_request import request_count, request_expiry, request_price
from traderd.kalshi.wire.request_body import (
    decode_request,
    invalid_parameters,
    missing_parameter,
    word_of,
)
from traderd.kalshi.wire.rest import Wire
from traderd.model.ids import ClientOrderId, MarketTicker
from traderd.model.orders import Side
from traderd.model.units import Count
from traderd.paper.rest.call import Call
from traderd.paper.venue.messages import AmendTerms

NO_EXPIRY: Final = 0
"""An amend's `expiration_time` that takes the expiry away (Kalshi: since 2026-10-01)."""


class AmendOrderRequest(Wire, frozen=True, kw_only=True):
    """`POST /portfolio/events/orders/{order_id}/amend`; `count` is the total, filled contracts included."""

    ticker: str
    side: str
    price: str
    count: str
    client_order_id: str | None = None
    updated_client_order_id: str | None = None
    expiration_time: int | None = None
    exchange_index: int | None = None


class DecreaseOrderRequest(Wire, frozen=True, kw_only=True):
    """`POST /portfolio/events/orders/{order_id}/decrease`."""

    reduce_by: str | None = None
    reduce_to: str | None = None
    exchange_index: int | None = None
    market_ticker: str | None = None


class CancelItem(Wire, frozen=True, kw_only=True):
    """One order of `DELETE /portfolio/events/orders/batched`."""

    order_id: str
    subaccount: int | None = None
    exchange_index: int | None = None
    market_ticker: str | None = None


class OrderBatch(Wire, frozen=True, kw_only=True):
    """A batch whose items are still JSON: one that lacks a field spoils itself and not the others."""

    orders: list[msgspec.Raw]


class _AnyBatch(Wire, frozen=True, kw_only=True):
    # Only to be counted; `ids` is V1's older spelling.
    orders: tuple[msgspec.Raw, ...] = ()
    ids: tuple[msgspec.Raw, ...] = ()


def amend_terms(request: AmendOrderRequest) -> AmendTerms:
    """Return what an amend asks for; raises RequestRefused 400."""
    if not request.ticker:
        raise missing_parameter("ticker")
    expiry = request.expiration_time
    current, renamed = request.client_order_id, request.updated_client_order_id
    return AmendTerms(
        ticker=MarketTicker(request.ticker),
        side=word_of(Side, request.side, "side"),
        price=request_price(request.price),
        count=request_count(request.count),
        client_order_id=ClientOrderId(current) if current else None,
        updated_client_order_id=ClientOrderId(renamed) if renamed else None,
        expires_at=None if expiry in (None, NO_EXPIRY) else request_expiry(expiry),
        removes_expiry=expiry == NO_EXPIRY,
    )


def decrease_terms(request: DecreaseOrderRequest) -> tuple[Count | None, Count | None]:
    """Return (reduce by, reduce to), exactly one of which is given; raises RequestRefused 400."""
    by, to = request.reduce_by, request.reduce_to
    check_one_reduction(by, to)
    return (
        None if by is None else request_count(by),
        None if to is None else request_count(to, zero=True),
    )


def check_one_reduction(by: object, to: object) -> None:
    """Refuse a decrease that says nothing or two things; raises RequestRefused 400."""
    if (by is None) is (to is None):
        raise invalid_parameters("exactly one of reduce_by and reduce_to is needed")


def decode_batch(body: bytes, name: str) -> list[msgspec.Raw]:
    """Return the items of a batch as JSON; raises RequestRefused 400."""
    return decode_request(body, OrderBatch, name).orders


def batch_size(call: Call) -> int:
    """Return how many items a batch has, 1 for what is no batch; never raises."""
    try:
        batch = msgspec.json.decode(call.request.body, type=_AnyBatch)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 1
    return max(1, len(batch.orders) + len(batch.ids))

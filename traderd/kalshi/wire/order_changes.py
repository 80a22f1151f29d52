"""The bodies of amends, decreases and batches, as the trader writes and reads them.

Owns: their field names, by the same rule as `rest` (Kalshi: order entry V2).
Must not: interpret the model beyond making a body of it.
"""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from traderd.kalshi.wire.numbers import Name, Number
from traderd.kalshi.wire.order_request import create_order_request
from traderd.kalshi.wire.rest import CreateOrderRequest, Wire
from traderd.model.ids import ClientOrderId, MarketTicker, OrderId
from traderd.model.orders import OrderTerms, Side
from traderd.model.units import NS_PER_S, Count, Price, Timestamp, format_count, format_price


class AmendOrderRequest(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """`POST /portfolio/events/orders/{order_id}/amend`; `count` is the total, filled contracts included."""

    ticker: str
    side: str
    price: str
    count: str
    client_order_id: str | None = None
    """The present one: the exchange refuses the amend of an order that has another."""
    updated_client_order_id: str | None = None
    expiration_time: int | None = None
    """Unix seconds; left out: as it is. 0 takes the expiry away."""


class AmendOrderReply(Wire, frozen=True, kw_only=True):
    """Its 200; the counts are there only if it traded or changed the size."""

    order_id: Name
    client_order_id: Name | UnsetType | None = UNSET
    remaining_count: Number | UnsetType | None = UNSET
    fill_count: Number | UnsetType | None = UNSET
    ts_ms: int | UnsetType = UNSET


class DecreaseOrderRequest(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """`POST /portfolio/events/orders/{order_id}/decrease`."""

    reduce_to: str
    market_ticker: str | None = None


class DecreaseOrderReply(Wire, frozen=True, kw_only=True):
    """Its 200."""

    order_id: Name
    remaining_count: Number
    ts_ms: int | UnsetType = UNSET


class ItemError(Wire, frozen=True, kw_only=True):
    """Why one item of a batch was refused; flat, in a 2xx."""

    code: str | UnsetType | None = UNSET
    message: str | UnsetType | None = UNSET
    details: str | UnsetType | None = UNSET


class CreateOrdersRequest(Wire, frozen=True, kw_only=True):
    """`POST /portfolio/events/orders/batched`."""

    orders: list[CreateOrderRequest]


class CreatedItem(Wire, frozen=True, kw_only=True):
    """What became of one order of a batch: an id, or an error."""

    order_id: Name | UnsetType | None = UNSET
    client_order_id: Name | UnsetType | None = UNSET
    fill_count: Number | UnsetType | None = UNSET
    remaining_count: Number | UnsetType | None = UNSET
    average_fill_price: Number | UnsetType | None = UNSET
    average_fee_paid: Number | UnsetType | None = UNSET
    error: ItemError | UnsetType | None = UNSET


class CreateOrdersReply(Wire, frozen=True, kw_only=True):
    """Its 201: one entry for each order, in the order in which they were sent."""

    orders: list[CreatedItem]


class CancelItem(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """One cancel of a batch; the ticker routes it."""

    order_id: str
    market_ticker: str | None = None


class CancelOrdersRequest(Wire, frozen=True, kw_only=True):
    """`DELETE /portfolio/events/orders/batched`, with a body."""

    orders: list[CancelItem]


class CanceledItem(Wire, frozen=True, kw_only=True):
    """What became of one cancel of a batch."""

    order_id: Name = ""
    reduced_by: Number | UnsetType | None = UNSET
    error: ItemError | UnsetType | None = UNSET


class CancelOrdersReply(Wire, frozen=True, kw_only=True):
    """Its 200."""

    orders: list[CanceledItem]


class Empty(Wire, frozen=True, kw_only=True):
    """`{}`: a write without a body is refused for its content type."""


def amend_request(
    *,
    ticker: MarketTicker,
    side: Side,
    price: Price,
    count: Count,
    client_order_id: ClientOrderId | None,
    updated_client_order_id: ClientOrderId | None,
    expires_at: Timestamp | None,
) -> AmendOrderRequest:
    """Return the body of an amend; an expiry of None stays as it is, one of 0 is taken away."""
    return AmendOrderRequest(
        ticker=ticker,
        side=side.value,
        price=format_price(price),
        count=format_count(count),
        client_order_id=client_order_id,
        updated_client_order_id=updated_client_order_id,
        expiration_time=None if expires_at is None else expires_at // NS_PER_S,
    )


def decrease_request(ticker: MarketTicker, reduce_to: Count) -> DecreaseOrderRequest:
    """Return the body of a decrease; always "to", which says the same however often it is read."""
    return DecreaseOrderRequest(reduce_to=format_count(reduce_to), market_ticker=ticker)


def create_orders_request(
    orders: tuple[tuple[ClientOrderId, OrderTerms], ...],
) -> CreateOrdersRequest:
    """Return the body of a batch of new orders."""
    return CreateOrdersRequest(orders=[create_order_request(terms, key) for key, terms in orders])


def cancel_orders_request(
    orders: tuple[tuple[OrderId, MarketTicker], ...],
) -> CancelOrdersRequest:
    """Return the body of a batch of cancels."""
    return CancelOrdersRequest(
        orders=[CancelItem(order_id=order_id, market_ticker=ticker) for order_id, ticker in orders]
    )


def text(value: str | UnsetType | None) -> str:
    """Return an optional word of a reply, empty when there is none."""
    return value if isinstance(value, str) else ""

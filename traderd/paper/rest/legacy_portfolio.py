"""Orders, fills, positions and settlements with the fields of December 2025 beside today's.

Owns: the integers that readers of the legacy dialect insist on (Kalshi: OpenAPI 3.2.0), one struct for each body.
Must not: be served in any other dialect.
"""

from __future__ import annotations

from typing import Any, TypeVar

from traderd.kalshi.wire import portfolio
from traderd.kalshi.wire.rest import Wire
from traderd.model.units import ONE_DOLLAR, Count, format_price
from traderd.paper.rest.legacy import cents, money_cents, whole
from traderd.paper.rest.portfolio_bodies import QueuePosition, Settlement
from traderd.paper.to_wire import EventTotal
from traderd.paper.venue import records
from traderd.paper.venue.records import Position, VenueFill, VenueOrder

W = TypeVar("W", bound=Wire)
CENTS_PER_CONTRACT = cents(ONE_DOLLAR)


class LegacyOrder(portfolio.Order, frozen=True, kw_only=True):
    """An order; prices in cents that add up to 100, costs and fees in cents."""

    yes_price: int
    no_price: int
    initial_count: int
    fill_count: int
    remaining_count: int
    taker_fees: int
    maker_fees: int
    taker_fill_cost: int
    maker_fill_cost: int
    queue_position: int = 0
    """Always 0 (Kalshi: deprecated then already)."""


class LegacyFill(portfolio.Fill, frozen=True, kw_only=True):
    """A fill; `price` is that of the outcome acquired, in dollars."""

    count: int
    price: float
    yes_price: int
    no_price: int
    yes_price_fixed: str
    no_price_fixed: str


class LegacyPosition(portfolio.MarketPosition, frozen=True, kw_only=True):
    """A market's position; `resting_orders_count` is in contracts."""

    total_traded: int
    position: int
    market_exposure: int
    realized_pnl: int
    fees_paid: int
    resting_orders_count: int


class LegacyEventPosition(portfolio.EventPosition, frozen=True, kw_only=True):
    """An event's position."""

    total_cost: int
    total_cost_shares: int
    event_exposure: int
    realized_pnl: int
    fees_paid: int


class LegacySettlement(Settlement, frozen=True, kw_only=True):
    """A settlement."""

    yes_count: int
    yes_total_cost: int
    no_count: int
    no_total_cost: int


class LegacyQueuePosition(QueuePosition, frozen=True, kw_only=True):
    """An order's place."""

    queue_position: int


def _with(kind: type[W], body: Wire, **more: Any) -> W:
    # The same body as a struct that has more fields.
    fields = {name: getattr(body, name) for name in body.__struct_fields__}
    return kind(**(fields | more))


def legacy_order(body: portfolio.Order, order: VenueOrder) -> LegacyOrder:
    """Return an order's body with the integers."""
    yes = cents(order.price)
    return _with(
        LegacyOrder,
        body,
        yes_price=yes,
        no_price=CENTS_PER_CONTRACT - yes,
        initial_count=whole(order.initial_count),
        fill_count=whole(order.fill_count),
        remaining_count=whole(order.remaining_count),
        taker_fees=money_cents(order.taker_fees),
        maker_fees=money_cents(order.maker_fees),
        taker_fill_cost=money_cents(order.taker_fill_cost),
        maker_fill_cost=money_cents(order.maker_fill_cost),
    )


def legacy_fill(body: portfolio.Fill, fill: VenueFill) -> LegacyFill:
    """Return a fill's body with the integers, and with the client order id that fills still had."""
    yes = cents(fill.price)
    no = CENTS_PER_CONTRACT - yes
    return _with(
        LegacyFill,
        body,
        client_order_id=fill.client_order_id or "",
        count=whole(fill.count),
        price=(yes if body.side == "yes" else no) / CENTS_PER_CONTRACT,
        yes_price=yes,
        no_price=no,
        yes_price_fixed=format_price(fill.price),
        no_price_fixed=body.no_price_dollars,
    )


def legacy_position(
    body: portfolio.MarketPosition, position: Position, resting: Count
) -> LegacyPosition:
    """Return a position's body with the integers; `resting` is the size of the market's resting orders."""
    return _with(
        LegacyPosition,
        body,
        total_traded=money_cents(position.total_traded),
        position=whole(position.count),
        market_exposure=money_cents(position.exposure),
        realized_pnl=money_cents(position.realized_pnl),
        fees_paid=money_cents(position.fees_paid),
        resting_orders_count=whole(resting),
    )


def legacy_event_position(body: portfolio.EventPosition, total: EventTotal) -> LegacyEventPosition:
    """Return an event's body with the integers."""
    return _with(
        LegacyEventPosition,
        body,
        total_cost=money_cents(total.traded),
        total_cost_shares=whole(total.volume),
        event_exposure=money_cents(total.exposure),
        realized_pnl=money_cents(total.realized_pnl),
        fees_paid=money_cents(total.fees_paid),
    )


def legacy_settlement(body: Settlement, settlement: records.Settlement) -> LegacySettlement:
    """Return a settlement's body with the integers."""
    return _with(
        LegacySettlement,
        body,
        yes_count=whole(settlement.yes_count),
        yes_total_cost=money_cents(settlement.yes_cost),
        no_count=whole(settlement.no_count),
        no_total_cost=money_cents(settlement.no_cost),
    )


def legacy_queue_position(body: QueuePosition, ahead: Count) -> LegacyQueuePosition:
    """Return a place's body with the integer."""
    return _with(LegacyQueuePosition, body, queue_position=whole(ahead))

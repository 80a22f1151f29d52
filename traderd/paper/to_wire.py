"""The venue's records as Kalshi's bodies, for both REST and WebSocket.

Owns: the way from `messages` to the wire's own encoders.
Must not: read or change the venue.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from traderd.kalshi.wire import portfolio, serve
from traderd.model.orders import Fill, OrderRecord, PositionRecord
from traderd.model.units import (
    Count,
    Money,
    format_count,
    format_money,
)
from traderd.paper.venue.records import Position, VenueFill, VenueOrder


def order_record(order: VenueOrder) -> OrderRecord:
    """Return what the wire tells of an order."""
    return OrderRecord(
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        ticker=order.ticker,
        side=order.side,
        price=order.price,
        status=order.status,
        initial_count=order.initial_count,
        fill_count=order.fill_count,
        remaining_count=order.remaining_count,
        created_at=order.created_at,
        expires_at=order.expires_at,
        updated_at=order.updated_at,
    )


def order_details(order: VenueOrder) -> serve.OrderDetails:
    """Return what the wire tells of an order beside its record."""
    return serve.OrderDetails(
        user_id=order.account_id,
        taker_fill_cost=order.taker_fill_cost,
        maker_fill_cost=order.maker_fill_cost,
        taker_fees=order.taker_fees,
        maker_fees=order.maker_fees,
        self_trade_prevention=order.self_trade_prevention,
        subaccount=order.subaccount,
        group_id=order.group_id,
        cancel_on_pause=order.cancel_on_pause,
        in_no_terms=order.in_no_terms,
    )


def order_body(order: VenueOrder) -> portfolio.Order:
    """Return an order's REST body."""
    return serve.order_to_wire(order_record(order), order_details(order))


def fill_record(fill: VenueFill) -> Fill:
    """Return what the wire tells of a fill."""
    return Fill(
        trade_id=fill.trade_id,
        order_id=fill.order_id,
        ticker=fill.ticker,
        side=fill.side,
        price=fill.price,
        count=fill.count,
        fee=fill.fee,
        is_taker=fill.is_taker,
        executed_at=fill.at,
        client_order_id=fill.client_order_id,
    )


def fill_body(fill: VenueFill) -> portfolio.Fill:
    """Return a fill's REST body."""
    return serve.fill_to_wire(fill_record(fill), subaccount=fill.subaccount)


def position_record(position: Position) -> PositionRecord:
    """Return what the wire tells of a market position."""
    return PositionRecord(
        ticker=position.ticker,
        count=position.count,
        exposure=position.exposure,
        realized_pnl=position.realized_pnl,
        fees_paid=position.fees_paid,
    )


def position_body(position: Position) -> portfolio.MarketPosition:
    """Return a market position's body."""
    return serve.position_to_wire(
        position_record(position),
        total_traded=position.total_traded,
        updated_at=position.updated_at,
    )


@attrs.frozen(kw_only=True)
class EventTotal:
    """What one account holds of an event, summed over its markets."""

    traded: Money
    volume: Count
    exposure: Money
    realized_pnl: Money
    fees_paid: Money


def event_total(positions: Sequence[Position]) -> EventTotal:
    """Return the sum of the positions in an event's markets."""
    return EventTotal(
        traded=Money(sum(p.total_traded for p in positions)),
        volume=Count(sum(p.volume for p in positions)),
        exposure=Money(sum(p.exposure for p in positions)),
        realized_pnl=Money(sum(p.realized_pnl for p in positions)),
        fees_paid=Money(sum(p.fees_paid for p in positions)),
    )


def event_position_body(event_ticker: str, total: EventTotal) -> portfolio.EventPosition:
    """Return the body of an event's total."""
    return portfolio.EventPosition(
        event_ticker=event_ticker,
        total_cost_dollars=format_money(total.traded),
        total_cost_shares_fp=format_count(total.volume),
        event_exposure_dollars=format_money(total.exposure),
        realized_pnl_dollars=format_money(total.realized_pnl),
        fees_paid_dollars=format_money(total.fees_paid),
    )

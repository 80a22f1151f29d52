"""The venue's records as Kalshi's bodies, for both REST and WebSocket.

Owns: the way from `messages` to the wire's own encoders.
Must not: read or change the venue.
"""

from __future__ import annotations

import msgspec

from traderd.kalshi.wire import portfolio, rest, serve
from traderd.model.market import Market
from traderd.model.orders import Fill, OrderRecord, PositionRecord
from traderd.model.units import (
    NS_PER_S,
    Count,
    Money,
    Price,
    complement,
    format_count,
    format_money,
    format_price,
    format_time,
)
from traderd.paper.venue.accounts import Position
from traderd.paper.venue.messages import TradeHappened, VenueFill, VenueMarket, VenueOrder

Levels = tuple[tuple[Price, Count], ...]


class Trade(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One public trade of `GET /markets/trades`."""

    trade_id: str
    ticker: str
    count_fp: str
    yes_price_dollars: str
    no_price_dollars: str
    taker_outcome_side: str
    taker_book_side: str
    taker_side: str
    created_time: str
    is_block_trade: bool = False


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
        reason=order.reason,
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
        updated_at=order.updated_at,
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


def created_body(order: VenueOrder) -> rest.CreateOrderReply:
    """Return the reply to a create: averages only when something filled, with four decimals."""
    price, fee = order.average_fill_price, order.average_fee
    return rest.CreateOrderReply(
        order_id=order.order_id,
        client_order_id=order.client_order_id or msgspec.UNSET,
        fill_count=format_count(order.fill_count),
        remaining_count=format_count(order.remaining_count),
        average_fill_price=msgspec.UNSET if price is None else format_price(price),
        average_fee_paid=msgspec.UNSET if fee is None else _four_decimals(fee),
        ts_ms=order.updated_at * 1_000 // NS_PER_S,
    )


def position_body(position: Position) -> portfolio.MarketPosition:
    """Return a market position's body."""
    record = PositionRecord(
        ticker=position.ticker,
        count=position.count,
        exposure=position.exposure,
        realized_pnl=position.realized_pnl,
        fees_paid=position.fees_paid,
    )
    return serve.position_to_wire(
        record, total_traded=position.total_traded, updated_at=position.updated_at
    )


def event_position_body(event_ticker: str, positions: list[Position]) -> portfolio.EventPosition:
    """Return the sum over an event's markets."""
    return portfolio.EventPosition(
        event_ticker=event_ticker,
        total_cost_dollars=format_money(Money(sum(p.total_traded for p in positions))),
        total_cost_shares_fp=format_count(Count(sum(p.volume for p in positions))),
        event_exposure_dollars=format_money(Money(sum(p.exposure for p in positions))),
        realized_pnl_dollars=format_money(Money(sum(p.realized_pnl for p in positions))),
        fees_paid_dollars=format_money(Money(sum(p.fees_paid for p in positions))),
    )


def market_body(market: VenueMarket, bids: Levels, asks: Levels) -> rest.Market:
    """Return a market's body with its best levels; both sides in YES prices, best first."""
    described = Market(
        ticker=market.ticker,
        event_ticker=market.event_ticker,
        title=market.title,
        status=market.status,
        grid=market.grid,
        close_time=market.close_time,
    )
    quotes = serve.MarketQuotes(
        bid=bids[0] if bids else None,
        ask=asks[0] if asks else None,
        last_price=market.last_price,
        volume=market.volume,
        volume_24h=market.volume,
        open_interest=market.open_interest,
    )
    body = serve.market_to_wire(
        described,
        quotes,
        opened_at=market.open_time,
        updated_at=market.updated_at,
        price_level_structure=market.level_structure,
    )
    return msgspec.structs.replace(body, yes_sub_title=market.outcome, no_sub_title=market.outcome)


def trade_body(trade: TradeHappened) -> Trade:
    """Return a public trade's body."""
    outcome = serve.outcome_word(trade.taker_side)
    return Trade(
        trade_id=trade.trade_id,
        ticker=trade.ticker,
        count_fp=format_count(trade.count),
        yes_price_dollars=format_price(trade.price),
        no_price_dollars=format_price(complement(trade.price)),
        taker_outcome_side=outcome,
        taker_book_side=trade.taker_side.value,
        taker_side=outcome,
        created_time=format_time(trade.at),
    )


def _four_decimals(amount: Money) -> str:
    # Averages were printed with four decimals (Kalshi: capture), here half up.
    return format_price(Price((amount + 50) // 100))

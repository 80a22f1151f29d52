"""What the venue tells, in the words of Kalshi's WebSocket.

Owns: the bodies about books, trades, tickers, and an account's own affairs (Kalshi: WebSocket channels).
Must not: know who gets them, read the venue, or tell of a market's life (`lifecycle_bodies`).
"""

from __future__ import annotations

from typing import Final

from msgspec import UNSET

from traderd.kalshi.wire import broadcasts, feed, frames
from traderd.kalshi.wire.serve import outcome_word
from traderd.model.orders import Side
from traderd.model.units import (
    NS_PER_MS,
    NS_PER_S,
    ONE_DOLLAR,
    Count,
    Money,
    Price,
    Timestamp,
    format_count,
    format_money,
    format_price,
    format_time,
)
from traderd.paper import choices
from traderd.paper.venue.listings import VenueMarket
from traderd.paper.venue.messages import (
    FillHappened,
    GroupChanged,
    GroupEvent,
    LevelChanged,
    PositionChanged,
    QuoteChanged,
)
from traderd.paper.venue.records import Trade, VenueOrder

EXCHANGE_INDEX: Final = 0
"""The only shard there is."""


def delta(
    change: LevelChanged, market_id: str, *, use_yes_price: bool, is_own: bool
) -> feed.DeltaBody:
    """Return an orderbook_delta; whoever caused it is only told to `is_own`."""
    return frames.delta_body(
        ticker=change.ticker,
        market_id=market_id,
        side=change.side,
        price=change.price,
        change=change.change,
        at=change.at,
        use_yes_price=use_yes_price,
        client_order_id=change.client_order_id if is_own else None,
        subaccount=change.subaccount if is_own else 0,
    )


def trade(happened: Trade) -> feed.TradeBody:
    """Return a public trade."""
    return frames.trade_body(
        trade_id=happened.trade_id,
        ticker=happened.ticker,
        price=happened.price,
        count=happened.count,
        taker_side=happened.taker_side,
        at=happened.at,
    )


def ticker(shown: QuoteChanged, market_id: str) -> broadcasts.Ticker:
    """Return what a market shows; an empty side is 0.0000 or 1.0000 with a size of 0.00 (Kalshi: capture)."""
    nothing = Count(0)
    bid, bid_size = shown.bid or (Price(0), nothing)
    ask, ask_size = shown.ask or (ONE_DOLLAR, nothing)
    return broadcasts.Ticker(
        market_ticker=shown.ticker,
        market_id=market_id,
        price_dollars=format_price(shown.last_price or Price(0)),
        yes_bid_dollars=format_price(bid),
        yes_ask_dollars=format_price(ask),
        yes_bid_size_fp=format_count(bid_size),
        yes_ask_size_fp=format_count(ask_size),
        last_trade_size_fp=format_count(shown.last_count or nothing),
        volume_fp=format_count(shown.volume),
        open_interest_fp=format_count(shown.open_interest),
        dollar_volume=shown.volume // choices.COUNT_PER_TICKER_DOLLAR,
        dollar_open_interest=shown.open_interest // choices.COUNT_PER_TICKER_DOLLAR,
        ts=seconds(shown.at),
        ts_ms=milliseconds(shown.at),
        time=format_time(shown.at),
    )


def untouched(market: VenueMarket) -> QuoteChanged:
    """Return the quote of a market that never had one."""
    return QuoteChanged(
        ticker=market.ticker,
        bid=None,
        ask=None,
        last_price=market.last_price,
        last_count=market.last_count,
        volume=market.volume,
        dollar_volume=market.dollar_volume,
        open_interest=market.open_interest,
        at=market.updated_at,
    )


# --- private --------------------------------------------------------------------------------------


def fill(happened: FillHappened) -> feed.FillBody:
    """Return a fill; the legacy pair is the outcome that was acquired, and always a buy."""
    made = happened.fill
    outcome = outcome_word(made.side)
    return feed.FillBody(
        trade_id=made.trade_id,
        order_id=made.order_id,
        client_order_id=made.client_order_id,
        market_ticker=made.ticker,
        exchange_index=EXCHANGE_INDEX,
        is_taker=made.is_taker,
        outcome_side=outcome,
        book_side=made.side.value,
        side=outcome,
        action="buy",
        purchased_side=outcome,
        yes_price_dollars=format_price(made.price),
        count_fp=format_count(made.count),
        fee_cost=format_money(made.fee),
        post_position_fp=format_count(happened.post_position),
        ts=seconds(made.at),
        ts_ms=milliseconds(made.at),
        subaccount=made.subaccount,
    )


def user_order(order: VenueOrder) -> feed.UserOrderBody:
    """Return an order; no client order id is an empty one (Kalshi: AsyncAPI, the field is required)."""
    outcome = outcome_word(order.side)
    expires_at = order.expires_at
    return feed.UserOrderBody(
        order_id=order.order_id,
        user_id=order.account_id,
        client_order_id=order.client_order_id or "",
        ticker=order.ticker,
        exchange_index=EXCHANGE_INDEX,
        status=order.status.value,
        outcome_side=outcome,
        book_side=order.side.value,
        side=outcome,
        is_yes=order.side is Side.BID,
        yes_price_dollars=format_price(order.price),
        initial_count_fp=format_count(order.initial_count),
        fill_count_fp=format_count(order.fill_count),
        remaining_count_fp=format_count(order.remaining_count),
        taker_fill_cost_dollars=format_money(order.taker_fill_cost),
        maker_fill_cost_dollars=format_money(order.maker_fill_cost),
        taker_fees_dollars=format_money(order.taker_fees),
        maker_fees_dollars=format_money(order.maker_fees),
        order_group_id=order.group_id,
        self_trade_prevention_type=order.self_trade_prevention.value,
        created_time=format_time(order.created_at),
        created_ts_ms=milliseconds(order.created_at),
        last_update_time=format_time(order.updated_at),
        last_updated_ts_ms=milliseconds(order.updated_at),
        expiration_time=None if expires_at is None else format_time(expires_at),
        expiration_ts_ms=None if expires_at is None else milliseconds(expires_at),
        last_update_reason=order.reason,
        subaccount_number=order.subaccount,
    )


def market_position(changed: PositionChanged) -> broadcasts.MarketPosition:
    """Return a position; its cost is the basis of what is open."""
    position = changed.position
    fees_of_open = position.fees_paid if choices.POSITION_FEE_COST_IS_FEES_PAID else Money(0)
    return broadcasts.MarketPosition(
        user_id=changed.account,
        market_ticker=position.ticker,
        position_fp=format_count(position.count),
        position_cost_dollars=format_money(position.exposure),
        realized_pnl_dollars=format_money(position.realized_pnl),
        fees_paid_dollars=format_money(position.fees_paid),
        position_fee_cost_dollars=format_money(fees_of_open),
        volume_fp=format_count(position.volume),
        subaccount=position.subaccount,
    )


def order_group(changed: GroupChanged) -> broadcasts.OrderGroup:
    """Return an order group's change."""
    shows_limit = changed.kind in (GroupEvent.CREATED, GroupEvent.LIMIT_UPDATED)
    return broadcasts.OrderGroup(
        event_type=changed.kind.value,
        order_group_id=changed.group_id,
        contracts_limit_fp=format_count(changed.limit) if shows_limit else UNSET,
        ts_ms=milliseconds(changed.at),
    )


def seconds(at: Timestamp) -> int:
    """Return Unix seconds."""
    return at // NS_PER_S


def milliseconds(at: Timestamp) -> int:
    """Return Unix milliseconds."""
    return at // NS_PER_MS

"""WebSocket messages, written by the exchange.

Owns: what a Kalshi server puts into each frame; every frame ends with a newline (Kalshi: capture).
Must not: number anything; `sid` and `seq` are the session's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from traderd.kalshi.wire import feed
from traderd.kalshi.wire.commands import ERROR_TEXT
from traderd.kalshi.wire.serve import OrderDetails, levels_to_wire, outcome_word
from traderd.model.ids import ClientOrderId, MarketTicker, TradeId
from traderd.model.orders import Fill, OrderRecord, Side
from traderd.model.units import (
    NS_PER_MS,
    NS_PER_S,
    Count,
    Price,
    Timestamp,
    complement,
    format_count,
    format_money,
    format_price,
    format_time,
)

_ENCODER = msgspec.json.Encoder()


def _frame(message: feed.Frame) -> bytes:
    return _ENCODER.encode(message) + b"\n"


def encode_snapshot(
    *,
    sid: int,
    seq: int,
    ticker: MarketTicker,
    market_id: str,
    bids: Iterable[tuple[Price, Count]],
    asks: Iterable[tuple[Price, Count]],
    use_yes_price: bool,
    command_id: int = 0,
) -> bytes:
    """Return an orderbook_snapshot; `asks` are YES prices and are quoted as the client asked for."""
    yes = sorted(bids)
    no = sorted(asks if use_yes_price else ((complement(price), count) for price, count in asks))
    body = feed.SnapshotBody(
        market_ticker=ticker,
        market_id=market_id,
        yes_dollars_fp=levels_to_wire(yes) or None,
        no_dollars_fp=levels_to_wire(no) or None,
    )
    return _frame(feed.Snapshot(sid=sid, seq=seq, msg=body, id=command_id))


def encode_delta(
    *,
    sid: int,
    seq: int,
    ticker: MarketTicker,
    market_id: str,
    side: Side,
    price: Price,
    change: Count,
    at: Timestamp,
    use_yes_price: bool,
    client_order_id: ClientOrderId | None = None,
) -> bytes:
    """Return an orderbook_delta; `price` is a YES price, `client_order_id` only for whoever caused it."""
    shown = price if side is Side.BID or use_yes_price else complement(price)
    body = feed.DeltaBody(
        market_ticker=ticker,
        market_id=market_id,
        price_dollars=format_price(shown),
        delta_fp=format_count(change),
        side="yes" if side is Side.BID else "no",
        ts=format_time(at),
        ts_ms=at // NS_PER_MS,
        client_order_id=client_order_id,
    )
    return _frame(feed.Delta(sid=sid, seq=seq, msg=body))


def encode_trade(
    *,
    sid: int,
    seq: int,
    trade_id: TradeId,
    ticker: MarketTicker,
    price: Price,
    count: Count,
    taker_side: Side,
    at: Timestamp,
) -> bytes:
    """Return a public trade."""
    body = feed.TradeBody(
        trade_id=trade_id,
        market_ticker=ticker,
        yes_price_dollars=format_price(price),
        no_price_dollars=format_price(complement(price)),
        count_fp=format_count(count),
        taker_outcome_side=outcome_word(taker_side),
        taker_book_side=taker_side.value,
        taker_side=outcome_word(taker_side),
        is_block_trade=False,
        ts=at // NS_PER_S,
        ts_ms=at // NS_PER_MS,
    )
    return _frame(feed.Trade(sid=sid, seq=seq, msg=body))


def encode_fill(*, sid: int, fill: Fill, post_position: Count) -> bytes:
    """Return a private fill; `post_position` is the signed position after it."""
    body = feed.FillBody(
        trade_id=fill.trade_id,
        order_id=fill.order_id,
        client_order_id=fill.client_order_id,
        market_ticker=fill.ticker,
        exchange_index=0,
        is_taker=fill.is_taker,
        outcome_side=outcome_word(fill.side),
        book_side=fill.side.value,
        side=outcome_word(fill.side),
        action="buy",
        purchased_side=outcome_word(fill.side),
        yes_price_dollars=format_price(fill.price),
        count_fp=format_count(fill.count),
        fee_cost=format_money(fill.fee),
        post_position_fp=format_count(post_position),
        ts=fill.executed_at // NS_PER_S,
        ts_ms=fill.executed_at // NS_PER_MS,
        subaccount=0,
    )
    return _frame(feed.FillMessage(sid=sid, msg=body))


def encode_user_order(*, sid: int, record: OrderRecord, details: OrderDetails) -> bytes:
    """Return a private order message."""
    body = feed.UserOrderBody(
        order_id=record.order_id,
        user_id=details.user_id,
        client_order_id=record.client_order_id,
        ticker=record.ticker,
        exchange_index=0,
        status=record.status.value,
        outcome_side=outcome_word(record.side),
        book_side=record.side.value,
        side=outcome_word(record.side),
        is_yes=record.side is Side.BID,
        yes_price_dollars=format_price(record.price),
        initial_count_fp=format_count(record.initial_count),
        fill_count_fp=format_count(record.fill_count),
        remaining_count_fp=format_count(record.remaining_count),
        taker_fill_cost_dollars=format_money(details.taker_fill_cost),
        maker_fill_cost_dollars=format_money(details.maker_fill_cost),
        taker_fees_dollars=format_money(details.taker_fees),
        maker_fees_dollars=format_money(details.maker_fees),
        self_trade_prevention_type=details.self_trade_prevention.value,
        created_time=_time(record.created_at),
        created_ts_ms=_ms(record.created_at),
        last_update_time=_time(details.updated_at),
        last_updated_ts_ms=_ms(details.updated_at),
        expiration_time=_time(record.expires_at),
        expiration_ts_ms=_ms(record.expires_at),
        last_update_reason=record.reason,
        subaccount_number=0,
    )
    return _frame(feed.UserOrder(sid=sid, msg=body))


def encode_subscribed(*, command_id: int, channel: str, sid: int) -> bytes:
    """Return the answer to subscribe for one channel."""
    body = feed.SubscribedBody(channel=channel, sid=sid)
    return _frame(feed.Subscribed(id=command_id, msg=body))


def encode_ok(
    *, command_id: int, sid: int, seq: int, tickers: Sequence[str] | None = None
) -> bytes:
    """Return the answer to add_markets or delete_markets: the full list after it, None to skip the list."""
    body = feed.OkBody(market_tickers=None if tickers is None else list(tickers))
    return _frame(feed.Ok(id=command_id, sid=sid, seq=seq, msg=body))


def encode_subscription_list(*, command_id: int, subscriptions: Iterable[tuple[str, int]]) -> bytes:
    """Return the answer to list_subscriptions from (channel, sid) pairs."""
    listed = [feed.SubscribedBody(channel=channel, sid=sid) for channel, sid in subscriptions]
    return _frame(feed.Ok(id=command_id, msg=listed))


def encode_unsubscribed(*, command_id: int, sid: int, seq: int) -> bytes:
    """Return the answer to unsubscribe for one subscription."""
    return _frame(feed.Unsubscribed(id=command_id, sid=sid, seq=seq))


def encode_error(
    code: int, *, command_id: int = 0, sid: int = 0, seq: int = 0, ticker: str | None = None
) -> bytes:
    """Return an error with Kalshi's text for `code`."""
    body = feed.ErrorBody(code=code, msg=ERROR_TEXT[code], market_ticker=ticker)
    return _frame(feed.FeedError(id=command_id, sid=sid, seq=seq, msg=body))


def _time(at: Timestamp | None) -> str | None:
    return None if at is None else format_time(at)


def _ms(at: Timestamp | None) -> int | None:
    return None if at is None else at // NS_PER_MS

"""WebSocket messages, written by the exchange.

Owns: the envelope of every frame, the replies, and the bodies of books and trades; a frame ends with a newline
(Kalshi: capture). A data message is encoded once, and only its address differs from client to client.
Must not: number anything; `sid` and `seq` are the session's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from traderd.kalshi.wire import feed
from traderd.kalshi.wire.commands import ERROR_TEXT
from traderd.kalshi.wire.serve import levels_to_wire, outcome_word
from traderd.model.ids import ClientOrderId, MarketTicker, TradeId
from traderd.model.orders import Side
from traderd.model.units import (
    NS_PER_MS,
    NS_PER_S,
    Count,
    Price,
    Timestamp,
    complement,
    format_count,
    format_price,
    format_time,
)

_ENCODER = msgspec.json.Encoder()


class Message(msgspec.Struct, frozen=True, gc=False):
    """A data message before it is addressed to anybody; made by `data_message`."""

    head: bytes
    rest: bytes

    def addressed(self, sid: int, seq: int = 0, command_id: int = 0) -> bytes:
        """Return the frame for one subscription; what is 0 is left out."""
        if command_id:
            return b'%b"id":%d,"sid":%d,"seq":%d,%b' % (self.head, command_id, sid, seq, self.rest)
        if seq:
            return b'%b"sid":%d,"seq":%d,%b' % (self.head, sid, seq, self.rest)
        return b'%b"sid":%d,%b' % (self.head, sid, self.rest)


def data_message(kind: str, body: Any, sent_ms: int) -> Message:
    """Encode a body; `sent_ms` is the moment it is queued (Kalshi: `sending_ts_ms`)."""
    return Message(
        b'{"type":"%b",' % kind.encode(),
        b'"sending_ts_ms":%d,"msg":%b}\n' % (sent_ms, _ENCODER.encode(body)),
    )


# --- books and trades -----------------------------------------------------------------------------


def snapshot_body(
    *,
    ticker: MarketTicker,
    market_id: str,
    bids: Iterable[tuple[Price, Count]],
    asks: Iterable[tuple[Price, Count]],
    use_yes_price: bool,
) -> feed.SnapshotBody:
    """Return the body of an orderbook_snapshot; `asks` are YES prices and are quoted as the client asked for."""
    yes = sorted(bids)
    no = sorted(asks if use_yes_price else ((complement(price), count) for price, count in asks))
    return feed.SnapshotBody(
        market_ticker=ticker,
        market_id=market_id,
        yes_dollars_fp=levels_to_wire(yes) or None,
        no_dollars_fp=levels_to_wire(no) or None,
    )


def delta_body(
    *,
    ticker: MarketTicker,
    market_id: str,
    side: Side,
    price: Price,
    change: Count,
    at: Timestamp,
    use_yes_price: bool,
    client_order_id: ClientOrderId | None = None,
    subaccount: int = 0,
) -> feed.DeltaBody:
    """Return the body of an orderbook_delta; `price` is a YES price, the last two are only for whoever caused it."""
    is_bid = side is Side.BID
    return feed.DeltaBody(
        market_ticker=ticker,
        market_id=market_id,
        price_dollars=format_price(price if is_bid or use_yes_price else complement(price)),
        delta_fp=format_count(change),
        side="yes" if is_bid else "no",
        ts=format_time(at),
        ts_ms=at // NS_PER_MS,
        client_order_id=client_order_id,
        subaccount=subaccount or None,
    )


def trade_body(
    *,
    trade_id: TradeId,
    ticker: MarketTicker,
    price: Price,
    count: Count,
    taker_side: Side,
    at: Timestamp,
) -> feed.TradeBody:
    """Return the body of a public trade."""
    return feed.TradeBody(
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


# --- replies --------------------------------------------------------------------------------------


def encode_subscribed(*, command_id: int, channel: str, sid: int) -> bytes:
    """Return the answer to subscribe for one channel."""
    body = feed.SubscribedBody(channel=channel, sid=sid)
    return _frame(feed.Subscribed(id=command_id, msg=body))


def encode_ok(*, command_id: int, sid: int, seq: int, body: feed.OkBody) -> bytes:
    """Return the answer to a change; `body` lists what the subscription covers now, or nothing."""
    return _frame(feed.Ok(id=command_id, sid=sid, seq=seq, msg=body))


def encode_subscription_list(*, command_id: int, subscriptions: Sequence[tuple[str, int]]) -> bytes:
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


def _frame(message: feed.Frame) -> bytes:
    return _ENCODER.encode(message) + b"\n"

"""WebSocket frames to events, for one connection of the trader.

Owns: what each frame means, and in which price form each subscription quotes its NO side.
Must not: judge sequence numbers (the book does), do IO, or let one bad frame end a connection: what cannot be
understood becomes FrameRefused and the gap it leaves is noticed at the next frame.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import attrs
import msgspec

from traderd.errors import BadInput, ExchangeProtocolError
from traderd.kalshi.wire import feed
from traderd.kalshi.wire.commands import BOOKS
from traderd.kalshi.wire.numbers import CountCache, Number, PriceCache
from traderd.kalshi.wire.translate import order_status_from_wire, side_from_wire
from traderd.model.events import (
    BookDelta,
    BookSnapshot,
    Event,
    FeedName,
    FrameRefused,
    OrderFilled,
    OrderReported,
    SequenceAdvanced,
    Source,
    TradePrinted,
)
from traderd.model.ids import ClientOrderId, MarketTicker, OrderId, TradeId
from traderd.model.orders import Fill, OrderRecord, Side
from traderd.model.units import (
    NS_PER_S,
    ONE_DOLLAR,
    Count,
    Price,
    Timestamp,
    parse_money,
    parse_time,
    timestamp_from_ms,
)


@attrs.frozen(kw_only=True)
class SnapshotReply:
    """A snapshot arrived in answer to the get_snapshot command `id`."""

    id: int
    ticker: MarketTicker


Reply: TypeAlias = feed.Subscribed | feed.Ok | feed.Unsubscribed | feed.FeedError | SnapshotReply
"""What answers a command; an error without an id answers none and concerns its `sid`."""

REASON_CHARACTERS_MAX: Final = 200
"""Bounds the reason of a refused frame: it quotes the exchange."""


class FrameDecoder:
    """Turns the frames of one connection into events; its state is the price form of each subscription."""

    def __init__(self, connection: int, feed_name: FeedName, *, use_yes_price: bool = True) -> None:
        """Take the connection's number; `use_yes_price` holds where `expect` was not told otherwise."""
        self.connection = connection
        self.refused = 0
        self._feed = feed_name
        self._use_yes_price = use_yes_price
        self._form_of_command: dict[int, bool] = {}
        self._form_of_sid: dict[int, bool] = {}
        self._names: dict[int, str] = {}
        self._prices = PriceCache()
        self._counts = CountCache()
        self._decoder = msgspec.json.Decoder(feed.Frame)
        self._handlers: dict[type, Callable[..., Reply | None]] = {
            feed.Delta: self._delta,
            feed.Snapshot: self._snapshot,
            feed.Trade: self._trade,
            feed.FillMessage: self._fill,
            feed.UserOrder: self._user_order,
            feed.Subscribed: self._subscribed,
            feed.Ok: self._acknowledged,
            feed.Unsubscribed: self._acknowledged,
            feed.FeedError: self._acknowledged,
        }

    def expect(self, command_id: int, *, use_yes_price: bool) -> None:
        """Remember which price form the subscribe command `command_id` asked for."""
        self._form_of_command[command_id] = use_yes_price

    def decode(self, raw: bytes | str, at: Timestamp, events: list[Event]) -> Reply | None:
        """Append the frame's events to `events`; return what it answers, if it answers a command."""
        try:
            frame = self._decoder.decode(raw)
            return self._handlers[type(frame)](frame, at, events)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            self._refuse(raw, at, str(exc), events)
        except (BadInput, ExchangeProtocolError) as exc:
            self._refuse(raw, at, str(exc), events)
        return None

    def subscription(self, sid: int) -> str:
        """Return the name of a subscription: `<connection>:<sid>`."""
        name = self._names.get(sid)
        if name is None:
            name = self._names[sid] = f"{self.connection}:{sid}"
        return name

    def _refuse(self, raw: bytes | str, at: Timestamp, reason: str, events: list[Event]) -> None:
        # An unknown type does not advance the sequence: it may have changed a book, so the gap must show.
        self.refused += 1
        try:
            kind = msgspec.json.decode(raw, type=feed.UnknownFrame).type
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            kind = "unreadable"
        events.append(
            FrameRefused(
                at=at,
                feed=self._feed,
                kind=kind[:REASON_CHARACTERS_MAX],
                reason=reason[:REASON_CHARACTERS_MAX],
            )
        )

    # --- market data ------------------------------------------------------------------------------

    def _delta(self, frame: feed.Delta, at: Timestamp, events: list[Event]) -> None:
        body = frame.msg
        price = self._prices[body.price_dollars]
        if body.side == "yes":
            side = Side.BID
        else:
            side = Side.ASK
            if not self._form_of_sid.get(frame.sid, self._use_yes_price):
                price = Price(ONE_DOLLAR - price)
        events.append(
            BookDelta(
                ticker=MarketTicker(body.market_ticker),
                side=side,
                price=price,
                change=self._counts[body.delta_fp],
                subscription=self.subscription(frame.sid),
                seq=frame.seq,
                at=at,
                exchange_at=None if body.ts_ms is None else timestamp_from_ms(body.ts_ms),
            )
        )

    def _snapshot(self, frame: feed.Snapshot, at: Timestamp, events: list[Event]) -> Reply | None:
        body = frame.msg
        if (body.yes or body.no) and body.yes_dollars_fp is None and body.no_dollars_fp is None:
            # Taking the old form for an empty book would be worse than having none.
            raise ExchangeProtocolError("a snapshot in integer cents")
        asks = self._levels(body.no_dollars_fp)
        if not self._form_of_sid.get(frame.sid, self._use_yes_price):
            asks = tuple((Price(ONE_DOLLAR - price), count) for price, count in asks)
        ticker = MarketTicker(body.market_ticker)
        events.append(
            BookSnapshot(
                ticker=ticker,
                bids=self._levels(body.yes_dollars_fp),
                asks=asks,
                subscription=self.subscription(frame.sid),
                seq=frame.seq,
                at=at,
                in_answer=bool(frame.id),
            )
        )
        return SnapshotReply(id=frame.id, ticker=ticker) if frame.id else None

    def _levels(
        self, levels: list[tuple[Number, Number]] | None
    ) -> tuple[tuple[Price, Count], ...]:
        prices, counts = self._prices, self._counts
        return tuple((prices[price], counts[count]) for price, count in levels or ())

    def _trade(self, frame: feed.Trade, at: Timestamp, events: list[Event]) -> None:
        body = frame.msg
        if frame.seq:
            # A trade is data without a book: its number counts, so that a missing one is noticed.
            subscription = self.subscription(frame.sid)
            events.append(SequenceAdvanced(subscription=subscription, seq=frame.seq, at=at))
        events.append(
            TradePrinted(
                trade_id=TradeId(body.trade_id),
                ticker=MarketTicker(body.market_ticker),
                price=self._prices[body.yes_price_dollars],
                count=self._counts[body.count_fp],
                taker_side=side_from_wire(body.taker_book_side, body.taker_outcome_side, "trade"),
                at=at,
                exchange_at=None if body.ts_ms is None else timestamp_from_ms(body.ts_ms),
            )
        )

    # --- private facts ----------------------------------------------------------------------------

    def _fill(self, frame: feed.FillMessage, at: Timestamp, events: list[Event]) -> None:
        body = frame.msg
        executed_at = at
        if body.ts_ms is not None:
            executed_at = timestamp_from_ms(body.ts_ms)
        elif body.ts is not None:
            executed_at = Timestamp(body.ts * NS_PER_S)
        fill = Fill(
            trade_id=TradeId(body.trade_id),
            order_id=OrderId(body.order_id),
            ticker=MarketTicker(body.market_ticker),
            side=side_from_wire(body.book_side, body.outcome_side, "fill"),
            price=self._prices[body.yes_price_dollars],
            count=self._counts[body.count_fp],
            fee=parse_money(body.fee_cost, what="fee_cost"),
            is_taker=body.is_taker,
            executed_at=executed_at,
            client_order_id=ClientOrderId(body.client_order_id) if body.client_order_id else None,
        )
        events.append(OrderFilled(at=at, fill=fill, source=Source.FEED))

    def _user_order(self, frame: feed.UserOrder, at: Timestamp, events: list[Event]) -> None:
        body = frame.msg
        record = OrderRecord(
            order_id=OrderId(body.order_id),
            client_order_id=ClientOrderId(body.client_order_id) if body.client_order_id else None,
            ticker=MarketTicker(body.ticker),
            side=side_from_wire(body.book_side, body.outcome_side, "user_order"),
            price=self._prices[body.yes_price_dollars],
            status=order_status_from_wire(body.status, "user_order"),
            initial_count=self._amount(body.initial_count_fp),
            fill_count=self._amount(body.fill_count_fp),
            remaining_count=self._amount(body.remaining_count_fp),
            created_at=_moment(body.created_ts_ms, body.created_time),
            expires_at=_moment(body.expiration_ts_ms, body.expiration_time),
            reason=body.last_update_reason or None,
        )
        events.append(OrderReported(at=at, record=record, source=Source.FEED))

    def _amount(self, number: Number) -> Count:
        count = self._counts[number]
        if count < 0:
            raise ExchangeProtocolError(f"a count of {number}")
        return count

    # --- replies ----------------------------------------------------------------------------------

    def _subscribed(self, frame: feed.Subscribed, at: Timestamp, events: list[Event]) -> Reply:
        if frame.msg.channel == BOOKS and frame.id in self._form_of_command:
            self._form_of_sid[frame.msg.sid] = self._form_of_command[frame.id]
        return frame

    def _acknowledged(
        self,
        frame: feed.Ok | feed.Unsubscribed | feed.FeedError,
        at: Timestamp,
        events: list[Event],
    ) -> Reply:
        if frame.sid and frame.seq:
            events.append(
                SequenceAdvanced(subscription=self.subscription(frame.sid), seq=frame.seq, at=at)
            )
        return frame


def _moment(milliseconds: int | None, text: str | None) -> Timestamp | None:
    if milliseconds is not None:
        return timestamp_from_ms(milliseconds)
    return parse_time(text) if text else None

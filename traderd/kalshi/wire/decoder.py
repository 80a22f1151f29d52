"""WebSocket frames to events, for one connection of the trader.

Owns: what each frame means, and in which price form each subscription quotes its NO side.
Must not: judge sequence numbers (`core/market_data.py` does), do IO, or let one bad frame end a connection: what cannot
be understood becomes FrameRefused, with as much of its place in the stream as can be read, so that its books are doubted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, Final, TypeAlias

import attrs
import msgspec

from traderd.errors import BadInput, ExchangeProtocolError, UnitError
from traderd.kalshi.wire import feed
from traderd.kalshi.wire.account import OURS
from traderd.kalshi.wire.commands import BOOKS
from traderd.kalshi.wire.numbers import COMPLEMENTS, COUNTS, PRICES, Number, PriceCache
from traderd.kalshi.wire.private import amount, fill_from_frame, order_from_frame
from traderd.kalshi.wire.refusal import CHARACTERS_MAX, UNREADABLE, refusal_of
from traderd.kalshi.wire.translate import grid_from_wire, side_from_wire
from traderd.model.events import (
    BookDelta,
    BookSnapshot,
    Drift,
    Event,
    FeedName,
    FrameRefused,
    GroupNews,
    LifeStep,
    MarketLifecycleChanged,
    OrderFilled,
    OrderGroupReported,
    OrderReported,
    SequenceAdvanced,
    Source,
    TradePrinted,
)
from traderd.model.ids import EventTicker, MarketTicker, TradeId
from traderd.model.orders import Side
from traderd.model.units import (
    NS_PER_MS,
    NS_PER_S,
    Count,
    Price,
    Timestamp,
    timestamp_from_ms,
    timestamp_from_seconds,
)


@attrs.frozen(kw_only=True)
class SnapshotReply:
    """A snapshot arrived in answer to the get_snapshot command `id`."""

    id: int
    ticker: MarketTicker


Reply: TypeAlias = feed.Subscribed | feed.Ok | feed.Unsubscribed | feed.FeedError | SnapshotReply
"""What answers a command; an error without an id answers none and concerns its `sid`."""

BID, ASK = Side.BID, Side.ASK
AHEAD_MAX_NS: Final = 10 * NS_PER_S
"""Bounds how far after our reading the stamp of public news may lie, by the exchange's clock: its offset from ours is known
to a second, and a step of ours within seconds."""
LIFE_STEPS: Final = {step.value: step for step in LifeStep if step is not LifeStep.UNKNOWN}
GROUP_NEWS: Final = {news.value: news for news in GroupNews}


class FrameDecoder:
    """Turns the frames of one connection into events; its state is the price form of each subscription."""

    def __init__(
        self,
        connection: int,
        feed_name: FeedName,
        *,
        use_yes_price: bool = True,
        clock_offset_ms: Callable[[], int] = lambda: 0,
    ) -> None:
        """Take what the frames are read with.

        Args:
            connection: its number.
            feed_name: which of the two.
            use_yes_price: holds where `expect` was not told otherwise.
            clock_offset_ms: gives the exchange's clock minus ours, asked when a stamp seems to be of the future.
        """
        self.connection = connection
        self._clock_offset_ms = clock_offset_ms
        self.refused = 0
        self._feed = feed_name
        self._use_yes_price = use_yes_price
        self._form_of_command: dict[int, bool] = {}
        self._form_of_sid: dict[int, bool] = {}
        self._names: dict[int, str] = {}
        self._prices, self._no_prices, self._counts = PRICES, COMPLEMENTS, COUNTS
        self._decoder = msgspec.json.Decoder(feed.FrameRead)

    def expect(self, command_id: int, *, use_yes_price: bool) -> None:
        """Remember which price form the subscribe command `command_id` asked for."""
        self._form_of_command[command_id] = use_yes_price

    def decode(self, raw: bytes | str, at: Timestamp, events: list[Event]) -> Reply | None:
        """Append the frame's events to `events`; return what it answers, if it answers a command."""
        replies: list[Reply] = []
        self.decode_all((raw,), at, events, replies.append)
        return replies[0] if replies else None

    def decode_all(
        self,
        frames: Iterable[bytes | str],
        at: Timestamp,
        events: list[Event],
        on_reply: Callable[[Reply], None],
    ) -> None:
        """Append the events of all frames to `events`; `on_reply` gets each answer when it is its turn."""
        decode, append = self._decoder.decode, events.append
        delta, prices, counts = feed.DeltaRead, self._prices, self._counts
        sid: int | None = None
        subscription, asks = "", prices
        last_ms, exchange_at = None, None
        stamp, latest = timestamp_from_ms, at + AHEAD_MAX_NS
        for raw in frames:
            try:
                frame = decode(raw)
                if type(frame) is not delta:
                    sid = None  # a reply may tell of another price form
                    reply = self._HANDLERS[type(frame)](self, frame, at, events)
                    if reply is not None:
                        on_reply(reply)
                    continue
                # Nearly every frame is one, most of them of one subscription, so nothing is looked up twice.
                if frame.sid != sid:
                    sid = frame.sid
                    subscription, asks = self.subscription(sid), self._prices_of_asks(sid)
                body = frame.msg
                if body.ts_ms != last_ms:
                    last_ms = body.ts_ms
                    try:
                        exchange_at = None if last_ms is None else stamp(last_ms, latest)
                    except UnitError:
                        exchange_at = self._stamp(last_ms, "orderbook_delta", at, events)
                        last_ms = None  # each odd one counts
                is_bid = body.side == "yes"
                append(
                    BookDelta(
                        ticker=body.market_ticker,
                        side=BID if is_bid else ASK,
                        price=(prices if is_bid else asks)[body.price_dollars],
                        change=counts[body.delta_fp],
                        subscription=subscription,
                        seq=frame.seq,
                        at=at,
                        exchange_at=exchange_at,
                    )
                )
            except UNREADABLE as exc:
                self._refuse(raw, at, exc, events)
            except (BadInput, ExchangeProtocolError) as exc:
                self._refuse(raw, at, exc, events)

    def subscription(self, sid: int) -> str:
        """Return the name of a subscription: `<connection>:<sid>`."""
        name = self._names.get(sid)
        if name is None:
            name = self._names[sid] = f"{self.connection}:{sid}"
        return name

    def _prices_of_asks(self, sid: int) -> PriceCache:
        in_yes_prices = self._form_of_sid.get(sid, self._use_yes_price)
        return self._prices if in_yes_prices else self._no_prices

    def _refuse(
        self, raw: bytes | str, at: Timestamp, problem: Exception, events: list[Event]
    ) -> None:
        self.refused += 1
        events.append(
            refusal_of(
                raw,
                problem,
                at=at,
                feed_name=self._feed,
                connection=self.connection,
                name_of=self.subscription,
            )
        )

    # --- market data ------------------------------------------------------------------------------

    def _snapshot(self, frame: feed.Snapshot, at: Timestamp, events: list[Event]) -> Reply | None:
        body = frame.msg
        if (body.yes or body.no) and body.yes_dollars_fp is None and body.no_dollars_fp is None:
            # Taking the old form for an empty book would be worse than having none.
            raise ExchangeProtocolError("a snapshot in integer cents")
        asks = self._levels(body.no_dollars_fp, self._prices_of_asks(frame.sid))
        ticker = MarketTicker(body.market_ticker)
        events.append(
            BookSnapshot(
                ticker=ticker,
                bids=self._levels(body.yes_dollars_fp, self._prices),
                asks=asks,
                subscription=self.subscription(frame.sid),
                seq=frame.seq,
                at=at,
                in_answer=bool(frame.id),
            )
        )
        return SnapshotReply(id=frame.id, ticker=ticker) if frame.id else None

    def _levels(
        self, levels: list[tuple[Number, Number]] | None, prices: PriceCache
    ) -> tuple[tuple[Price, Count], ...]:
        counts = self._counts
        return tuple((prices[price], counts[count]) for price, count in levels or ())

    def _trade(self, frame: feed.Trade, at: Timestamp, events: list[Event]) -> None:
        body = frame.msg
        exchange_at = self._stamp(body.ts_ms, "trade", at, events)
        # A trade is data without a book: its number counts, so that a missing one is noticed.
        self._number_only(frame, at, events, exchange_at)
        events.append(
            TradePrinted(
                trade_id=TradeId(body.trade_id),
                ticker=MarketTicker(body.market_ticker),
                price=self._prices[body.yes_price_dollars],
                count=self._counts[body.count_fp],
                taker_side=side_from_wire(body.taker_book_side, body.taker_outcome_side, "trade"),
                at=at,
                exchange_at=exchange_at,
                is_block=bool(body.is_block_trade),
            )
        )

    def _stamp(
        self, milliseconds: int | None, kind: str, at: Timestamp, events: list[Event]
    ) -> Timestamp | None:
        # Of public news only: it is worth having without a stamp that cannot be, which is counted.
        if milliseconds is None:
            return None
        latest = latest_believed(at, self._clock_offset_ms())
        try:
            return timestamp_from_ms(milliseconds, latest, what="ts_ms")
        except UnitError as exc:
            self._refuse_part(kind, "msg.ts_ms", Drift.WRONG_VALUE, str(exc), at, events)
            return None

    def _refuse_part(
        self, kind: str, where: str, drift: Drift, reason: str, at: Timestamp, events: list[Event]
    ) -> None:
        # Of a frame that has its number, so no gap will tell of it; no book is in doubt for it.
        self.refused += 1
        events.append(
            FrameRefused(
                at=at,
                feed=self._feed,
                kind=kind,
                reason=reason[:CHARACTERS_MAX],
                drift=drift,
                where=where,
            )
        )

    # --- lifecycle --------------------------------------------------------------------------------

    def _lifecycle(self, frame: feed.MarketLifecycle, at: Timestamp, events: list[Event]) -> None:
        body = frame.msg
        self._number_only(frame, at, events)
        step = LIFE_STEPS.get(body.event_type)
        if step is None:
            # It has its number, so no gap will tell of it: whoever counts what is new, and whoever reads markets again,
            # must hear of it here. Of its fields none is taken: they may mean something else in such a step.
            self._refuse_step("market_lifecycle_v2", body.event_type, at, events)
            ticker = MarketTicker(body.market_ticker)
            events.append(MarketLifecycleChanged(at=at, ticker=ticker, step=LifeStep.UNKNOWN))
            return
        metadata, value = body.additional_metadata, body.settlement_value
        event_ticker = None if metadata is None else metadata.event_ticker
        events.append(
            MarketLifecycleChanged(
                at=at,
                ticker=MarketTicker(body.market_ticker),
                step=step,
                event_ticker=EventTicker(event_ticker) if event_ticker else None,
                open_time=_from_seconds(body.open_ts, "open_ts"),
                close_time=_from_seconds(body.close_ts, "close_ts"),
                grid=grid_from_wire(body.price_ranges) if body.price_ranges else None,
                result=body.result or "",
                settlement_value=None if value is None else self._prices[value],
            )
        )

    def _refuse_step(self, kind: str, step: str, at: Timestamp, events: list[Event]) -> None:
        reason = f"event_type {step!r} is unknown"
        self._refuse_part(kind, "msg.event_type", Drift.UNKNOWN_VALUE, reason, at, events)

    def _number_only(
        self,
        frame: feed.Trade
        | feed.OrderGroupUpdate
        | feed.MarketLifecycle
        | feed.EventLifecycle
        | feed.EventFees,
        at: Timestamp,
        events: list[Event],
        exchange_at: Timestamp | None = None,
    ) -> None:
        if frame.seq:
            events.append(
                SequenceAdvanced(
                    subscription=self.subscription(frame.sid),
                    seq=frame.seq,
                    at=at,
                    is_data=True,
                    exchange_at=exchange_at,
                )
            )

    # --- private facts ----------------------------------------------------------------------------

    def _fill(self, frame: feed.FillMessage, at: Timestamp, events: list[Event]) -> None:
        body = frame.msg
        if body.subaccount not in {None, OURS}:
            # Neither its position nor its money is ours.
            return
        events.append(OrderFilled(at=at, fill=fill_from_frame(body, at), source=Source.FEED))

    def _user_order(self, frame: feed.UserOrder, at: Timestamp, events: list[Event]) -> None:
        body = frame.msg
        if body.subaccount_number not in {None, OURS}:
            return
        record = order_from_frame(body)
        events.append(OrderReported(at=at, record=record, source=Source.FEED))

    def _order_group(
        self, frame: feed.OrderGroupUpdate, at: Timestamp, events: list[Event]
    ) -> None:
        body = frame.msg
        self._number_only(frame, at, events)
        news = GROUP_NEWS.get(body.event_type)
        if news is None:
            self._refuse_step("order_group_updates", body.event_type, at, events)
            return
        limit = body.contracts_limit_fp
        events.append(
            OrderGroupReported(
                at=at,
                group_id=body.order_group_id,
                news=news,
                limit=None if limit is None else amount(limit),
            )
        )

    # --- replies ----------------------------------------------------------------------------------

    def _subscribed(self, frame: feed.Subscribed, at: Timestamp, events: list[Event]) -> Reply:
        if frame.msg.channel == BOOKS and frame.id in self._form_of_command:
            self._form_of_sid[frame.msg.sid] = self._form_of_command.pop(frame.id)
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

    # By class, because a table of bound methods would keep each decoder alive, with all it remembers, until the garbage
    # collector comes by.
    _HANDLERS: ClassVar[dict[type, Callable[..., Reply | None]]] = {
        feed.Snapshot: _snapshot,
        feed.Trade: _trade,
        feed.FillMessage: _fill,
        feed.UserOrder: _user_order,
        feed.OrderGroupUpdate: _order_group,
        feed.MarketLifecycle: _lifecycle,
        feed.EventLifecycle: _number_only,
        feed.EventFees: _number_only,
        feed.Subscribed: _subscribed,
        feed.Ok: _acknowledged,
        feed.Unsubscribed: _acknowledged,
        feed.FeedError: _acknowledged,
    }


def latest_believed(at: Timestamp, clock_offset_ms: int) -> int:
    """Return the newest stamp, in ns, that public news read at `at` may have; `clock_offset_ms` is the exchange's clock minus ours."""
    return at + max(0, clock_offset_ms * NS_PER_MS) + AHEAD_MAX_NS


def _from_seconds(seconds: int | None, what: str) -> Timestamp | None:
    return None if seconds is None else timestamp_from_seconds(seconds, what=what)

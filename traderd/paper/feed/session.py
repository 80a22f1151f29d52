"""The subscriptions of one WebSocket client, and every frame it gets.

Owns: sids, sequence numbers, filters, and the answers to commands (Kalshi: WebSocket). Acknowledgements use up a
sequence number of their subscription.
Must not: wait, or know how frames travel.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Final

import attrs

from traderd.kalshi.wire import commands, frames
from traderd.kalshi.wire.commands import BOOKS, CHANNELS, FILLS, TRADES, USER_ORDERS
from traderd.model.ids import MarketTicker
from traderd.paper.to_wire import fill_record, order_details, order_record
from traderd.paper.venue.messages import (
    Broadcast,
    FillHappened,
    LevelChanged,
    OrderUpdated,
    TradeHappened,
)
from traderd.paper.venue.venue import Venue

MARKETS_MAX: Final = 500_000
"""Bounds the markets of one session over all its subscriptions (Kalshi: session limits, error 26)."""
SEQUENCED: Final = (BOOKS, TRADES)
"""Channels whose messages are numbered; private ones are not."""


@attrs.define(eq=False)
class Subscription:
    """One channel of one client."""

    sid: int
    channel: str
    use_yes_price: bool
    skip_ticker_ack: bool
    tickers: dict[str, None] | None
    """In the order they were added; None is every market."""
    seq: int = 0

    def wants(self, ticker: str) -> bool:
        """Tell whether a market passes the filter."""
        return self.tickers is None or ticker in self.tickers

    def next_seq(self) -> int:
        """Return the next number, 0 on a channel without numbers: then none is written."""
        if self.channel not in SEQUENCED:
            return 0
        self.seq += 1
        return self.seq

    def add(self, tickers: Iterable[str]) -> list[str]:
        """Let more markets pass and return the new ones."""
        if self.tickers is None:
            return []
        added = [ticker for ticker in tickers if ticker not in self.tickers]
        self.tickers.update(dict.fromkeys(added))
        return added

    def listed(self) -> list[str] | None:
        """Return the markets for an acknowledgement, None when the client does not want the list."""
        return None if self.skip_ticker_ack else list(self.tickers or ())


class Rendering:
    """One broadcast, encoded once for all who get the same bytes after their own sid and seq."""

    def __init__(self, broadcast: Broadcast, venue: Venue) -> None:
        self.broadcast = broadcast
        self._venue = venue
        self._tails: dict[bool, bytes] = {}

    def frame(self, kind: bytes, sid: int, seq: int, *, use_yes_price: bool = True) -> bytes:
        """Return the frame with this sid and seq."""
        tail = self._tails.get(use_yes_price)
        if tail is None:
            whole = self.encode(sid, seq, use_yes_price=use_yes_price)
            # Only numbers come before the first `"msg":`, so no text can look like it.
            tail = self._tails[use_yes_price] = whole[whole.index(b'"msg":') :]
        return b'{"type":"%b","sid":%d,"seq":%d,%b' % (kind, sid, seq, tail)

    def encode(self, sid: int, seq: int, *, use_yes_price: bool, personal: bool = False) -> bytes:
        """Return the frame made from scratch; a `personal` delta carries its cause's client order id."""
        match self.broadcast:
            case LevelChanged() as change:
                return frames.encode_delta(
                    sid=sid,
                    seq=seq,
                    ticker=change.ticker,
                    market_id=self._venue.market(change.ticker).market_id,
                    side=change.side,
                    price=change.price,
                    change=change.change,
                    at=change.at,
                    use_yes_price=use_yes_price,
                    client_order_id=change.client_order_id if personal else None,
                )
            case TradeHappened() as trade:
                return frames.encode_trade(
                    sid=sid,
                    seq=seq,
                    trade_id=trade.trade_id,
                    ticker=trade.ticker,
                    price=trade.price,
                    count=trade.count,
                    taker_side=trade.taker_side,
                    at=trade.at,
                )
            case OrderUpdated(order=order):
                return frames.encode_user_order(
                    sid=sid, record=order_record(order), details=order_details(order)
                )
            case FillHappened(fill=fill, post_position=position):
                return frames.encode_fill(sid=sid, fill=fill_record(fill), post_position=position)


class FeedSession:
    """One client: commands in, frames out through `send`, all at once and in order."""

    def __init__(self, *, account_id: str, venue: Venue, send: Callable[[bytes], None]) -> None:
        self._account_id = account_id
        self._venue = venue
        self._send = send
        self._sids = itertools.count(1)
        self._by_sid: dict[int, Subscription] = {}
        self._by_channel: dict[str, Subscription] = {}

    def channels(self) -> tuple[str, ...]:
        """Return the channels subscribed to."""
        return tuple(self._by_channel)

    def command(self, raw: str) -> None:
        """Carry out one command and answer it; a refused one is answered with its error."""
        try:
            match commands.decode_command(raw, CHANNELS):
                case commands.Subscribe() as asked:
                    self._subscribe(asked)
                case commands.UpdateSubscription() as asked:
                    self._update(asked)
                case commands.Unsubscribe() as asked:
                    self._unsubscribe(asked)
                case commands.ListSubscriptions(id=command_id):
                    pairs = [(each.channel, each.sid) for each in self._by_sid.values()]
                    self._send(
                        frames.encode_subscription_list(command_id=command_id, subscriptions=pairs)
                    )
        except commands.CommandRefused as exc:
            self._send(frames.encode_error(exc.code, command_id=exc.command_id))

    def deliver(self, rendering: Rendering) -> None:
        """Send what happened to this client if it subscribed to it."""
        match rendering.broadcast:
            case LevelChanged(ticker=ticker, account=account, client_order_id=cause):
                held = self._by_channel.get(BOOKS)
                if held is None or not held.wants(ticker):
                    return
                seq, form = held.next_seq(), held.use_yes_price
                if cause is not None and account == self._account_id:
                    self._send(rendering.encode(held.sid, seq, use_yes_price=form, personal=True))
                else:
                    self._send(
                        rendering.frame(b"orderbook_delta", held.sid, seq, use_yes_price=form)
                    )
            case TradeHappened(ticker=ticker):
                held = self._by_channel.get(TRADES)
                if held is not None and held.wants(ticker):
                    self._send(rendering.frame(b"trade", held.sid, held.next_seq()))
            case OrderUpdated(account=account, order=order):
                self._deliver_private(rendering, USER_ORDERS, account, order.ticker)
            case FillHappened(account=account, fill=fill):
                self._deliver_private(rendering, FILLS, account, fill.ticker)

    def _deliver_private(
        self, rendering: Rendering, channel: str, account: str, ticker: MarketTicker
    ) -> None:
        held = self._by_channel.get(channel)
        if held is not None and account == self._account_id and held.wants(ticker):
            self._send(rendering.encode(held.sid, held.next_seq(), use_yes_price=True))

    def _subscribe(self, asked: commands.Subscribe) -> None:
        self._check_room(len(asked.tickers) * len(asked.channels), asked.id)
        books = self._by_channel.get(BOOKS) if BOOKS in asked.channels else None
        if books is not None and books.use_yes_price is not asked.use_yes_price:
            # One sid has one price form: a second one would make every reader wrong.
            raise commands.CommandRefused(11, command_id=asked.id)
        added: list[tuple[Subscription, list[str]]] = []
        for channel in asked.channels:
            held = self._by_channel.get(channel)
            if held is None:
                held = self._new_subscription(channel, asked)
                new = list(asked.tickers)
            elif asked.tickers:
                new = held.add(asked.tickers)
            else:
                held.tickers, new = None, []
            added.append((held, new))
            self._send(frames.encode_subscribed(command_id=asked.id, channel=channel, sid=held.sid))
        for held, new in added:
            self._send_snapshots(held, new)

    def _new_subscription(self, channel: str, asked: commands.Subscribe) -> Subscription:
        held = Subscription(
            sid=next(self._sids),
            channel=channel,
            use_yes_price=asked.use_yes_price,
            skip_ticker_ack=asked.skip_ticker_ack,
            tickers=dict.fromkeys(asked.tickers) if asked.tickers else None,
        )
        self._by_sid[held.sid] = self._by_channel[channel] = held
        return held

    def _update(self, asked: commands.UpdateSubscription) -> None:
        held = self._by_sid.get(asked.sid)
        if held is None:
            raise commands.CommandRefused(7, command_id=asked.id)
        if asked.action == commands.GET_SNAPSHOT:
            if held.channel != BOOKS:
                raise commands.CommandRefused(13, command_id=asked.id)
            if not all(held.wants(ticker) for ticker in asked.tickers):
                raise commands.CommandRefused(11, command_id=asked.id)
            self._send_snapshots(held, asked.tickers, command_id=asked.id)
            return
        new: list[str] = []
        if asked.action == commands.ADD_MARKETS:
            self._check_room(len(asked.tickers), asked.id)
            new = held.add(asked.tickers)
        elif held.tickers is None:
            # Taking some away from "every market" cannot be said in a list.
            raise commands.CommandRefused(11, command_id=asked.id)
        else:
            for ticker in asked.tickers:
                held.tickers.pop(ticker, None)
        self._send(
            frames.encode_ok(
                command_id=asked.id, sid=held.sid, seq=held.next_seq(), tickers=held.listed()
            )
        )
        self._send_snapshots(held, new)

    def _unsubscribe(self, asked: commands.Unsubscribe) -> None:
        for sid in asked.sids:
            held = self._by_sid.pop(sid, None)
            if held is None:
                self._send(frames.encode_error(7, command_id=asked.id))
                continue
            del self._by_channel[held.channel]
            self._send(
                frames.encode_unsubscribed(command_id=asked.id, sid=sid, seq=held.next_seq())
            )

    def _send_snapshots(
        self, held: Subscription, tickers: Iterable[str], *, command_id: int = 0
    ) -> None:
        if held.channel != BOOKS:
            return
        known = {market.ticker: market.market_id for market in self._venue.markets()}
        for text in tickers:
            ticker = MarketTicker(text)
            # Kalshi is silent about markets that it does not have (error 16 was retired).
            if ticker not in known:
                continue
            bids, asks = self._venue.book(ticker)
            self._send(
                frames.encode_snapshot(
                    sid=held.sid,
                    seq=held.next_seq(),
                    ticker=ticker,
                    market_id=known[ticker],
                    bids=bids,
                    asks=asks,
                    use_yes_price=held.use_yes_price,
                    command_id=command_id,
                )
            )

    def _check_room(self, more: int, command_id: int) -> None:
        held = sum(len(each.tickers or ()) for each in self._by_sid.values())
        if held + more > MARKETS_MAX:
            raise commands.CommandRefused(26, command_id=command_id)

"""The subscriptions of one WebSocket client, and the answers to its commands.

Owns: sids, what each subscription covers, and every reply (Kalshi: WebSocket commands). Acknowledgements use up a
sequence number of their subscription.
Must not: wait, tell news (`publisher`), or know how frames travel.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from traderd.kalshi.wire import broadcasts, commands, frames
from traderd.kalshi.wire.command_reader import decode_command
from traderd.kalshi.wire.commands import BOOKS, QUOTES, UNDERLYINGS, CommandRefused
from traderd.model.ids import MarketTicker
from traderd.paper import choices
from traderd.paper.feed import bodies
from traderd.paper.feed.audience import Audience
from traderd.paper.feed.subscription import ACTIONS_OF, FILTERED, REFERENCES, Subscription
from traderd.paper.venue.listings import VenueMarket
from traderd.paper.venue.venue import Venue

MARKETS_MAX: Final = 500_000
"""Bounds the names of one session over all its subscriptions (Kalshi: session limits, error 26)."""


class FeedSession:
    """One client: commands in, frames out through `send`, all at once and in order."""

    def __init__(
        self,
        *,
        account_id: str,
        venue: Venue,
        audience: Audience,
        send: Callable[[bytes], None],
        now_ms: Callable[[], int],
        send_data: Callable[[str, bytes], None] | None = None,
    ) -> None:
        """Make a session without subscriptions.

        Args:
            account_id: whose.
            venue: what commands read.
            audience: where subscriptions are found by those who have news.
            send: takes every frame in order.
            now_ms: stamps what answers a command with data.
            send_data: takes the data of a channel instead of `send`, so that a fault can strike it.
        """
        self._account_id = account_id
        self._venue = venue
        self._audience = audience
        self._send = send
        self._send_data = send_data
        self._now_ms = now_ms
        self._sids = itertools.count(1)
        self._by_sid: dict[int, Subscription] = {}
        self._by_channel: dict[str, Subscription] = {}

    def channels(self) -> tuple[str, ...]:
        """Return the channels subscribed to."""
        return tuple(self._by_channel)

    def end(self) -> None:
        """Forget every subscription."""
        for held in self._by_sid.values():
            self._audience.leave(held)
        self._by_sid.clear()
        self._by_channel.clear()

    def overflowed(self) -> list[bytes]:
        """Return what a client is told that read too slowly: each of its subscriptions is dead."""
        if not self._by_sid:
            return [frames.encode_error(25)]
        return [
            frames.encode_error(25, sid=held.sid, seq=held.number_error())
            for held in self._by_sid.values()
        ]

    def command(self, raw: str) -> None:
        """Carry out one command and answer it; a refused one is answered with its error."""
        try:
            match decode_command(raw):
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
        except CommandRefused as exc:
            self._send(frames.encode_error(exc.code, command_id=exc.command_id))

    # --- subscribe and unsubscribe ----------------------------------------------------------------

    def _subscribe(self, asked: commands.Subscribe) -> None:
        self._check_subscribe(asked)
        added: list[tuple[Subscription, list[str], list[str]]] = []
        for channel in asked.channels:
            held = self._by_channel.get(channel)
            if held is None:
                held, tickers, market_ids = self._open(channel, asked)
            else:
                tickers, market_ids = self._extend(held, asked)
            added.append((held, tickers, market_ids))
            self._send(frames.encode_subscribed(command_id=asked.id, channel=channel, sid=held.sid))
        for held, tickers, market_ids in added:
            self._send_snapshots(held, tickers)
            if asked.send_initial_snapshot and held.channel == QUOTES:
                self._send_quotes(held, tickers, market_ids, shows_all=held.tickers is None)

    def _check_subscribe(self, asked: commands.Subscribe) -> None:
        if asked.market_ids:
            self._check_ids(asked.channels, asked.id)
        names = (*asked.tickers, *asked.market_ids, *asked.index_ids, *asked.underlying_tickers)
        self._check_room(len(names) * len(asked.channels), asked.id)
        books = self._by_channel.get(BOOKS) if BOOKS in asked.channels else None
        if books is not None and books.use_yes_price is not asked.use_yes_price:
            # One sid has one price form: a second one would make every reader wrong.
            raise CommandRefused(11, command_id=asked.id)

    def _open(
        self, channel: str, asked: commands.Subscribe
    ) -> tuple[Subscription, list[str], list[str]]:
        is_narrow = channel in FILTERED and bool(asked.tickers or asked.market_ids)
        held = Subscription(
            sid=next(self._sids),
            channel=channel,
            account_id=self._account_id,
            send=self._send if self._send_data is None else partial(self._send_data, channel),
            use_yes_price=asked.use_yes_price,
            skip_ticker_ack=asked.skip_ticker_ack,
            tickers=dict.fromkeys(asked.tickers) if is_narrow else None,
            market_ids=dict.fromkeys(asked.market_ids) if is_narrow else {},
            references=dict.fromkeys(_references(channel, asked)),
        )
        self._by_sid[held.sid] = self._by_channel[channel] = held
        self._audience.join(held)
        return held, list(held.tickers or ()), list(held.market_ids)

    def _extend(self, held: Subscription, asked: commands.Subscribe) -> tuple[list[str], list[str]]:
        held.skip_ticker_ack = asked.skip_ticker_ack
        held.references.update(dict.fromkeys(_references(held.channel, asked)))
        if held.channel not in FILTERED:
            return [], []
        if asked.tickers or asked.market_ids:
            return self._audience.cover(held, asked.tickers, asked.market_ids)
        self._audience.widen(held)
        return [], []

    def _unsubscribe(self, asked: commands.Unsubscribe) -> None:
        for sid in asked.sids:
            held = self._by_sid.pop(sid, None)
            if held is None:
                self._send(frames.encode_error(7, command_id=asked.id))
                continue
            del self._by_channel[held.channel]
            self._audience.leave(held)
            self._send(
                frames.encode_unsubscribed(command_id=asked.id, sid=sid, seq=held.number_reply())
            )

    # --- update -----------------------------------------------------------------------------------

    def _update(self, asked: commands.UpdateSubscription) -> None:
        held = self._by_sid.get(asked.sid)
        if held is None:
            raise CommandRefused(7, command_id=asked.id)
        if asked.action not in ACTIONS_OF.get(held.channel, ()):
            raise CommandRefused(13, command_id=asked.id)
        if held.channel in REFERENCES:
            self._update_references(held, asked)
            return
        if asked.market_ids:
            self._check_ids((held.channel,), asked.id)
        if asked.action == commands.GET_SNAPSHOT:
            if not all(held.covers(ticker) for ticker in asked.tickers):
                raise CommandRefused(11, command_id=asked.id)
            self._send_snapshots(held, asked.tickers, command_id=asked.id)
        elif asked.action == commands.ADD_MARKETS:
            self._check_room(len(asked.tickers) + len(asked.market_ids), asked.id)
            tickers, market_ids = self._audience.cover(held, asked.tickers, asked.market_ids)
            self._acknowledge(held, asked.id)
            self._send_snapshots(held, tickers)
            if asked.send_initial_snapshot and held.channel == QUOTES:
                self._send_quotes(held, tickers, market_ids)
        elif held.tickers is None:
            # Taking some away from "every market" cannot be said in a list.
            raise CommandRefused(11, command_id=asked.id)
        else:
            self._audience.uncover(held, asked.tickers, asked.market_ids)
            self._acknowledge(held, asked.id)

    def _update_references(self, held: Subscription, asked: commands.UpdateSubscription) -> None:
        names = _references(held.channel, asked)
        match asked.action:
            case commands.LIST_INDICES:
                body = broadcasts.IndexList(index_ids=[])
                self._answer_list(held, f"{held.channel}_indexlist", body, asked.id)
                return
            case commands.LIST_UNDERLYINGS:
                listed = broadcasts.UnderlyingList(underlying_tickers=[])
                self._answer_list(held, f"{held.channel}_underlying_list", listed, asked.id)
                return
            case commands.ADD_INDICES | commands.ADD_UNDERLYINGS:
                self._check_room(len(names), asked.id)
                held.references.update(dict.fromkeys(names))
            case _:
                for name in names:
                    held.references.pop(name, None)
        self._acknowledge(held, asked.id)

    def _answer_list(
        self,
        held: Subscription,
        kind: str,
        body: broadcasts.IndexList | broadcasts.UnderlyingList,
        command_id: int,
    ) -> None:
        held.tell(frames.data_message(kind, body, self._now_ms()), command_id)

    def _acknowledge(self, held: Subscription, command_id: int) -> None:
        reply = frames.encode_ok(
            command_id=command_id, sid=held.sid, seq=held.number_reply(), body=held.covered()
        )
        self._send(reply)

    # --- data that answers ------------------------------------------------------------------------

    def _send_snapshots(
        self, held: Subscription, tickers: Iterable[str], *, command_id: int = 0
    ) -> None:
        if held.channel != BOOKS:
            return
        for ticker in tickers:
            market = self._market(ticker)
            if market is None:
                if not choices.UNKNOWN_TICKERS_ARE_SILENT:
                    self._send(frames.encode_error(11, command_id=command_id, ticker=ticker))
                continue
            bids, asks = self._venue.book(ticker)
            body = frames.snapshot_body(
                ticker=market.ticker,
                market_id=market.market_id,
                bids=bids,
                asks=asks,
                use_yes_price=held.use_yes_price,
            )
            held.tell(frames.data_message("orderbook_snapshot", body, self._now_ms()), command_id)

    def _send_quotes(
        self,
        held: Subscription,
        tickers: Iterable[str],
        market_ids: list[str],
        *,
        shows_all: bool = False,
    ) -> None:
        markets = [market for each in tickers if (market := self._market(each)) is not None]
        if market_ids:
            wanted = dict.fromkeys(market_ids)
            markets += [each for each in self._venue.markets() if each.market_id in wanted]
        if shows_all and choices.SNAPSHOT_OF_ALL_TICKERS:
            markets = list(self._venue.markets())
        for market in markets:
            shown = self._venue.quote(market.ticker) or bodies.untouched(market)
            body = bodies.ticker(shown, market.market_id)
            held.tell(frames.data_message("ticker", body, self._now_ms()))

    def _market(self, ticker: str) -> VenueMarket | None:
        return self._venue.floor.markets.get(MarketTicker(ticker))

    # --- bounds -----------------------------------------------------------------------------------

    @staticmethod
    def _check_ids(channels: Iterable[str], command_id: int) -> None:
        if any(channel in FILTERED and channel != QUOTES for channel in channels):
            raise CommandRefused(choices.MARKET_IDS_ELSEWHERE, command_id=command_id)

    def _check_room(self, more: int, command_id: int) -> None:
        if more + sum(each.size for each in self._by_sid.values()) > MARKETS_MAX:
            raise CommandRefused(26, command_id=command_id)


def _references(
    channel: str, asked: commands.Subscribe | commands.UpdateSubscription
) -> tuple[str, ...]:
    """Return what a command names on a channel of reference prices."""
    if channel not in REFERENCES:
        return ()
    return asked.underlying_tickers if channel == UNDERLYINGS else asked.index_ids

"""Market data: one feed that comes back for ever, and a snapshot for every book in doubt.

Owns: which markets are followed, and the repair of books: one request per subscription at a time, after a jittered
wait, so that a burst of doubt does not become a storm.
Must not: judge sequence numbers (the engine does), or stop trading because a book is down.
"""

from __future__ import annotations

from typing import Any, Final

import trio

from traderd.config import Config
from traderd.errors import (
    AuthenticationRefused,
    ConfigError,
    ExchangeError,
    ExchangeUnavailable,
)
from traderd.kalshi.feed import Feed
from traderd.kalshi.keeper import FeedDown, keep_feed
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.plugin_api import Service, hookimpl
from traderd.runtime.inbox import Inbox, Policy
from traderd.runtime.retry import Backoff
from traderd.services.context import Context, key_refused
from traderd.services.stages import MARKET_DATA

BOOKS: Final = "orderbook_delta"
CHANNELS: Final = (BOOKS, "trade")
PART: Final = "orderbook feed"
EXTRA: Final = "market_data_connections"
"""The last connection's number: numbers go on over restarts of the stage, because sequences count within them."""
REFUSED_RETRY_S: Final = 60.0
"""Bounds how often a refused key is tried again."""
REPAIR_FIRST_S: Final = 0.05
REPAIR_CAP_S: Final = 2.0
"""Bounds the wait before asking for snapshots again: an exchange that keeps failing is not stormed."""
QUIET_S: Final = 5.0
"""Without a doubt for this long the next repair begins at once again."""


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the market data stage."""
    return [Service(name=MARKET_DATA, run=run, stage=MARKET_DATA)]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Keep the books; raises ExchangeUnavailable when the feed is required and is not there."""
    data = MarketDataFeed(context)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(data.keep)
            with trio.move_on_after(context.config.market_data.connect_deadline_s):
                await data.standing.wait()
            if not data.standing.is_set():
                data.tell_down(f"no connection yet: {data.last_problem}")
            task_status.started()
            await trio.sleep_forever()
    finally:
        data.tell_end("the stage was taken down")


class MarketDataFeed:
    """The feed's sessions, one after the other."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.standing = trio.Event()
        """Set once the first connection stands."""
        self.last_problem = "nothing was tried yet"

    async def keep(self) -> None:
        """Keep the feed connected until cancelled."""
        venue, extras = self._context.venue, self._context.shared.extras
        while True:
            try:
                await keep_feed(
                    env=self._context.env,
                    url=venue.ws_url,
                    signer=venue.signer,
                    feed=ev.FeedName.MARKET_DATA,
                    on_events=self._context.publish_batch,
                    session=self._session,
                    on_down=self._on_down,
                    clock_offset_ms=lambda: venue.rest.clock_offset_ms,
                    first_connection=extras.get(EXTRA, 0) + 1,
                )
            except AuthenticationRefused as exc:
                if self._context.config.market_data_required:
                    raise key_refused(self._context, exc) from exc
                # Trading does not depend on this feed, and asking often would not help.
                self.last_problem = str(exc)
                self.tell_down(str(exc))
                self._context.log.error(
                    f"order book feed refused: {exc}; trying again in {REFUSED_RETRY_S:.0f} s"
                )
                await trio.sleep(REFUSED_RETRY_S)

    def tell_down(self, reason: str) -> None:
        """Say that the feed is down: an error when it is required, else a degraded part.

        Raises:
            ExchangeUnavailable: the configuration requires the feed.
        """
        if self._context.config.market_data_required:
            raise ExchangeUnavailable(f"{PART}: {reason}")
        if PART not in self._context.view.conditions.degraded:
            self._context.publish(
                ev.DegradedRaised(at=self._context.now(), part=PART, reason=reason)
            )

    def tell_end(self, reason: str) -> None:
        """Say that the connection that stood is gone: a cancelled feed has nobody left to say it."""
        feed = self._context.view.feed(ev.FeedName.MARKET_DATA)
        if feed.connected:
            self._context.publish(
                ev.FeedDisconnected(
                    at=self._context.now(),
                    feed=ev.FeedName.MARKET_DATA,
                    connection=feed.connection,
                    reason=reason,
                )
            )

    def _on_down(self, down: FeedDown) -> None:
        self.last_problem = down.reason
        self._context.shared.extras[EXTRA] = down.connection
        self._context.log.warning(
            f"order book feed down: {down.reason}; connecting again in {down.retry_in_s:.1f} s",
            connection=down.connection,
        )
        if self.standing.is_set():
            self.tell_down(down.reason)

    async def _session(self, feed: Feed) -> None:
        context = self._context
        context.shared.extras[EXTRA] = feed.connection
        tickers = await self._list_markets()
        with context.subscribe(
            ev.BookInvalidated, policy=Policy.LATEST, key=lambda event: event.ticker
        ) as doubts:
            sids = await feed.subscribe(CHANNELS, tickers)
            context.publish(
                ev.FeedConnected(
                    at=context.now(),
                    feed=feed.name,
                    connection=feed.connection,
                    url=context.venue.ws_url,
                )
            )
            await self._wait_for_snapshots(tickers)
            if PART in context.view.conditions.degraded:
                context.publish(ev.DegradedCleared(at=context.now(), part=PART))
            context.log.info(
                f"order book feed connected: {context.view.market_data.usable_books()} of "
                f"{len(tickers)} books"
            )
            self.standing.set()
            await self._repair(feed, sids[BOOKS], tickers, doubts)

    async def _list_markets(self) -> tuple[MarketTicker, ...]:
        context, wanted = self._context, self._context.shared.tickers
        markets = await context.venue.rest.markets(wanted)
        context.publish(ev.MarketsListed(at=context.now(), markets=markets))
        known = {market.ticker for market in markets}
        for ticker in wanted:
            part = f"market {ticker}"
            if ticker not in known and part not in context.view.conditions.degraded:
                reason = "the exchange does not know this ticker; correct market_data.markets"
                context.log.error(f"{part}: {reason}")
                context.publish(ev.DegradedRaised(at=context.now(), part=part, reason=reason))
        if not known:
            raise ExchangeError("the exchange knows none of the tickers in market_data.markets")
        return tuple(ticker for ticker in wanted if ticker in known)

    async def _wait_for_snapshots(self, tickers: tuple[MarketTicker, ...]) -> None:
        context = self._context

        def missing() -> list[MarketTicker]:
            books = [(ticker, context.view.book(ticker)) for ticker in tickers]
            return [ticker for ticker, book in books if book is None or not book.usable]

        with (
            trio.move_on_after(context.config.market_data.first_snapshot_s),
            context.subscribe(
                ev.BookRestored, policy=Policy.LATEST, key=lambda event: event.ticker
            ) as restored,
        ):
            while missing():
                await restored.receive()
        for ticker in missing():
            context.log.warning(f"no snapshot of {ticker} yet", ticker=ticker)

    async def _repair(
        self, feed: Feed, sid: int, tickers: tuple[MarketTicker, ...], doubts: Inbox[Any]
    ) -> None:
        context, subscription = self._context, f"{feed.connection}:{sid}"
        backoff = Backoff(first_s=REPAIR_FIRST_S, cap_s=REPAIR_CAP_S, rng=context.env.rng)
        while True:
            if not self._in_doubt(tickers, subscription):
                quiet_since = trio.current_time()
                await doubts.receive()
                if trio.current_time() - quiet_since >= QUIET_S:
                    backoff.reset()
            await trio.sleep(backoff.next_delay())
            # Asked again after the wait: most doubts of a burst come together.
            in_doubt = self._in_doubt(tickers, subscription)
            if in_doubt:
                context.log.warning(f"asking for {len(in_doubt)} snapshots: {', '.join(in_doubt)}")
                await feed.request_snapshot(sid, in_doubt)

    def _in_doubt(
        self, tickers: tuple[MarketTicker, ...], subscription: str
    ) -> tuple[MarketTicker, ...]:
        books = ((ticker, self._context.view.book(ticker)) for ticker in tickers)
        return tuple(
            ticker
            for ticker, book in books
            # A book of an earlier connection is as bad as none: its first snapshot here was lost.
            if book is None or book.fault is not None or book.subscription != subscription
        )


def followed_tickers(config: Config) -> tuple[MarketTicker, ...]:
    """Return the markets to follow; the embedded exchange's own when none are named.

    Raises:
        ConfigError: none are named and there is no embedded exchange.
    """
    if config.market_data.markets:
        return tuple(MarketTicker(ticker) for ticker in config.market_data.markets)
    if not config.embedded:
        raise ConfigError("market_data.markets is empty; name at least one ticker")
    from traderd.paper.scenario import default_scenario

    return tuple(MarketTicker(market.ticker) for market in default_scenario().markets)

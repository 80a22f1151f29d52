"""Market data: which markets there are, and connections that come back for ever and bring them.

Owns: the stage: its connections, each with its own keeper, and what a lost one means. One connection that is lost makes
a part degraded; the feed is down when all are.
Must not: choose markets (`universe`), subscribe (`market_sessions`), or stop trading because a book is down.
"""

from __future__ import annotations

from typing import Final, NoReturn

import trio

from traderd.config import Config
from traderd.errors import AuthenticationRefused, ExchangeUnavailable
from traderd.kalshi.feed import Feed, FeedStatistics
from traderd.kalshi.keeper import FeedDown, keep_feed
from traderd.model import events as ev
from traderd.plugin_api import Service, hookimpl
from traderd.runtime.inbox import Policy
from traderd.runtime.retry import show_wait
from traderd.services.context import Context, key_refused
from traderd.services.load_watch import LoadWatch
from traderd.services.market_clock import run_market_clock
from traderd.services.market_plan import MarketPlan, make_plan
from traderd.services.market_sessions import FIRST_SLOT, MarketSession
from traderd.services.stages import MARKET_DATA
from traderd.services.trade_backfill import TradeBackfill
from traderd.services.universe import UniverseKeeper

PART: Final = "orderbook feed"
STAGE: Final = "market_data_stage"
REFUSED_RETRY_S: Final = 60.0
"""Bounds how often a refused key is tried again."""
TELL_EVERY: Final = 20
"""A reason that stays the same is told once, and then at every so manieth try: about every five minutes."""


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the market data stage."""
    return [Service(name=MARKET_DATA, run=run, stage=MARKET_DATA)]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Keep the books; raises ExchangeUnavailable when the feed is required and is not there."""
    stage = MarketDataStage(context)
    context.shared.extras[STAGE] = stage
    async with trio.open_nursery() as nursery:
        for task in (stage.universe.keep, stage.backfill.run, stage.load.run):
            nursery.start_soon(task)
        nursery.start_soon(run_market_clock, context)
        for line in stage.lines:
            nursery.start_soon(line.keep)
        with trio.move_on_after(context.config.market_data.connect_deadline_s):
            await stage.standing.wait()
        stage.end_patience()
        task_status.started()
        await trio.sleep_forever()


class MarketDataStage:
    """Everything that belongs to one run of the stage."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.plan = make_plan(context.config, context.view)
        self.backfill = TradeBackfill(context)
        self.universe = UniverseKeeper(context, self.plan)
        self.lines = [MarketLine(context, self, slot) for slot in range(self.plan.slots)]
        self.load = LoadWatch(context, self.statistics, self.is_whole)
        context.shared.feed_meter.attach(self.statistics)
        self.standing = trio.Event()
        """Set once every connection that is needed stands for the first time."""
        self._patient = True

    def statistics(self) -> list[FeedStatistics]:
        """Return the counters of each connection that stands."""
        return [line.feed.statistics() for line in self.lines if line.feed is not None]

    def is_whole(self) -> bool:
        """Tell whether every connection that is needed stands, with its books."""
        return all(line.stands for line in self.lines if line.is_needed)

    def end_patience(self) -> None:
        """From now on a connection that does not stand is told of; raises ExchangeUnavailable if that is an error."""
        self._patient = False
        for line in self.lines:
            if line.is_needed and not line.stands:
                self.tell_down(line, f"no connection yet: {line.problem}")

    def tell_up(self, line: MarketLine) -> None:
        """Say that a connection stands and its books are here."""
        self._context.clear_degraded(line.part)
        if self.is_whole():
            self.standing.set()

    def tell_down(self, line: MarketLine, reason: str) -> None:
        """Say that a connection is down: an error when the feed is required and none stands, else a degraded part.

        Raises:
            ExchangeUnavailable: the configuration requires the feed.
        """
        if self._patient:
            return
        required = self._context.config.market_data_required
        if required and not any(each.stands for each in self.lines):
            raise ExchangeUnavailable(f"{PART}: {reason}")
        # The newest reason, because the first one is often only how it began.
        if self._context.view.conditions.degraded.get(line.part) != reason:
            self._context.publish(
                ev.DegradedRaised(at=self._context.now(), part=line.part, reason=reason)
            )


class MarketLine:
    """One connection of the feed, lost and made again, with a share of the markets."""

    def __init__(self, context: Context, stage: MarketDataStage, slot: int) -> None:
        self._context, self._stage, self._slot = context, stage, slot
        self._plan: MarketPlan = stage.plan
        self.part = PART if self._plan.slots == 1 else f"{PART} {slot + 1}"
        self.feed: Feed | None = None
        """The connection that stands now, with or without its books."""
        self.stands = False
        """Tells whether it stands and its first books are here."""
        self._problem = ""
        self._tries = 0
        self._session: MarketSession | None = None

    @property
    def is_needed(self) -> bool:
        """Tell whether it has anything to carry; the first always has, the lifecycle."""
        return self._slot == FIRST_SLOT or bool(self._plan.markets(self._slot))

    @property
    def problem(self) -> str:
        """Why it does not stand."""
        return self._problem or self._plan.problem

    async def keep(self) -> NoReturn:
        """Keep the connection for as long as it is needed, until cancelled."""
        await self._plan.known.wait()
        while True:
            await self._wait_needed(True)
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._keep_connected)
                    await self._wait_needed(False)
                    nursery.cancel_scope.cancel(reason="it has no markets")
            finally:
                self._end("the stage was taken down" if self.is_needed else "it has no markets")

    async def _wait_needed(self, needed: bool) -> None:
        if self._slot == FIRST_SLOT and not needed:
            await trio.sleep_forever()
        with self._context.subscribe(ev.UniverseChanged, policy=Policy.LATEST, key=type) as changes:
            while self.is_needed is not needed:
                await changes.receive()

    async def _keep_connected(self) -> NoReturn:
        context, venue = self._context, self._context.venue
        while True:
            try:
                await keep_feed(
                    env=context.env,
                    url=venue.ws_url,
                    signer=venue.signer,
                    feed=ev.FeedName.MARKET_DATA,
                    on_events=self._take,
                    session=self._run_session,
                    on_down=self._on_down,
                    clock_offset_ms=lambda: venue.rest.clock_offset_ms,
                    ingest=context.config.market_data.ingest,
                    numbers=context.shared.market_connections,
                )
            except AuthenticationRefused as exc:
                if context.config.market_data_required:
                    raise key_refused(context, exc) from exc
                # Trading does not depend on this feed, and asking often would not help.
                self._problem = str(exc)
                self._end(str(exc))
                self._stage.tell_down(self, str(exc))
                context.log.error(
                    f"order book feed refused: {exc}; trying again in {REFUSED_RETRY_S:.0f} s"
                )
                await trio.sleep(REFUSED_RETRY_S)

    def _take(self, events: list[ev.Event]) -> None:
        self._context.publish_batch(self._stage.backfill.filtered(events))

    async def _run_session(self, feed: Feed) -> None:
        self.feed = feed
        session = self._session = MarketSession(
            self._context,
            self._plan,
            self._stage.backfill,
            slot=self._slot,
            feed=feed,
            on_ready=self._on_ready,
        )
        await session.run()

    def _on_ready(self) -> None:
        self.stands = True
        self._problem, self._tries = "", 0
        self._stage.tell_up(self)
        tickers = self._plan.books(self._slot)
        books = [self._context.view.book(ticker) for ticker in tickers]
        usable = sum(book is not None and book.usable for book in books)
        books_words = f"{usable} of {len(tickers)} books" if tickers else "no market is followed"
        self._context.log.info(f"{self.part} connected: {books_words}")

    def _on_down(self, down: FeedDown) -> None:
        if self.feed is not None:
            self._stage.load.lose(self.feed.statistics())
        self._forget_session()
        self._tries += 1
        is_news = down.reason != self._problem
        self._problem = down.reason
        tell = self._context.log.debug
        if is_news or self._tries % TELL_EVERY == 0:
            tell = self._context.log.warning
        tell(
            f"{self.part} down: {down.reason}; connecting again {show_wait(down.retry_in_s)} "
            f"(try {self._tries})",
            connection=down.connection,
        )
        self._stage.tell_down(self, down.reason)

    def _end(self, reason: str) -> None:
        """Say that a connection is gone: a cancelled feed has nobody left to say it."""
        feed, context = self.feed, self._context
        self._forget_session()
        # One that was still subscribing has books too.
        if feed is not None:
            context.publish(
                ev.FeedDisconnected(
                    at=context.now(),
                    feed=ev.FeedName.MARKET_DATA,
                    connection=feed.connection,
                    reason=reason,
                    of=None if self.is_needed else self._plan.connections(),
                )
            )
        if not self.is_needed:
            context.clear_degraded(self.part)

    def _forget_session(self) -> None:
        if self._session is not None:
            self._session.end()
        if self.feed is not None:
            self._context.shared.feed_meter.ended(self.feed.statistics())
        self._session = self.feed = None
        self.stands = False

"""One connection's session: its subscriptions follow the plan for as long as it stands.

Owns: what is subscribed on one connection, batches of changes (`update_subscription`, never a new connection), and the
proof that quiet subscriptions live: silence of a market is no fault, a subscription that the exchange has lost is.
Must not: reconnect (the keeper does), judge sequence numbers, or decide what is followed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NoReturn

import attrs
import trio

from traderd.errors import (
    AuthenticationRefused,
    ExchangeError,
    ExchangeRefused,
    ExchangeUnavailable,
    describe_error,
)
from traderd.kalshi.feed import Feed
from traderd.kalshi.wire.commands import BOOKS, LIFECYCLE, TRADES
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.model.states import name_tickers
from traderd.runtime.inbox import Inbox, Policy
from traderd.runtime.retry import Backoff
from traderd.services.book_repair import SUBSCRIPTION_GONE, BookSubscription, in_doubt, repair
from traderd.services.context import Context
from traderd.services.market_offers import BATCH, MarketOffers
from traderd.services.market_plan import MarketPlan
from traderd.services.trade_backfill import TradeBackfill

PROOF_S: Final = 60.0
"""A subscription without a frame for this long has to prove that it lives."""
REREAD_FIRST_S: Final = 1.0
REREAD_CAP_S: Final = 60.0
PLAN_CHANGES: Final = (ev.UniverseChanged, ev.MarketsListed, ev.BooksShed, ev.BooksReclaimed)
FIRST_SLOT: Final = 0
"""Its connection also brings the lifecycle of all markets."""


@attrs.define(eq=False)
class TradeSubscription:
    """The subscription to trades."""

    sid: int
    tickers: dict[MarketTicker, None]


class MarketSession:
    """The session of one connection; used once."""

    def __init__(
        self,
        context: Context,
        plan: MarketPlan,
        backfill: TradeBackfill,
        *,
        slot: int,
        feed: Feed,
        reconnected: bool,
        on_ready: Callable[[], None],
    ) -> None:
        """Take what the session works with.

        Args:
            context: the stage's.
            plan: what to carry.
            backfill: reads missed trades.
            slot: which of the plan's connections this is.
            feed: the connection that stands.
            reconnected: there was one before, so that something was missed.
            on_ready: called once when the first subscriptions stand and their snapshots are here, or are late.
        """
        self._context, self._plan, self._backfill = context, plan, backfill
        self._slot, self._feed, self._reconnected = slot, feed, reconnected
        self._books: BookSubscription | None = None
        self._trades: TradeSubscription | None = None
        self._offers = MarketOffers(context.log)
        self._lifecycle_sid: int | None = None
        self._stale: dict[MarketTicker, None] = {}
        """Markets of which a step may have been missed."""
        self._stale_news = trio.Event()
        self._have_books = trio.Event()
        self._on_ready = on_ready

    async def run(self) -> NoReturn:
        """Subscribe and follow the plan until cancelled.

        Raises:
            ExchangeError: the connection is lost or of no use any more.
        """
        context = self._context
        with context.subscribe(
            *PLAN_CHANGES,
            ev.FramesMissed,
            ev.MarketLifecycleChanged,
            policy=Policy.LATEST,
            key=_key,
        ) as news:
            await self._subscribe()
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._reread)
                    nursery.start_soon(self._prove)
                    await self._wait_for_snapshots()
                    self._context.env.settle_memory()
                    # Only now, or it would ask for what is on its way.
                    nursery.start_soon(self._repair)
                    self._on_ready()
                    await self._follow(news)
            except* AuthenticationRefused as group:
                raise _first(group) from group
            except* ExchangeError as group:
                raise ExchangeUnavailable(describe_error(group)) from group
        raise AssertionError("a session only ends by an error")

    def end(self) -> None:
        """Note that the connection is gone: what comes until the next one is missed."""
        if self._trades is not None:
            self._backfill.miss(self._trades.tickers)

    # --- subscribing ------------------------------------------------------------------------------

    async def _subscribe(self) -> None:
        context, feed, plan = self._context, self._feed, self._plan
        if self._slot == FIRST_SLOT:
            # Before anything is read, so that no step falls between the reading and the channel.
            self._lifecycle_sid = (await feed.subscribe((LIFECYCLE,)))[LIFECYCLE]
        await self._settle()
        context.publish(
            ev.FeedConnected(
                at=context.now(),
                feed=feed.name,
                connection=feed.connection,
                url=context.venue.ws_url,
                of=plan.connections(),
            )
        )
        if self._reconnected and self._slot == FIRST_SLOT:
            self._mark_stale(context.view.followed)

    async def _settle(self) -> None:
        """Bring both subscriptions to what the plan says now."""
        await self._settle_books(self._plan.books(self._slot))
        await self._settle_trades(self._plan.trades(self._slot))

    async def _settle_books(self, wanted: Sequence[MarketTicker]) -> None:
        if self._books is None:
            await self._offers.put(wanted, self._open_books, once=True)
        if self._books is not None:
            async with self._books.changing:
                await self._change_books(self._books, wanted)

    async def _change_books(self, books: BookSubscription, wanted: Sequence[MarketTicker]) -> None:
        # One that was given up and is wanted again before the exchange heard of it has to be asked for anew: of its
        # changes some were ignored.
        is_muted = self._context.view.universe.is_muted
        kept = {ticker: None for ticker in wanted if not is_muted(ticker)}
        for batch in _batches(ticker for ticker in books.tickers if ticker not in kept):
            # First here, so that nobody asks for a snapshot of what is on its way out.
            for ticker in batch:
                del books.tickers[ticker]
            await self._feed.delete_markets(books.sid, batch)

        async def add(batch: Sequence[MarketTicker]) -> None:
            self._await(batch)
            await self._feed.add_markets(books.sid, batch)
            books.tickers.update(dict.fromkeys(batch))

        await self._offers.put((each for each in wanted if each not in books.tickers), add)

    async def _open_books(self, first: Sequence[MarketTicker]) -> None:
        self._await(first)
        sids = await self._feed.subscribe((BOOKS,), first)
        self._books = BookSubscription(self._feed, sids[BOOKS], dict.fromkeys(first))
        self._have_books.set()

    async def _settle_trades(self, wanted: Sequence[MarketTicker]) -> None:
        if self._trades is None:
            await self._offers.put(wanted, self._open_trades, once=True)
        trades = self._trades
        if trades is None:
            return
        kept = dict.fromkeys(wanted)
        for batch in _batches(ticker for ticker in trades.tickers if ticker not in kept):
            await self._feed.delete_markets(trades.sid, batch)
            for ticker in batch:
                del trades.tickers[ticker]

        async def add(batch: Sequence[MarketTicker]) -> None:
            await self._feed.add_markets(trades.sid, batch)
            trades.tickers.update(dict.fromkeys(batch))
            self._backfill.cover(batch)

        await self._offers.put((each for each in wanted if each not in trades.tickers), add)

    async def _open_trades(self, first: Sequence[MarketTicker]) -> None:
        sids = await self._feed.subscribe((TRADES,), first)
        self._trades = TradeSubscription(sids[TRADES], dict.fromkeys(first))
        self._backfill.cover(first)

    def _await(self, tickers: Sequence[MarketTicker]) -> None:
        universe, at = self._context.view.universe, self._context.now()
        muted = tuple(ticker for ticker in tickers if universe.is_muted(ticker))
        if muted:
            self._context.publish(ev.BooksAwaited(at=at, tickers=muted))

    # --- while it stands --------------------------------------------------------------------------

    async def _follow(self, news: Inbox[Any]) -> NoReturn:
        while True:
            for event in await news.receive():
                if isinstance(event, PLAN_CHANGES):
                    await self._settle()
                elif isinstance(event, ev.FramesMissed):
                    self._frames_missed(event.subscription)
                elif isinstance(event, ev.MarketLifecycleChanged) and _needs_reading(event):
                    self._mark_stale([event.ticker])

    def _frames_missed(self, subscription: str) -> None:
        if self._trades is not None and subscription == self._name(self._trades.sid):
            self._backfill.miss(self._trades.tickers)
            self._backfill.cover(self._trades.tickers)
        elif subscription == self._name(self._lifecycle_sid):
            self._mark_stale(self._context.view.followed)

    def _name(self, sid: int | None) -> str:
        return f"{self._feed.connection}:{sid}"

    async def _repair(self) -> None:
        await self._have_books.wait()
        assert self._books is not None
        await repair(self._context, self._books)

    async def _wait_for_snapshots(self) -> None:
        context = self._context

        def missing() -> list[MarketTicker]:
            tickers = () if self._books is None else tuple(self._books.tickers)
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
        late = missing()
        if late:
            context.log.warning(
                f"no snapshot yet of {len(late)} markets: {name_tickers(tuple(late))}"
            )

    # --- steps that may have been missed ----------------------------------------------------------

    def _mark_stale(self, tickers: Iterable[MarketTicker]) -> None:
        self._stale.update(dict.fromkeys(tickers))
        self._stale_news.set()

    async def _reread(self) -> NoReturn:
        """Read markets again of which a step may have been missed; a failing reading holds nothing up."""
        context = self._context
        backoff = Backoff(first_s=REREAD_FIRST_S, cap_s=REREAD_CAP_S, rng=context.env.rng)
        while True:
            await self._stale_news.wait()
            self._stale_news = trio.Event()
            while self._stale:
                tickers = tuple(self._stale)
                try:
                    read = await context.venue.rest.lists.listings(tickers)
                except AuthenticationRefused:
                    raise
                except ExchangeError as exc:
                    context.log.debug(f"markets cannot be read yet: {exc}")
                    await trio.sleep(backoff.next_delay())
                    continue
                backoff.reset()
                for ticker in tickers:
                    del self._stale[ticker]
                followed = context.view.universe.followed
                markets = tuple(
                    each.market for each in read.listings if each.market.ticker in followed
                )
                context.publish(ev.MarketsListed(at=context.now(), markets=markets))

    # --- proof of life ----------------------------------------------------------------------------

    async def _prove(self) -> NoReturn:
        """Let quiet subscriptions prove that they live; one that the exchange does not have loses the connection."""
        data, asked = self._context.view.market_data, 0
        last: dict[int, int] = {}
        while True:
            await trio.sleep(PROOF_S)
            sids = self._sids()
            quiet = [sid for sid in sids if last.get(sid) == data.last_seq(self._name(sid))]
            if quiet:
                listed = (await self._feed.list_subscriptions()).values()
                lost = [channel for sid, channel in sids.items() if sid not in listed]
                if lost:
                    self._feed.lose(
                        f"the exchange has no subscription to {', '.join(lost)} any more"
                    )
            if self._books is not None and self._books.sid in quiet:
                asked += 1
                await self._prove_books(self._books, asked)
            # Afterwards, because what answers us is no sign that anything else comes.
            last = {sid: data.last_seq(self._name(sid)) for sid in sids}

    async def _prove_books(self, books: BookSubscription, turn: int) -> None:
        # The number of the answer proves in passing that no change was swallowed.
        async with books.changing:
            tickers = in_doubt(self._context, books) or tuple(books.tickers)
            if not tickers:
                return
            try:
                await self._feed.request_snapshot(books.sid, [tickers[turn % len(tickers)]])
            except ExchangeRefused as exc:
                # Whoever refuses one market lives; only the loss of the subscription itself is a reason to give up.
                if exc.code in SUBSCRIPTION_GONE:
                    raise

    def _sids(self) -> dict[int, str]:
        found = {}
        if self._lifecycle_sid is not None:
            found[self._lifecycle_sid] = LIFECYCLE
        if self._books is not None:
            found[self._books.sid] = BOOKS
        if self._trades is not None:
            found[self._trades.sid] = TRADES
        return found


def _key(event: Any) -> tuple[type, Any]:
    if isinstance(event, ev.MarketLifecycleChanged):
        return type(event), (event.ticker, event.step)
    return type(event), event.subscription if isinstance(event, ev.FramesMissed) else None


def _needs_reading(event: ev.MarketLifecycleChanged) -> bool:
    # What the step changed does not come with it.
    step = event.step
    return step is ev.LifeStep.METADATA_UPDATED or (
        step is ev.LifeStep.GRID_UPDATED and event.grid is None
    )


def _batches(tickers: Iterable[MarketTicker]) -> Iterator[list[MarketTicker]]:
    waiting = list(tickers)
    for start in range(0, len(waiting), BATCH):
        yield waiting[start : start + BATCH]


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first

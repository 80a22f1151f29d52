"""One connection's session: its subscriptions follow the plan for as long as it stands.

Owns: what is subscribed on one connection, and batches of changes (`update_subscription`, never a new connection). A
subscription that the exchange ends costs no more than itself: the repair makes that of the books anew, the session the
others.
Must not: reconnect (the keeper does), judge sequence numbers, or decide what is followed.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final, NoReturn

import trio

from traderd.core.life_steps import STATUS_AFTER
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
from traderd.model.market import MarketStatus
from traderd.model.states import name_tickers
from traderd.runtime.inbox import Inbox, Policy
from traderd.runtime.retry import Backoff
from traderd.services.book_repair import repair
from traderd.services.context import Context
from traderd.services.line_proof import LineProof
from traderd.services.line_subscription import SUBSCRIPTION_GONE, LineSubscription
from traderd.services.market_offers import BATCH, INVALID_PARAMETER, MarketOffers
from traderd.services.market_plan import MarketPlan
from traderd.services.market_reread import MarketReread
from traderd.services.trade_backfill import TradeBackfill

PLAN_CHANGES: Final = (ev.UniverseChanged, ev.MarketsListed, ev.BooksShed, ev.BooksReclaimed)
CLOCK_STEPS: Final = (ev.MarketOpened, ev.MarketClosed)
SAYS_STATUS: Final = (ev.LifeStep.CLOSE_DATE_UPDATED, *STATUS_AFTER)
"""After one of these what our clock did before needs no looking up; the others say nothing of whether a market is open."""
FIRST_SLOT: Final = 0
"""Its connection also brings the lifecycle of all markets."""
AGAIN_LOOK_S: Final = 10.0
"""How often it is looked whether a market that the exchange refused may be offered again."""
ANEW_FIRST_S: Final = 0.05
ANEW_CAP_S: Final = 30.0
"""Bounds the wait before a subscription to trades or the lifecycle is made anew that ends again and again."""
ANEW_QUIET_S: Final = 60.0
"""Without such an end for this long the next wait begins small again."""


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
        on_ready: Callable[[], None],
    ) -> None:
        """Take what the session works with.

        Args:
            context: the stage's.
            plan: what to carry.
            backfill: reads missed trades.
            slot: which of the plan's connections this is.
            feed: the connection that stands.
            on_ready: called once when the first subscriptions stand and their snapshots are here, or are late.
        """
        self._context, self._plan, self._backfill = context, plan, backfill
        self._slot, self._feed = slot, feed
        self._books = LineSubscription(feed, BOOKS)
        self._trades = LineSubscription(feed, TRADES)
        self._lifecycle = LineSubscription(feed, LIFECYCLE, of_all_markets=True)
        self._offers = MarketOffers(context.log)
        self._told: dict[MarketTicker, str] = {}
        """Markets with the degraded part that says that the exchange refuses them."""
        rng = context.env.rng
        self._backoff = Backoff(first_s=ANEW_FIRST_S, cap_s=ANEW_CAP_S, rng=rng)
        self._made_anew_at = trio.current_time()
        self._reread = MarketReread(context)
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
            ev.SubscriptionEnded,
            ev.MarketLifecycleChanged,
            *CLOCK_STEPS,
            policy=Policy.LATEST,
            key=_key,
        ) as news:
            self._feed.tend()
            proof = LineProof(context, self._books, (self._trades, self._lifecycle))
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._reread.run)
                    nursery.start_soon(proof.run)
                    nursery.start_soon(repair, context, self._books, self._put_anew)
                    await self._subscribe()
                    nursery.start_soon(self._follow, news)
                    await self._wait_for_snapshots()
                    # What a lost connection left behind was kept from the collector, too.
                    had_losses = context.view.feed(self._feed.name).losses > 0
                    context.env.settle_memory(anew=had_losses)
                    self._on_ready()
            except* AuthenticationRefused as group:
                raise _first(group) from group
            except* ExchangeError as group:
                raise ExchangeUnavailable(describe_error(group)) from group
        raise AssertionError("a session only ends by an error")

    def end(self) -> None:
        """Note that the connection is gone: what comes until the next one is missed."""
        self._backfill.miss(self._trades.tickers)
        self._offers.refused.clear()
        self._tell_refused()

    # --- subscribing ------------------------------------------------------------------------------

    async def _subscribe(self) -> None:
        context, feed, plan = self._context, self._feed, self._plan
        if self._slot == FIRST_SLOT:
            await self._lifecycle.open()
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
        if self._slot == FIRST_SLOT:
            # What was listed before the channel stood may have gone a step since that nobody told of.
            self._reread.mark(context.view.followed)

    async def _settle(self) -> None:
        """Bring both subscriptions to what the plan says now."""
        while True:
            ended = await self._change_books()
            if ended is None:
                break
            # The repair makes it anew.
            await self._books.wait_made(ended)
        await self._settle_trades()
        self._offers.forget_but(self._plan.trades(self._slot))
        self._tell_refused()

    async def _put_anew(self, tickers: Container[MarketTicker]) -> None:
        """Take markets off and put them on again; the books of those that became good meanwhile are in doubt until then."""
        if await self._change_books(anew=tickers) is not None:
            # It has ended meanwhile: the repair, which asked for this, makes it anew with them.
            wanted = self._plan.books(self._slot)
            self._books.tickers |= {t: None for t in wanted if t in tickers}

    async def _change_books(self, anew: Container[MarketTicker] = ()) -> int | None:
        # One that was given up and is wanted again before the exchange heard of it has to be asked for anew as well: of
        # its changes some were ignored.
        is_muted = self._context.view.universe.is_muted
        return await self._change(
            self._books,
            self._plan.books,
            anew=lambda ticker: ticker in anew or is_muted(ticker),
            before=self._await,
        )

    async def _settle_trades(self) -> None:
        # If it turns out to have ended, its end is news, and it is settled again then.
        await self._change(self._trades, self._plan.trades, after=self._backfill.cover)

    async def _change(
        self,
        held: LineSubscription,
        wanted_by: Callable[[int], Sequence[MarketTicker]],
        *,
        anew: Callable[[MarketTicker], bool] = lambda _: False,
        before: Callable[[Sequence[MarketTicker]], None] | None = None,
        after: Callable[[Sequence[MarketTicker]], None] | None = None,
    ) -> int | None:
        """Bring a subscription to what is wanted; returns its id if it turns out to have ended, which is told.

        Args:
            held: the subscription.
            wanted_by: tells what is wanted on this connection, when it is our turn.
            anew: tells what may not stay on it although it is wanted: it is taken off and put on again.
            before: called with each batch before it is asked for.
            after: called with each batch that is on the subscription.
        """

        async def put_on(batch: Sequence[MarketTicker]) -> None:
            if before is not None:
                before(batch)
            if held.stands:
                await self._feed.add_markets(held.sid, batch)
                held.tickers.update(dict.fromkeys(batch))
            else:
                await held.open(batch)
            if after is not None:
                after(batch)

        async with held.changing:
            name, sid, wanted = held.name, held.sid, wanted_by(self._slot)
            try:
                if held.stands:
                    kept = {ticker: None for ticker in wanted if not anew(ticker)}
                    self._doubt(t for t in wanted if t not in kept and t in held.tickers)
                    await self._take_off(held, kept)
                await self._offers.put((t for t in wanted if t not in held.tickers), put_on)
            except ExchangeRefused as exc:
                if exc.code not in SUBSCRIPTION_GONE:
                    raise
                at, reason = self._context.now(), str(exc)
                ended = ev.SubscriptionEnded(at=at, subscription=name, reason=reason)
                self._context.publish(ended)
                return sid
        return None

    async def _take_off(self, held: LineSubscription, kept: Container[MarketTicker]) -> None:
        for batch in _batches(ticker for ticker in held.tickers if ticker not in kept):
            # First here, so that nobody asks for a snapshot of what is on its way out.
            for ticker in batch:
                del held.tickers[ticker]
            await self._delete(held.sid, batch)

    def _doubt(self, tickers: Iterable[MarketTicker]) -> None:
        at, name, why = self._context.now(), self._books.name, "its market is put on it anew"
        refused = partial(ev.SnapshotRefused, at=at, subscription=name, reason=why)
        self._context.publish(*(refused(ticker=ticker) for ticker in tickers))

    async def _delete(self, sid: int, batch: Sequence[MarketTicker]) -> None:
        try:
            await self._feed.delete_markets(sid, batch)
        except ExchangeRefused as exc:
            if exc.code != INVALID_PARAMETER:
                raise
            # One of them is not on it any more, which is what we wanted; the others still are.
            half = len(batch) // 2
            for part in (batch[:half], batch[half:]) if half else ():
                await self._delete(sid, part)

    def _tell_refused(self) -> None:
        """Say of which markets that something of ours is in the exchange takes no subscription, and when that ends."""
        context, refused = self._context, self._offers.refused
        if not refused and not self._told:
            return
        held = context.view.held_markets()
        for ticker in [
            ticker for ticker in self._told if ticker not in refused or ticker not in held
        ]:
            context.clear_degraded(self._told.pop(ticker))
        for ticker in refused:
            if ticker in held and ticker not in self._told:
                part = self._told[ticker] = f"market data {ticker}"
                reason = (
                    f"{held[ticker]} and the exchange takes no subscription to it: {refused[ticker].words}; it is asked "
                    "again by and by"
                )
                context.publish(ev.DegradedRaised(at=context.now(), part=part, reason=reason))

    def _await(self, tickers: Sequence[MarketTicker]) -> None:
        universe, at = self._context.view.universe, self._context.now()
        muted = tuple(ticker for ticker in tickers if universe.is_muted(ticker))
        if muted:
            self._context.publish(ev.BooksAwaited(at=at, tickers=muted))
        self._books.wait_for(tickers, within_s=self._context.config.market_data.first_snapshot_s)

    # --- while it stands --------------------------------------------------------------------------

    async def _follow(self, news: Inbox[Any]) -> NoReturn:
        while True:
            batch: Sequence[Any] = ()
            with trio.move_on_after(AGAIN_LOOK_S):
                batch = await news.receive()
            # What follows waits for the exchange's answers, which have their own deadline.
            news.done()
            if self._offers.is_due:
                await self._settle()
            self._tell_refused()
            for event in batch:
                if isinstance(event, PLAN_CHANGES):
                    await self._settle()
                elif isinstance(event, (ev.FramesMissed, ev.SubscriptionEnded)):
                    await self._mend(event)
                elif self._slot == FIRST_SLOT:
                    self._note_step(event)

    def _note_step(
        self, event: ev.MarketLifecycleChanged | ev.MarketOpened | ev.MarketClosed
    ) -> None:
        """Let a market be read as far as this step asks for it; the connection that brings the steps reads for all."""
        reread, ticker = self._reread, event.ticker
        if isinstance(event, CLOCK_STEPS):
            reread.confirm([ticker])
            return
        if event.step in SAYS_STATUS:
            reread.heard(ticker)
        if self._needs_reading(event):
            reread.mark([ticker])

    def _needs_reading(self, event: ev.MarketLifecycleChanged) -> bool:
        """Tell whether a step does not say all that it changed."""
        context, step = self._context, event.step
        market = context.view.market(event.ticker)
        if market is None:
            return False
        if step is ev.LifeStep.CLOSE_DATE_UPDATED:
            # Our own timer may have closed it a moment before the exchange put the close off.
            is_closed = market.status is MarketStatus.CLOSED
            return is_closed and market.close_time > context.exchange_now()
        is_bare_grid = step is ev.LifeStep.GRID_UPDATED and event.grid is None
        return is_bare_grid or step in (ev.LifeStep.METADATA_UPDATED, ev.LifeStep.UNKNOWN)

    async def _mend(self, event: ev.FramesMissed | ev.SubscriptionEnded) -> None:
        """Make up for what one of the subscriptions missed; one that has ended is made anew first."""
        trades, lifecycle, subscription = self._trades, self._lifecycle, event.subscription
        if trades.stands and subscription == trades.name:
            if event.since is None:
                # It may have been dead for longer than anybody looked.
                self._backfill.miss(trades.tickers)
            self._backfill.missed(trades.tickers, event.since)
            await self._make_anew(trades)
            self._backfill.cover(trades.tickers)
            await self._settle_trades()
        elif lifecycle.stands and subscription == lifecycle.name:
            await self._make_anew(lifecycle)
            self._reread.mark(self._context.view.followed)

    async def _make_anew(self, held: LineSubscription) -> None:
        reason = self._context.view.market_data.subscription_ended(held.name)
        if not reason:
            return
        if trio.current_time() - self._made_anew_at >= ANEW_QUIET_S:
            self._backoff.reset()
        await trio.sleep(self._backoff.next_delay())
        self._context.log.warning(f"subscribing anew to {held.channel}: {reason}")
        async with held.changing:
            await held.make_anew()
        self._made_anew_at = trio.current_time()

    async def _wait_for_snapshots(self) -> None:
        context = self._context

        def missing() -> list[MarketTicker]:
            books = [(ticker, context.view.book(ticker)) for ticker in self._books.tickers]
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


def _key(event: Any) -> tuple[type, Any]:
    if isinstance(event, ev.MarketLifecycleChanged):
        return type(event), (event.ticker, event.step)
    if isinstance(event, CLOCK_STEPS):
        return type(event), event.ticker
    if isinstance(event, (ev.FramesMissed, ev.SubscriptionEnded)):
        # A later hole does not stand for an earlier one.
        return type(event), (event.subscription, event.since)
    return type(event), None


def _batches(tickers: Iterable[MarketTicker]) -> Iterator[list[MarketTicker]]:
    waiting = list(tickers)
    for start in range(0, len(waiting), BATCH):
        yield waiting[start : start + BATCH]


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first

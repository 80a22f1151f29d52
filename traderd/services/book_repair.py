"""The repair of one order-book subscription: a snapshot for every book in doubt, and no storm of requests.

Owns: when snapshots are asked for, and when the subscription is made anew. One request is under way per subscription,
after a jittered wait, so that a burst of doubt is answered once; a budget bounds how many snapshots a minute it may ask
for; a market for which nothing comes that makes sense is put on the subscription anew, and that less and less often.
Must not: judge sequence numbers (the engine does), or know which markets ought to be followed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, NoReturn, TypeAlias

import trio

from traderd.errors import ExchangeError, ExchangeRefused
from traderd.kalshi.feed import Feed
from traderd.model import events as ev
from traderd.model.events import BookFault
from traderd.model.ids import MarketTicker
from traderd.model.units import NS_PER_S, Timestamp, counted
from traderd.runtime.inbox import Inbox, Policy
from traderd.runtime.retry import Backoff
from traderd.runtime.steady_env import STEP_NS, step_sentence
from traderd.services.context import Context
from traderd.services.doubt_log import DoubtLog
from traderd.services.line_subscription import (
    MARKETS_PER_COMMAND,
    SUBSCRIPTION_GONE,
    LineSubscription,
)
from traderd.services.snapshot_budget import SnapshotBudget

LOOK_S: Final = 1.0
"""How often the engine is told how the line does, and grades books."""
REPAIR_FIRST_S: Final = 0.05
REPAIR_CAP_S: Final = 2.0
"""Bounds the wait before asking for snapshots again: an exchange that keeps failing is not stormed."""
QUIET_S: Final = 5.0
"""Without a doubt for this long the next repair begins at once again."""
IN_VAIN_FIRST_S: Final = 5.0
IN_VAIN_CAP_S: Final = 60.0
"""Bounds the wait before a market is asked about again for which nothing came, or nothing that makes sense: it may be
gone, or crossed, for good."""
ANEW_AFTER: Final = 2
"""After so many requests in vain a market is taken off the subscription and put on again: the exchange may have taken it
off without a word, and what is not on a subscription cannot be asked for. What is put on brings a snapshot, too."""
RELOOK_S: Final = 10.0
"""How often books in doubt are looked for although nobody told of one: a first snapshot that never comes is no event."""
DOUBTS: Final = (ev.BookInvalidated, ev.SubscriptionEnded, ev.FramesMissed)
NEWS: Final = (*DOUBTS, ev.BookRestored)
LOSSES: Final = (BookFault.GAP, BookFault.UNREADABLE, BookFault.UNKNOWN_TYPE)
"""Faults by which a first snapshot that is on its way may have been lost."""
NOT_HERE_YET: Final = (BookFault.MISSING_SNAPSHOT, BookFault.SHED)
"""Faults of a book of this subscription whose snapshot comes by itself after its market was put on it."""
RepairNews: TypeAlias = (
    ev.BookInvalidated | ev.BookRestored | ev.SubscriptionEnded | ev.FramesMissed
)
CONTRADICTIONS: Final = (BookFault.CROSSED, BookFault.NEGATIVE_LEVEL, BookFault.DOUBLE_LEVEL)
"""Faults that a snapshot has by itself: to ask again at once would bring the same."""


PutAnew: TypeAlias = Callable[[tuple[MarketTicker, ...]], Awaitable[None]]
"""Takes markets off the subscription and puts them on again, as far as they are still wanted; raises ExchangeError."""


async def repair(context: Context, books: LineSubscription, put_anew: PutAnew) -> NoReturn:
    """Keep the books of a subscription good, and tell the engine how its line does, until cancelled.

    Raises:
        ExchangeError: the connection is lost, or the exchange does not let us subscribe anew.
    """
    problem: ExchangeError | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(observe_line, context, books.feed)
        try:
            await Repair(context, books, put_anew).run()
        except ExchangeError as exc:
            problem = exc
        nursery.cancel_scope.cancel()
    assert problem is not None, "only an error or a cancellation ends the repair"
    raise problem


async def observe_line(context: Context, feed: Feed) -> NoReturn:
    """Tell regularly when a line was last heard, until cancelled; a line over which the machine slept is given up.

    Durations stand still meanwhile, so such a line looks as if it had been heard a moment ago, and bytes that it brought
    before may still be read. Its peer has long given us up, and a new one brings new books at once.
    """
    last_now, last_s = context.now(), trio.current_time()
    while True:
        now, now_s = context.now(), trio.current_time()
        slept_ns = now - last_now - round((now_s - last_s) * NS_PER_S)
        if slept_ns > STEP_NS:
            feed.lose(step_sentence(slept_ns))
            await trio.sleep_forever()
        last_now, last_s = now, now_s
        silent_ns = round(feed.statistics().silent_s * NS_PER_S)
        context.publish(
            ev.LineObserved(
                at=now,
                connection=feed.connection,
                heard_at=Timestamp(now - silent_ns),
                clock_offset_ms=context.venue.rest.clock_offset_ms,
            )
        )
        await trio.sleep(LOOK_S)


def in_doubt(context: Context, books: LineSubscription) -> tuple[MarketTicker, ...]:
    """Return the markets of a subscription whose book needs a snapshot."""
    # What was given up or dropped just now leaves `tickers` in a moment.
    wanted = filter(context.view.universe.wants_book, books.tickers)
    known = ((ticker, context.view.book(ticker)) for ticker in wanted)
    return tuple(
        ticker
        for ticker, book in known
        # A book of an earlier connection is as bad as none: its first snapshot here was lost.
        if book is None or book.fault is not None or book.subscription != books.name
    )


def good_books(context: Context, books: LineSubscription) -> tuple[MarketTicker, ...]:
    """Return the markets of a subscription whose book came by it and is good: the exchange surely answers for them."""
    doubtful = dict.fromkeys(in_doubt(context, books))
    wants_book = context.view.universe.wants_book
    return tuple(each for each in books.tickers if each not in doubtful and wants_book(each))


class Repair:
    """The repair of one subscription."""

    def __init__(self, context: Context, books: LineSubscription, put_anew: PutAnew) -> None:
        self._context, self._books, self._put_anew = context, books, put_anew
        self._backoff = Backoff(first_s=REPAIR_FIRST_S, cap_s=REPAIR_CAP_S, rng=context.env.rng)
        markets = len(books.tickers)
        self._budget = SnapshotBudget(trio.current_time(), SnapshotBudget.per_minute(markets))
        self._told_delay = False
        self._doubts = DoubtLog(context.log, self._why)
        self._at_most = MARKETS_PER_COMMAND
        """How many markets the next request may name: fewer and fewer while one of them gets all of it refused."""
        self._in_vain: dict[MarketTicker, int] = {}
        """How often in a row asking for a market did not bring a book that can be used."""
        self._ask_at: dict[MarketTicker, float] = {}
        """When such a market may be asked about again, on Trio's clock."""

    async def run(self) -> NoReturn:
        """Repair until cancelled; raises ExchangeError."""
        with self._context.subscribe(*NEWS, policy=Policy.LATEST, key=_concerned) as news:
            while True:
                await self._wait_for_work(news)
                # What follows waits on purpose, and for answers that have their own deadline.
                news.done()
                self._tell_doubts()
                await trio.sleep(self._backoff.next_delay())
                # Asked again after the wait: most doubts of a burst come together.
                self._tell_doubts()
                ended = self._ended()
                if ended:
                    await self._renew(ended)
                else:
                    await self._ask(self._to_ask())
                self._tell_doubts()

    async def _wait_for_work(self, news: Inbox[Any]) -> None:
        quiet_since = trio.current_time()
        while not (self._ended() or self._to_ask()):
            self._tell_doubts()
            # A market that was asked about in vain, or that is awaited, becomes due by time alone.
            now = trio.current_time()
            due = min((now + RELOOK_S, *self._ask_at.values(), *self._books.awaited.values()))
            with trio.move_on_at(max(due, now + REPAIR_FIRST_S)):
                batch = await news.receive()
                for event in batch:
                    self._note(event)
                if all(isinstance(event, ev.BookRestored) for event in batch):
                    # Snapshots come in bursts, and to say that books are good is no hurry.
                    await trio.sleep(REPAIR_FIRST_S)
        if trio.current_time() - quiet_since >= QUIET_S:
            self._backoff.reset()

    def _note(self, event: RepairNews) -> None:
        if isinstance(event, ev.BookRestored):
            return
        is_loss = not isinstance(event, ev.BookInvalidated) or event.fault in LOSSES
        if is_loss and event.subscription == self._books.name:
            # What is on its way will not do.
            self._books.awaited.clear()

    def _in_doubt(self) -> tuple[MarketTicker, ...]:
        # Without those whose first snapshot may be on its way.
        now, awaited = trio.current_time(), self._books.awaited
        doubtful = in_doubt(self._context, self._books)
        if awaited:
            still = dict.fromkeys(filter(self._may_come, doubtful))
            for ticker in [t for t, until in awaited.items() if t not in still or until <= now]:
                del awaited[ticker]
        return tuple(ticker for ticker in doubtful if ticker not in awaited)

    def _may_come(self, ticker: MarketTicker) -> bool:
        book = self._context.view.book(ticker)
        return book is None or book.subscription != self._books.name or book.fault in NOT_HERE_YET

    def _tell_doubts(self) -> None:
        doubtful = dict.fromkeys(self._in_doubt())
        told = [each for each in self._books.awaited if self._doubts.is_told(each)]
        self._doubts.tell((*doubtful, *told), followed=self._books.tickers)

    def _ended(self) -> str:
        return self._context.view.market_data.subscription_ended(self._books.name)

    def _to_ask(self) -> tuple[MarketTicker, ...]:
        # The markets to ask about now; those with something of ours at stake come first.
        now, doubtful = trio.current_time(), dict.fromkeys(self._in_doubt())
        for ticker in [each for each in self._ask_at if each not in doubtful]:
            del self._ask_at[ticker], self._in_vain[ticker]
        due = [ticker for ticker in doubtful if self._ask_at.get(ticker, now) <= now]
        if not due:
            return ()
        held = self._context.view.held_markets()
        return tuple(sorted(due, key=lambda ticker: ticker not in held))

    async def _ask(self, wanted: tuple[MarketTicker, ...]) -> None:
        if not wanted:
            # What was in doubt before the wait is good again, or has left.
            return
        granted = await self._spend(min(len(wanted), self._at_most))
        asked = self._to_ask()[:granted]
        if not asked:
            return
        context, books = self._context, self._books
        context.publish(
            ev.SnapshotsRequested(at=context.now(), subscription=books.name, count=len(asked))
        )
        anew = tuple(each for each in asked if self._in_vain.get(each, 0) >= ANEW_AFTER)
        if anew:
            context.log.info(f"putting {counted(len(anew), 'market')} on the subscription anew")
            await self._put_anew(anew)
            self._note_answers(anew, ())
        asked = tuple(each for each in asked if each not in anew)
        if asked:
            await self._request(asked)

    async def _request(self, asked: tuple[MarketTicker, ...]) -> None:
        self._context.log.info(f"asking for {counted(len(asked), 'snapshot')}")
        try:
            answered = await self._books.request_snapshot(self._with_witness(asked))
        except ExchangeRefused as exc:
            self._refused(asked, exc)
        else:
            self._at_most = MARKETS_PER_COMMAND
            self._note_answers(asked, answered)

    def _refused(self, asked: tuple[MarketTicker, ...], refusal: ExchangeRefused) -> None:
        context = self._context
        if refusal.code in SUBSCRIPTION_GONE:
            # Its other books hear nothing any more either.
            name, reason = self._books.name, str(refusal)
            context.publish(
                ev.SubscriptionEnded(at=context.now(), subscription=name, reason=reason)
            )
            return
        context.log.warning(f"no snapshots: {refusal}")
        if len(asked) > 1:
            # One of them may be the reason; the others must not wait for it.
            self._at_most = len(asked) // 2
        else:
            self._at_most = MARKETS_PER_COMMAND
            self._note_answers(asked, ())

    def _why(self, ticker: MarketTicker) -> str:
        book = self._context.view.book(ticker)
        if book is None or book.fault is None:
            return "no snapshot on this subscription yet"
        return book.fault_detail

    def _with_witness(self, asked: tuple[MarketTicker, ...]) -> tuple[MarketTicker, ...]:
        # The exchange may be silent about any of them for good; with one that it surely answers for, the wait for the
        # others is short. That is the one of which it told last: another may have been taken off without a word.
        good = good_books(self._context, self._books)
        return (*asked, max(good, key=self._told_at)) if good else asked

    def _told_at(self, ticker: MarketTicker) -> Timestamp:
        book = self._context.view.book(ticker)
        return Timestamp(0) if book is None or book.updated_at is None else book.updated_at

    def _note_answers(
        self, asked: tuple[MarketTicker, ...], answered: tuple[MarketTicker, ...]
    ) -> None:
        now, came = trio.current_time(), dict.fromkeys(answered)
        for ticker in asked:
            book = self._context.view.book(ticker)
            if ticker in came and (book is None or book.fault not in CONTRADICTIONS):
                self._in_vain.pop(ticker, None)
                self._ask_at.pop(ticker, None)
                continue
            tries = self._in_vain[ticker] = self._in_vain.get(ticker, 0) + 1
            wait_s = min(IN_VAIN_CAP_S, IN_VAIN_FIRST_S * 2 ** min(tries - 1, 8))
            self._ask_at[ticker] = now + wait_s

    async def _renew(self, reason: str) -> None:
        context, books = self._context, self._books
        await self._spend(None)
        async with books.changing:
            if self._ended():
                context.log.warning(
                    f"subscribing anew to {len(books.tickers)} order books: {reason}"
                )
                await books.make_anew()
                books.wait_for(books.tickers, within_s=context.config.market_data.first_snapshot_s)

    async def _spend(self, wanted: int | None) -> int:
        # Waits until the budget grants some of `wanted`, and returns how many; None waits for one for every market.
        told = False
        while True:
            markets = len(self._books.tickers)
            count = markets if wanted is None else wanted
            at_least = markets if wanted is None else 1
            granted = self._budget.take(count, markets, trio.current_time(), at_least=at_least)
            if granted == count:
                self._told_delay = False
            if granted >= at_least:
                return granted
            wait_s = self._budget.wait_s(at_least, markets)
            if not told:
                told = True
                self._tell_delay(count, wait_s)
            await trio.sleep(wait_s)

    def _tell_delay(self, count: int, wait_s: float) -> None:
        context = self._context
        if not self._told_delay:
            self._told_delay = True
            per_minute = SnapshotBudget.per_minute(len(self._books.tickers))
            context.log.warning(
                f"{count} books wait {wait_s:.1f} s for snapshots: {per_minute} a minute are spent"
            )
        context.publish(
            ev.SnapshotsDelayed(
                at=context.now(),
                subscription=self._books.name,
                count=count,
                wait_ms=round(wait_s * 1_000),
            )
        )


def _concerned(event: RepairNews) -> object:
    if isinstance(event, (ev.BookInvalidated, ev.BookRestored)):
        return type(event), event.ticker
    return type(event), event.subscription

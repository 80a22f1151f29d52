"""The repair of one order-book subscription: a snapshot for every book in doubt, and no storm of requests.

Owns: when snapshots are asked for, and when the subscription is made anew. One request is under way per subscription,
after a jittered wait, so that a burst of doubt is answered once; a budget bounds how many snapshots a minute it may ask
for; a market for which nothing comes that makes sense is asked about less and less often.
Must not: judge sequence numbers (the engine does), or know which markets ought to be followed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, Final, NoReturn

import attrs
import trio

from traderd.errors import ExchangeError, ExchangeProtocolError, ExchangeRefused
from traderd.kalshi.feed import Feed
from traderd.kalshi.wire.commands import BOOKS
from traderd.model import events as ev
from traderd.model.events import BookFault
from traderd.model.ids import MarketTicker
from traderd.model.units import NS_PER_S, Timestamp
from traderd.runtime.inbox import Inbox, Policy
from traderd.runtime.retry import Backoff
from traderd.services.context import Context
from traderd.services.doubt_log import DoubtLog, counted
from traderd.services.snapshot_budget import SnapshotBudget

LOOK_S: Final = 1.0
"""How often the engine is told how the line does, and grades books."""
REPAIR_FIRST_S: Final = 0.05
REPAIR_CAP_S: Final = 2.0
"""Bounds the wait before asking for snapshots again: an exchange that keeps failing is not stormed."""
QUIET_S: Final = 5.0
"""Without a doubt for this long the next repair begins at once again."""
MARKETS_PER_COMMAND: Final = 500
"""Bounds the markets of one command: their snapshots must all come within its deadline."""
IN_VAIN_FIRST_S: Final = 5.0
IN_VAIN_CAP_S: Final = 60.0
"""Bounds the wait before a market is asked about again for which nothing came, or nothing that makes sense: it may be
gone, or crossed, for good."""
RELOOK_S: Final = 10.0
"""How often books in doubt are looked for although nobody told of one: a first snapshot that never comes is no event."""
DOUBTS: Final = (ev.BookInvalidated, ev.SubscriptionEnded)
SUBSCRIPTION_GONE: Final = ("feed_error_7", "feed_error_10", "feed_error_25")
"""Refusals of a command that say that its subscription is no more.  Source: Kalshi error codes."""
CONTRADICTIONS: Final = (BookFault.CROSSED, BookFault.NEGATIVE_LEVEL, BookFault.DOUBLE_LEVEL)
"""Faults that a snapshot has by itself: to ask again at once would bring the same."""


@attrs.define(eq=False)
class BookSubscription:
    """One subscription to order books, shared by who follows markets and who repairs books.

    Who adds or takes away a market at the exchange changes `tickers` too; `sid` changes when the subscription is
    made anew, so read it anew before each command.
    """

    feed: Feed
    sid: int
    tickers: dict[MarketTicker, None]
    """The markets on it, in order."""
    changing: trio.Lock = attrs.Factory(trio.Lock)
    """Held by who changes `tickers` or `sid` at the exchange, so that the two never miss each other."""

    @property
    def name(self) -> str:
        """What events call it: `<connection>:<sid>`."""
        return f"{self.feed.connection}:{self.sid}"


async def repair(context: Context, books: BookSubscription) -> NoReturn:
    """Keep the books of a subscription good, and tell the engine how its line does, until cancelled.

    Raises:
        ExchangeError: the connection is lost, or the exchange does not let us subscribe anew.
    """
    problem: ExchangeError | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(observe_line, context, books.feed)
        try:
            await Repair(context, books).run()
        except ExchangeError as exc:
            problem = exc
        nursery.cancel_scope.cancel()
    assert problem is not None, "only an error or a cancellation ends the repair"
    raise problem


async def observe_line(context: Context, feed: Feed) -> NoReturn:
    """Tell regularly when a line was last heard, until cancelled."""
    while True:
        now = context.now()
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


def in_doubt(context: Context, books: BookSubscription) -> tuple[MarketTicker, ...]:
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


async def renew(feed: Feed, channel: str, sid: int, tickers: Sequence[MarketTicker]) -> int:
    """Make a subscription of one channel anew on the same connection, and return its new id.

    Raises:
        ExchangeError: the connection is lost, the exchange refuses, or it gives the old id again.
    """
    try:
        await feed.unsubscribe([sid])
    except ExchangeRefused:
        pass  # it does not know it any more, which is what we wanted
    first, others = tickers[:MARKETS_PER_COMMAND], tickers[MARKETS_PER_COMMAND:]
    new_sid = (await feed.subscribe((channel,), first))[channel]
    if new_sid == sid:
        raise ExchangeProtocolError(f"the new subscription to {channel} has the old id {sid}")
    for start in range(0, len(others), MARKETS_PER_COMMAND):
        await feed.add_markets(new_sid, others[start : start + MARKETS_PER_COMMAND])
    return new_sid


class Repair:
    """The repair of one subscription."""

    def __init__(self, context: Context, books: BookSubscription) -> None:
        self._context, self._books = context, books
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
        self._books.feed.tend(self._books.sid)
        with self._context.subscribe(*DOUBTS, policy=Policy.LATEST, key=_concerned) as news:
            while True:
                await self._wait_for_work(news)
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
            # A market that was asked about in vain becomes due by time alone.
            now = trio.current_time()
            due = min(self._ask_at.values(), default=now + RELOOK_S)
            with trio.move_on_at(max(due, now + REPAIR_FIRST_S)):
                await news.receive()
        if trio.current_time() - quiet_since >= QUIET_S:
            self._backoff.reset()

    def _tell_doubts(self) -> None:
        self._doubts.tell(in_doubt(self._context, self._books), followed=self._books.tickers)

    def _ended(self) -> str:
        return self._context.view.market_data.subscription_ended(self._books.name)

    def _to_ask(self) -> tuple[MarketTicker, ...]:
        # The markets to ask about now; those with something of ours at stake come first.
        now, doubtful = trio.current_time(), dict.fromkeys(in_doubt(self._context, self._books))
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
        context.log.info(f"asking for {counted(len(asked), 'snapshot')}")
        context.publish(
            ev.SnapshotsRequested(at=context.now(), subscription=books.name, count=len(asked))
        )
        try:
            answered = await books.feed.request_snapshot(books.sid, self._with_witness(asked))
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
        # On a quiet line, silence about markets that may be gone would look like a dead line; so one is asked about
        # too that is sure to be answered.
        if any(ticker not in self._in_vain for ticker in asked):
            return asked
        doubtful = dict.fromkeys(in_doubt(self._context, self._books))
        good = (ticker for ticker in self._books.tickers if ticker not in doubtful)
        return (*asked, *islice(good, 1))

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
        with context.subscribe(
            ev.BookRestored, *DOUBTS, policy=Policy.LATEST, key=_concerned
        ) as news:
            async with books.changing:
                context.log.warning(
                    f"subscribing anew to {len(books.tickers)} order books: {reason}"
                )
                books.sid = await renew(books.feed, BOOKS, books.sid, tuple(books.tickers))
                books.feed.tend(books.sid)
            await self._await_snapshots(news)

    async def _await_snapshots(self, news: Inbox[Any]) -> None:
        # Or what is on its way would be asked for.
        with trio.move_on_after(self._context.config.market_data.first_snapshot_s):
            while in_doubt(self._context, self._books):
                for event in await news.receive():
                    if isinstance(event, DOUBTS) and event.subscription == self._books.name:
                        # What is on its way will not do.
                        return

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


def _concerned(event: ev.BookInvalidated | ev.BookRestored | ev.SubscriptionEnded) -> object:
    about = event.subscription if isinstance(event, ev.SubscriptionEnded) else event.ticker
    return type(event), about

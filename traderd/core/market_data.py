"""Every book, every subscription, and the counters that describe the feed.

Owns: which books a broken sequence concerns. `seq` counts per subscription, so a gap puts every book of that
subscription in doubt (Kalshi: sequence rules); a frame with an old number that is no copy of the last one puts its own
book in doubt; a snapshot that arrives in order makes its own book good.
Must not: ask for snapshots; it says what follows, `services/book_repair.py` acts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import attrs

from traderd.core.book import Book
from traderd.core.book_quality import BookQualities, BookQuality
from traderd.core.drift import FrameDrift
from traderd.core.feed_state import FeedState
from traderd.core.sequence import Verdict
from traderd.core.subscription import Subscription, Subscriptions, connection_of
from traderd.core.trade_tape import TradeTape
from traderd.core.universe import Universe
from traderd.model.events import (
    BookAudited,
    BookChanged,
    BookDelta,
    BookFault,
    BookInvalidated,
    BookRestored,
    BookSnapshot,
    Event,
    FeedConnected,
    FeedDisconnected,
    FeedName,
    FramesMissed,
    LineObserved,
    MarketsListed,
    SequenceAdvanced,
    SnapshotsDelayed,
    SnapshotsRequested,
    SubscriptionEnded,
    TradePrinted,
)
from traderd.model.ids import MarketTicker
from traderd.model.market import Market
from traderd.model.units import NS_PER_MS, Price, Timestamp

SAMPLE_NS: Final = 10 * NS_PER_MS
"""Bounds how often the lag of one subscription is measured: a hundred times a second tell all there is."""


@attrs.define(eq=False)
class MarketData:
    """Books by ticker, subscriptions by name, markets as listed."""

    markets: dict[MarketTicker, Market] = attrs.Factory(dict)
    books: dict[MarketTicker, Book] = attrs.Factory(dict)
    feeds: dict[FeedName, FeedState] = attrs.Factory(
        lambda: {name: FeedState() for name in FeedName}
    )
    last_trade: dict[MarketTicker, Price] = attrs.Factory(dict)
    tape: TradeTape = attrs.Factory(TradeTape)
    universe: Universe = attrs.Factory(Universe)
    qualities: BookQualities = attrs.Factory(BookQualities)
    snapshots_received: int = 0
    deltas_received: int = 0
    trades_seen: int = 0
    drift: FrameDrift = attrs.Factory(FrameDrift)
    gaps: int = 0
    stale_frames: int = 0
    """Frames with an old number: copies, late ones, and the first of a count that began anew."""
    unexpected_frames: int = 0
    """Frames of books that nobody follows, or of a subscription that has ended."""
    subscriptions_ended: int = 0
    """By the exchange, or by us because their numbers began anew."""
    snapshots_requested: int = 0
    """Snapshots that were asked for to repair a book."""
    snapshots_delayed: int = 0
    """Snapshots that had to wait because the budget was spent."""
    resyncs: int = 0
    """Books made good again by a snapshot after a fault."""
    last_message_at: Timestamp | None = None
    _subscriptions: Subscriptions = attrs.Factory(Subscriptions)
    _changed: dict[MarketTicker, Timestamp] = attrs.Factory(dict)
    """What changed since the last `settle`."""

    def folds(self) -> dict[type, Callable[[Any], list[Event]]]:
        """Return which event is folded by what, for the engine's table; `market_life` has the markets' own."""
        return {
            BookDelta: self.apply_delta,
            BookSnapshot: self.apply_snapshot,
            SequenceAdvanced: self.advance_sequence,
            TradePrinted: self.print_trade,
            FeedConnected: self.connect,
            FeedDisconnected: self.disconnect,
            SubscriptionEnded: self.end_subscription,
            SnapshotsRequested: self.count_requested,
            SnapshotsDelayed: self.count_delayed,
            LineObserved: self.observe_line,
            BookAudited: self.audit,
        }

    def list_markets(self, event: MarketsListed) -> None:
        """Remember what the exchange says of its markets."""
        for market in event.markets:
            self.markets[market.ticker] = market

    # --- frames -----------------------------------------------------------------------------------

    def apply_delta(self, event: BookDelta) -> list[Event]:
        """Change one level; returns what became doubtful."""
        self.deltas_received += 1
        self.last_message_at = event.at
        held = self._subscriptions.by_name.get(event.subscription)
        # The rule of `SequenceTracker.observe`, spelled out where it is asked most.
        if held is None or event.seq != held.last + 1:
            return self._delta_out_of_order(event)
        held.last, held.newest = event.seq, event
        book = held.books.get(event.ticker)
        if book is None:
            return self._delta_without_book(event)
        self._changed[event.ticker] = event.at
        return [] if book.apply(event) is None else [self._invalidated(book, event.at)]

    def apply_snapshot(self, event: BookSnapshot) -> list[Event]:
        """Replace one book; returns what a number out of order before it put in doubt, and whether it is good."""
        self.snapshots_received += 1
        self.last_message_at = event.at
        held = self._subscriptions.get(event.subscription)
        if held.ended:
            self.unexpected_frames += 1
            return []
        verdict = held.observe(event.seq)
        if verdict not in {Verdict.IN_ORDER, Verdict.GAP}:
            return self._old_number(held, event, verdict)
        follow = self._after_gap(held, event) if verdict is Verdict.GAP else []
        held.newest = event
        if self.universe.is_muted(event.ticker):
            self.unexpected_frames += 1
            return follow
        book = self._book_on(event.subscription, event.ticker)
        fault_before = book.fault
        if book.replace(event) is not None:
            follow.append(self._invalidated(book, event.at))
        elif fault_before is not None:
            if fault_before is not BookFault.MISSING_SNAPSHOT:
                self.resyncs += 1
                self.qualities.resynced(event.ticker)
            follow.append(BookRestored(at=event.at, ticker=event.ticker))
        self._changed[event.ticker] = event.at
        return follow

    def advance_sequence(self, event: SequenceAdvanced) -> list[Event]:
        """Count the number of a frame without a book."""
        held = self._subscriptions.get(event.subscription)
        if held.ended:
            return []
        stale_before = held.stale
        verdict = held.observe_reply(event.seq)
        self.stale_frames += held.stale - stale_before
        return self._after_gap(held, event) if verdict is Verdict.GAP else []

    def print_trade(self, event: TradePrinted) -> list[Event]:
        """Remember a trade, once; one that was read late is not the last one."""
        self.last_message_at = event.at
        if self.tape.knows(event):
            return []
        self.trades_seen += 1
        if self.tape.take(event):
            self.last_trade[event.ticker] = event.price
            if event.ticker in self.books:
                self._changed[event.ticker] = event.at
        return []

    def settle(self) -> list[Event]:
        """Return what follows from a whole batch: which markets changed, each once."""
        if not self._changed:
            return []
        changed, self._changed = self._changed, {}
        self._sample_line(*next(iter(changed.items())))
        self.qualities.note_changed(changed)
        return [BookChanged(ticker=ticker, at=at) for ticker, at in changed.items()]

    # --- connections and subscriptions ------------------------------------------------------------

    def connect(self, event: FeedConnected) -> list[Event]:
        """Note that a connection stands."""
        self.feeds[event.feed].connect(event)
        return []

    def disconnect(self, event: FeedDisconnected) -> list[Event]:
        """Note that a connection is gone; every book that lived on it is in doubt from now on."""
        self.feeds[event.feed].disconnect(event)
        self.qualities.forget_line(event.connection)
        lost = [
            book
            for held in self._subscriptions.lose(event.connection)
            for book in held.books.values()
        ]
        doubts = self._invalidate(lost, BookFault.DISCONNECTED, event.reason, event.at)
        # Nobody looks at a line that is gone, so nothing else would grade its books.
        return [*doubts, *self._review(event.at)]

    def end_subscription(self, event: SubscriptionEnded) -> list[Event]:
        """Note that the exchange ended a subscription: its books are in doubt, and later frames of it do not count."""
        held = self._subscriptions.get(event.subscription)
        if held.ended:
            return []
        return self._finish(held, BookFault.SUBSCRIPTION_ENDED, event.reason, event.at)

    def subscription_ended(self, subscription: str) -> str:
        """Return why a subscription must be made anew, an empty text while it lives."""
        held = self._subscriptions.by_name.get(subscription)
        return "" if held is None else held.ended

    def last_seq(self, subscription: str) -> int:
        """Return the last number of a subscription, 0 if it has none yet."""
        held = self._subscriptions.by_name.get(subscription)
        return 0 if held is None else held.last

    def count_requested(self, event: SnapshotsRequested) -> list[Event]:
        """Count snapshots that were asked for."""
        self.snapshots_requested += event.count
        return []

    def count_delayed(self, event: SnapshotsDelayed) -> list[Event]:
        """Count snapshots that have to wait."""
        self.snapshots_delayed += event.count
        return []

    def give_up(
        self, tickers: Iterable[MarketTicker], fault: BookFault, detail: str, at: Timestamp
    ) -> list[Event]:
        """Put books in doubt that nobody keeps any more."""
        books = [book for ticker in tickers if (book := self.books.get(ticker)) is not None]
        return self._invalidate(books, fault, detail, at)

    def forget(self, ticker: MarketTicker) -> None:
        """Drop everything that is kept of a market."""
        book = self.books.get(ticker)
        if book is not None:
            self._subscriptions.leave(book)
            self.qualities.totals.retire(book)
        for kept in (self.markets, self.books, self.last_trade):
            kept.pop(ticker, None)
        self.tape.forget(ticker)
        self.qualities.forget(ticker)

    # --- quality ----------------------------------------------------------------------------------

    def observe_line(self, event: LineObserved) -> list[Event]:
        """Take a look at a connection over, and grade the books that may have changed."""
        self.qualities.note_changed(self._changed)
        self.qualities.observe_line(event, self._subscriptions.tickers_of(event.connection))
        return self._review(event.at)

    def audit(self, event: BookAudited) -> list[Event]:
        """Take the result of an audit over; a proven disagreement makes the book wrong."""
        book = self.books.get(event.ticker)
        if book is None:
            return []
        self.qualities.audited(event)
        if not event.proven:
            return []
        levels = len(event.differing_levels)
        detail = f"{levels} levels differ from the exchange's REST book, twice in a row"
        return self._invalidate([book], BookFault.AUDIT, detail, event.at)

    def quality(self, ticker: MarketTicker, now: Timestamp) -> BookQuality | None:
        """Return how good a book is now, None if there is no such book."""
        book = self.books.get(ticker)
        return None if book is None else self.qualities.judge(book, self._line_of(book), now)

    def usable_books(self) -> int:
        """Return how many books can be trusted now."""
        return sum(book.usable for book in self.books.values())

    def dropped_deltas(self) -> int:
        """Return how many deltas came for books in doubt, and were left out."""
        held = sum(book.dropped_deltas for book in self.books.values())
        return held + self.qualities.totals.dropped_deltas

    def _review(self, now: Timestamp) -> list[Event]:
        follow: list[Event] = []
        for ticker in self.qualities.due():
            book = self.books.get(ticker)
            if book is None:
                continue
            if book.crossed_since is not None and book.check_crossing(now) is not None:
                # Without this a crossing in a market that falls silent would never be repaired.
                follow.append(self._invalidated(book, now))
            graded = self.qualities.review(book, self._line_of(book), now)
            if graded is not None:
                self._changed[ticker] = now
                follow.append(graded)
        return follow

    def _sample_line(self, ticker: MarketTicker, at: Timestamp) -> None:
        # One delta of a batch is enough to know how late its connection is; a trade tells nothing of that.
        book = self.books.get(ticker)
        if book is None or book.exchange_at is None or book.updated_at != at:
            return
        home = self._subscriptions.by_name.get(book.subscription)
        if home is not None and not 0 <= at - home.sampled_at < SAMPLE_NS:
            home.sampled_at = at
            self.qualities.sample_line(self._line_of(book), at - book.exchange_at, at)

    @staticmethod
    def _line_of(book: Book) -> int:
        return connection_of(book.subscription) if book.subscription else 0

    # --- doubt ------------------------------------------------------------------------------------

    def _book_on(self, subscription: str, ticker: MarketTicker) -> Book:
        # Returns the market's book, which lives on this subscription from now on.
        book = self.books.get(ticker)
        if book is None:
            book = self.books[ticker] = Book(ticker)
        self._subscriptions.settle_on(subscription, book)
        return book

    def _delta_out_of_order(self, event: BookDelta) -> list[Event]:
        held = self._subscriptions.get(event.subscription)
        if held.ended:
            self.unexpected_frames += 1
            return []
        verdict = held.observe(event.seq)
        if verdict is Verdict.IN_ORDER:
            # The first frame of a subscription: there can be no book yet.
            held.newest = event
            return self._delta_without_book(event)
        if verdict is not Verdict.GAP:
            return self._old_number(held, event, verdict)
        held.newest = event
        follow = self._after_gap(held, event)
        book = held.books.get(event.ticker)
        if book is not None:
            book.drop_delta()
        return follow

    def _delta_without_book(self, event: BookDelta) -> list[Event]:
        # A delta that comes before its snapshot: the exchange broke its own promise, or a snapshot
        # was refused.  The book exists from here on, as a book that needs one.
        book = self.books.get(event.ticker)
        # A subscription that lives tells its own books everything, so what another one says of them adds nothing.
        elsewhere = book is not None and self._subscriptions.has_home(book)
        if elsewhere or self.universe.is_muted(event.ticker):
            self.unexpected_frames += 1
            return []
        book = self._book_on(event.subscription, event.ticker)
        book.fault, book.fault_detail = BookFault.MISSING_SNAPSHOT, "a delta came before a snapshot"
        book.drop_delta()
        return [self._invalidated(book, event.at)]

    def _after_gap(
        self, held: Subscription, event: BookSnapshot | BookDelta | SequenceAdvanced
    ) -> list[Event]:
        self.gaps += 1
        detail = f"frames before seq {event.seq} of subscription {event.subscription} are missing"
        missed = FramesMissed(at=event.at, subscription=event.subscription, detail=detail)
        return [missed, *self._invalidate(held.books.values(), BookFault.GAP, detail, event.at)]

    def _old_number(
        self, held: Subscription, event: BookSnapshot | BookDelta, verdict: Verdict
    ) -> list[Event]:
        self.stale_frames += 1
        name, seq = event.subscription, event.seq
        if verdict is Verdict.RESTARTED:
            detail = f"the numbers of subscription {name} began anew: seq {seq}"
            return self._finish(held, BookFault.RESTARTED, detail, event.at)
        book = held.books.get(event.ticker)
        if book is None or held.is_copy(event):
            return []
        detail = f"a frame with the old seq {seq} of subscription {name}, which is at {held.last}"
        return self._invalidate([book], BookFault.STRAY, detail, event.at)

    def _finish(
        self, held: Subscription, fault: BookFault, detail: str, at: Timestamp
    ) -> list[Event]:
        held.finish(detail)
        self.subscriptions_ended += 1
        return self._invalidate(held.books.values(), fault, detail, at)

    def _invalidate(
        self, books: Iterable[Book], fault: BookFault, detail: str, at: Timestamp
    ) -> list[Event]:
        return [self._invalidated(book, at) for book in books if book.invalidate(fault, detail)]

    def _invalidated(self, book: Book, at: Timestamp) -> Event:
        assert book.fault is not None
        self._changed[book.ticker] = at
        self.qualities.faulted(book.ticker, book.fault, at)
        return BookInvalidated(
            at=at,
            ticker=book.ticker,
            fault=book.fault,
            subscription=book.subscription,
            detail=book.fault_detail,
        )

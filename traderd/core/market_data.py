"""Every book, every subscription, and the counters that describe the feed.

Owns: the folds of frames and connections. `seq` counts per subscription, so a number out of order concerns its books
(Kalshi: sequence rules; `book_doubt` knows which); a snapshot that arrives in order makes its own book good.
Must not: ask for snapshots; it says what follows, `services/book_repair.py` acts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs
import msgspec

from traderd.core.book import Book
from traderd.core.book_doubt import BookDoubts
from traderd.core.book_quality import BookQualities
from traderd.core.book_review import BookReview
from traderd.core.drift import FrameDrift
from traderd.core.feed_state import FeedState
from traderd.core.life_steps import LifeSteps
from traderd.core.quality_records import BookQuality
from traderd.core.sequence import Verdict
from traderd.core.subscription import Subscriptions
from traderd.core.trade_tape import TradeTape
from traderd.core.universe import Universe
from traderd.model.events import (
    BookAudited,
    BookChanged,
    BookDelta,
    BookFault,
    BookRestored,
    BookSnapshot,
    Event,
    FeedConnected,
    FeedDisconnected,
    FeedName,
    FrameRefused,
    LineObserved,
    MarketsListed,
    SequenceAdvanced,
    SnapshotRefused,
    SnapshotsDelayed,
    SnapshotsRequested,
    SubscriptionEnded,
    TradePrinted,
)
from traderd.model.ids import MarketTicker
from traderd.model.market import Market
from traderd.model.units import Price, Timestamp


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
    steps: LifeSteps = attrs.Factory(LifeSteps)
    qualities: BookQualities = attrs.Factory(BookQualities)
    snapshots_received: int = 0
    deltas_received: int = 0
    trades_seen: int = 0
    drift: FrameDrift = attrs.Factory(FrameDrift)
    unexpected_frames: int = 0
    """Frames of markets that nobody follows, or of a subscription that has ended."""
    snapshots_requested: int = 0
    """Snapshots that were asked for to repair a book."""
    snapshots_delayed: int = 0
    """Snapshots that had to wait because the budget was spent."""
    resyncs: int = 0
    """Books made good again by a snapshot after a fault."""
    last_message_at: Timestamp | None = None
    _subscriptions: Subscriptions = attrs.Factory(Subscriptions)
    _doubts: BookDoubts = attrs.field(init=False)
    _review: BookReview = attrs.field(init=False)
    _changed: dict[MarketTicker, Timestamp] = attrs.field(init=False)
    """What changed since the last `settle`; the doubts have the same one."""

    def __attrs_post_init__(self) -> None:
        self._doubts = BookDoubts(self.books, self._subscriptions, self.qualities, self.universe)
        self._review, self._changed = BookReview(self._doubts), self._doubts.changed

    def folds(self) -> dict[type, Callable[[Any], list[Event] | None]]:
        """Return which event is folded by what, for the engine's table; `market_life` has the markets' own."""
        return {
            BookDelta: self.apply_delta,
            BookSnapshot: self.apply_snapshot,
            SequenceAdvanced: self.advance_sequence,
            TradePrinted: self.print_trade,
            FeedConnected: self.connect,
            FeedDisconnected: self.disconnect,
            SubscriptionEnded: self.end_subscription,
            SnapshotRefused: self.refuse_snapshot,
            SnapshotsRequested: self.count_requested,
            SnapshotsDelayed: self.count_delayed,
            LineObserved: self._review.observe_line,
            BookAudited: self._review.audit,
        }

    @property
    def gaps(self) -> int:
        """How often frames were missing before one that came."""
        return self._doubts.gaps

    @property
    def stale_frames(self) -> int:
        """Frames with an old number: copies, late ones, and the first of a count that began anew."""
        return self._doubts.stale_frames

    @property
    def subscriptions_ended(self) -> int:
        """By the exchange, or by us because their numbers began anew."""
        return self._doubts.subscriptions_ended

    def list_markets(self, event: MarketsListed) -> None:
        """Remember what the exchange says of its markets."""
        for market in event.markets:
            # One that reads as before stays the one it is, for others keep it as well.
            if self.markets.get(market.ticker) != market:
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
        # The book's own text of its name, here and below: readers keep it, and each frame brings another one.
        self._changed[book.ticker] = event.at
        return [] if book.apply(event) is None else [self._doubts.invalidated(book, event.at)]

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
            return self._doubts.old_frame(held, event, verdict)
        follow: list[Event] = []
        if verdict is Verdict.GAP:
            follow = self._doubts.after_gap(held, event.subscription, event.seq, event.at)
        held.newest = event
        if self.universe.is_muted(event.ticker):
            self.unexpected_frames += 1
            return follow
        book = self._book_on(event.subscription, event.ticker)
        fault_before = book.fault
        self._doubts.try_types(book, event)
        if book.replace(event) is not None:
            follow.append(self._doubts.invalidated(book, event.at))
        elif fault_before is not None:
            if fault_before is not BookFault.MISSING_SNAPSHOT:
                self.resyncs += 1
                self.qualities.resynced(event.ticker)
            follow.append(BookRestored(at=event.at, ticker=event.ticker))
        self._changed[book.ticker] = event.at
        return follow

    def advance_sequence(self, event: SequenceAdvanced) -> list[Event]:
        """Count the number of a frame without a book."""
        name, doubts = event.subscription, self._doubts
        held = self._subscriptions.get(name)
        if held.ended:
            return []
        verdict = held.observe(event.seq) if event.is_data else held.observe_reply(event.seq)
        if verdict is Verdict.RESTARTED:
            return doubts.restarted(held, name, event.seq, event.at)
        doubts.stale_frames += verdict is Verdict.STALE
        follow: list[Event] = []
        if verdict is Verdict.GAP:
            follow = doubts.after_gap(held, name, event.seq, event.at)
        if verdict is not Verdict.STALE and event.exchange_at is not None:
            held.told_at = event.exchange_at
        return follow

    def refuse_frame(self, event: FrameRefused) -> list[Event]:
        """Take over that a frame of market data could not be read; returns what became doubtful."""
        if event.feed is not FeedName.MARKET_DATA:
            return []
        if event.subscription and self.subscription_ended(event.subscription):
            self.unexpected_frames += 1
            return []
        return self._doubts.refuse(event)

    def print_trade(self, event: TradePrinted) -> list[Event] | None:
        """Remember a trade, once; one that was read late is not the last one.

        Returns None for one that is known, or of a market that nobody follows (any more): nobody must hear of it.
        """
        self.last_message_at = event.at
        if event.ticker not in self.universe.followed:
            self.unexpected_frames += 1
            return None
        if self.tape.knows(event):
            return None
        self.trades_seen += 1
        book = self.books.get(event.ticker)
        if book is not None:
            # Kept with the book's own text of its name: each frame brings another one, and twenty of each market stay.
            event = msgspec.structs.replace(event, ticker=book.ticker)
        if self.tape.take(event):
            self.last_trade[event.ticker] = event.price
            if book is not None:
                self._changed[event.ticker] = event.at
        return []

    def settle(self) -> list[Event]:
        """Return what follows from a whole batch: which markets changed, each once."""
        if not self._changed:
            return []
        changed = self._changed.copy()
        self._changed.clear()
        self._review.sample_line(changed)
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
        doubts = self._doubts.invalidate(lost, BookFault.DISCONNECTED, event.reason, event.at)
        # Nobody looks at a line that is gone, so nothing else would grade its books.
        return [*doubts, *self._review.review(event.at)]

    def end_subscription(self, event: SubscriptionEnded) -> list[Event]:
        """Note that the exchange ended a subscription: its books are in doubt, and later frames of it do not count."""
        held = self._subscriptions.get(event.subscription)
        if held.ended:
            return []
        return self._doubts.finish(held, BookFault.SUBSCRIPTION_ENDED, event.reason, event.at)

    def refuse_snapshot(self, event: SnapshotRefused) -> list[Event]:
        """Doubt a book that the exchange does not tell on its subscription."""
        book = self.books.get(event.ticker)
        if book is None or book.subscription != event.subscription:
            return []
        fault = BookFault.SUBSCRIPTION_ENDED
        return self._doubts.invalidate([book], fault, event.reason, event.at)

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
        return self._doubts.give_up(tickers, fault, detail, at)

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

    def quality(self, ticker: MarketTicker, now: Timestamp) -> BookQuality | None:
        """Return how good a book is now, None if there is no such book."""
        return self._review.quality(ticker, now)

    def usable_books(self) -> int:
        """Return how many books can be trusted now."""
        return sum(book.usable for book in self.books.values())

    def dropped_deltas(self) -> int:
        """Return how many deltas came for books in doubt, and were left out."""
        held = sum(book.dropped_deltas for book in self.books.values())
        return held + self.qualities.totals.dropped_deltas

    # --- frames that are no ordinary change --------------------------------------------------------

    def _book_on(self, subscription: str, ticker: MarketTicker) -> Book:
        # Returns the market's book, which lives on this subscription from now on.
        book = self.books.get(ticker)
        if book is None:
            # The text that the market has: each frame brings one of its own.
            market = self.markets.get(ticker)
            ticker = ticker if market is None else market.ticker
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
            return self._doubts.old_frame(held, event, verdict)
        held.newest = event
        follow = self._doubts.after_gap(held, event.subscription, event.seq, event.at)
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
        return [self._doubts.invalidated(book, event.at)]

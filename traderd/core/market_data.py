"""Every book, every subscription, and the counters that describe the feed.

Owns: which books a broken sequence concerns. `seq` counts per subscription, so a gap puts every book of that
subscription in doubt (Kalshi: sequence rules); a snapshot that arrives in order makes its own book good.
Must not: ask for snapshots; it says what follows, the market data service acts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from traderd.core.book import Book
from traderd.core.sequence import SequenceTracker, Verdict
from traderd.model.events import (
    BookDelta,
    BookFault,
    BookInvalidated,
    BookRestored,
    BookSnapshot,
    Event,
    FeedConnected,
    FeedDisconnected,
    FeedName,
    MarketsListed,
    SequenceAdvanced,
    TradePrinted,
)
from traderd.model.ids import MarketTicker
from traderd.model.market import Market
from traderd.model.units import Price, Timestamp

SUBSCRIPTION_SEPARATOR: Final = ":"


@attrs.define(eq=False)
class FeedState:
    """One WebSocket connection as last heard of."""

    connected: bool = False
    connection: int = 0
    url: str = ""
    connected_at: Timestamp | None = None
    lost_at: Timestamp | None = None
    reason: str = "not connected yet"
    losses: int = 0


@attrs.define(eq=False)
class MarketData:
    """Books by ticker, sequence trackers by subscription, markets as listed."""

    markets: dict[MarketTicker, Market] = attrs.Factory(dict)
    books: dict[MarketTicker, Book] = attrs.Factory(dict)
    feeds: dict[FeedName, FeedState] = attrs.Factory(
        lambda: {name: FeedState() for name in FeedName}
    )
    last_trade: dict[MarketTicker, Price] = attrs.Factory(dict)
    snapshots_received: int = 0
    deltas_received: int = 0
    trades_seen: int = 0
    frames_refused: int = 0
    gaps: int = 0
    stale_frames: int = 0
    resyncs: int = 0
    """Books made good again by a snapshot after a fault."""
    last_message_at: Timestamp | None = None
    _trackers: dict[str, SequenceTracker] = attrs.Factory(dict)

    def list_markets(self, event: MarketsListed) -> None:
        """Remember what the exchange says of its markets."""
        for market in event.markets:
            self.markets[market.ticker] = market

    def apply_snapshot(self, event: BookSnapshot) -> list[Event]:
        """Replace one book; returns the books that a gap before it put in doubt."""
        self.snapshots_received += 1
        self.last_message_at = event.at
        verdict = self._observe(event.subscription, event.seq)
        if verdict is Verdict.STALE:
            return []
        follow = self._doubt_after_gap(event, verdict)
        book = self.books.get(event.ticker)
        if book is None:
            book = self.books[event.ticker] = Book(event.ticker)
        fault_before = book.fault
        fault = book.replace(event)
        if fault is not None:
            follow.append(self._invalidated(book, event.at))
        elif fault_before is not None:
            if fault_before is not BookFault.MISSING_SNAPSHOT:
                self.resyncs += 1
            follow.append(BookRestored(at=event.at, ticker=event.ticker))
        return follow

    def apply_delta(self, event: BookDelta) -> list[Event]:
        """Change one level; returns what became doubtful."""
        self.deltas_received += 1
        self.last_message_at = event.at
        verdict = self._observe(event.subscription, event.seq)
        if verdict is Verdict.IN_ORDER:
            book = self.books.get(event.ticker)
            if book is not None and book.subscription == event.subscription:
                return [] if book.apply(event) is None else [self._invalidated(book, event.at)]
            return self._delta_without_book(event)
        if verdict is Verdict.STALE:
            return []
        return self._doubt_after_gap(event, verdict)

    def advance_sequence(self, event: SequenceAdvanced) -> list[Event]:
        """Count a reply's number."""
        return self._doubt_after_gap(event, self._observe(event.subscription, event.seq))

    def print_trade(self, event: TradePrinted) -> None:
        """Remember the last trade."""
        self.trades_seen += 1
        self.last_message_at = event.at
        self.last_trade[event.ticker] = event.price

    def connect(self, event: FeedConnected) -> None:
        """Note that a connection stands."""
        feed = self.feeds[event.feed]
        feed.connected, feed.connection, feed.url = True, event.connection, event.url
        feed.connected_at, feed.reason = event.at, ""

    def disconnect(self, event: FeedDisconnected) -> list[Event]:
        """Note that a connection is gone; every book that lived on it is in doubt from now on."""
        feed = self.feeds[event.feed]
        if feed.connected:
            feed.losses += 1
        feed.connected, feed.lost_at, feed.reason = False, event.at, event.reason
        prefix = f"{event.connection}{SUBSCRIPTION_SEPARATOR}"
        for subscription in [name for name in self._trackers if name.startswith(prefix)]:
            del self._trackers[subscription]
        if event.feed is not FeedName.MARKET_DATA:
            return []
        return self._invalidate(self.books.values(), BookFault.DISCONNECTED, event.reason, event.at)

    def usable_books(self) -> int:
        """Return how many books can be trusted now."""
        return sum(book.usable for book in self.books.values())

    def _observe(self, subscription: str, seq: int) -> Verdict:
        tracker = self._trackers.get(subscription)
        if tracker is None:
            tracker = self._trackers[subscription] = SequenceTracker()
        verdict = tracker.observe(seq)
        if verdict is Verdict.STALE:
            self.stale_frames += 1
        elif verdict is Verdict.GAP:
            self.gaps += 1
        return verdict

    def _doubt_after_gap(
        self, event: BookSnapshot | BookDelta | SequenceAdvanced, verdict: Verdict
    ) -> list[Event]:
        if verdict is not Verdict.GAP:
            return []
        concerned = (b for b in self.books.values() if b.subscription == event.subscription)
        detail = f"frames before seq {event.seq} of subscription {event.subscription} are missing"
        return self._invalidate(concerned, BookFault.GAP, detail, event.at)

    def _delta_without_book(self, event: BookDelta) -> list[Event]:
        # A delta that comes before its snapshot: the exchange broke its own promise, or a snapshot
        # was refused.  The book exists from here on, as a book that needs one.
        book = self.books.get(event.ticker)
        if book is None:
            book = self.books[event.ticker] = Book(event.ticker)
        book.subscription = event.subscription
        book.fault, book.fault_detail = BookFault.MISSING_SNAPSHOT, "a delta came before a snapshot"
        book.dropped_deltas += 1
        return [self._invalidated(book, event.at)]

    def _invalidate(
        self, books: Iterable[Book], fault: BookFault, detail: str, at: Timestamp
    ) -> list[Event]:
        return [self._invalidated(book, at) for book in books if book.invalidate(fault, detail)]

    @staticmethod
    def _invalidated(book: Book, at: Timestamp) -> Event:
        assert book.fault is not None
        return BookInvalidated(
            at=at,
            ticker=book.ticker,
            fault=book.fault,
            subscription=book.subscription,
            detail=book.fault_detail,
        )

"""Which books a fault of a subscription concerns, and the events that say so.

Owns: that a gap concerns every book of its subscription, an old number that is no copy only its own book, and a frame
that could not be read the book that it names, or all that it may have been about. A doubt is told once, however often
it is found again.
Must not: apply frames to books (`core/market_data.py`), or ask for snapshots.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from traderd.core.book import Book
from traderd.core.book_quality import BookQualities
from traderd.core.sequence import Verdict
from traderd.core.subscription import Subscription, Subscriptions
from traderd.core.universe import Universe
from traderd.model.events import (
    BookDelta,
    BookFault,
    BookInvalidated,
    BookSnapshot,
    Event,
    FrameRefused,
    FramesMissed,
    SubscriptionEnded,
)
from traderd.model.ids import MarketTicker
from traderd.model.units import Timestamp


@attrs.define(eq=False)
class BookDoubts:
    """What puts books in doubt, and how often each of it happened."""

    books: dict[MarketTicker, Book]
    subscriptions: Subscriptions
    qualities: BookQualities
    universe: Universe
    changed: dict[MarketTicker, Timestamp] = attrs.Factory(dict)
    """What changed since the batch began."""
    gaps: int = 0
    stale_frames: int = 0
    """Frames with an old number: copies, late ones, and the first of a count that began anew."""
    subscriptions_ended: int = 0
    """By the exchange, or by us because their numbers began anew."""

    # --- numbers ----------------------------------------------------------------------------------

    def after_gap(self, held: Subscription, name: str, seq: int, at: Timestamp) -> list[Event]:
        """Doubt every book of a subscription, because frames before the number `seq` are missing."""
        self.gaps += 1
        detail = f"frames before seq {seq} of subscription {name} are missing"
        missed = FramesMissed(at=at, subscription=name, detail=detail)
        return [missed, *self.invalidate(held.books.values(), BookFault.GAP, detail, at)]

    def old_frame(
        self, held: Subscription, event: BookSnapshot | BookDelta, verdict: Verdict
    ) -> list[Event]:
        """Doubt what a frame of a book with an old number concerns; a copy of the last one is harmless."""
        name, seq = event.subscription, event.seq
        if verdict is Verdict.RESTARTED:
            return self.restarted(held, name, seq, event.at)
        self.stale_frames += 1
        book = held.books.get(event.ticker)
        if book is None or held.is_copy(event):
            return []
        detail = f"a frame with the old seq {seq} of subscription {name}, which is at {held.last}"
        return self.invalidate([book], BookFault.STRAY, detail, event.at)

    def restarted(self, held: Subscription, name: str, seq: int, at: Timestamp) -> list[Event]:
        """End a subscription whose numbers began anew; if no book says so, its end does."""
        self.stale_frames += 1
        detail = f"the numbers of subscription {name} began anew: seq {seq}"
        doubts = self.finish(held, BookFault.RESTARTED, detail, at)
        return doubts or [SubscriptionEnded(at=at, subscription=name, reason=detail)]

    def finish(
        self, held: Subscription, fault: BookFault, detail: str, at: Timestamp
    ) -> list[Event]:
        """End a subscription: none of its frames counts any more."""
        self.subscriptions.finish(held, detail)
        self.subscriptions_ended += 1
        return self.invalidate(held.books.values(), fault, detail, at)

    # --- frames that could not be read ------------------------------------------------------------

    def refuse(self, event: FrameRefused) -> list[Event]:
        """Doubt what a frame that could not be read may have told of."""
        if event.drift is None:
            return []  # it was read: the exchange refused a command
        detail = f"a frame ({event.kind}) could not be read: {event.reason}"
        if not event.subscription:
            # Which subscription it was of, nobody knows.
            lost = tuple(self.subscriptions.of(event.connection)) if event.connection else ()
            return [
                each
                for name, held in lost
                for each in self._lose(held, name, tuple(held.books.values()), detail, event.at)
            ]
        held = self.subscriptions.by_name.get(event.subscription)
        if held is None:
            return []
        follow: list[Event] = []
        # Without books its number is left open, so that the next frame shows the hole once more: what the exchange can
        # be asked about may not be there yet.
        if event.seq and held.books:
            verdict = held.observe(event.seq)
            if verdict is Verdict.RESTARTED:
                return self.restarted(held, event.subscription, event.seq, event.at)
            if verdict is Verdict.GAP:
                follow = self.after_gap(held, event.subscription, event.seq, event.at)
            self.stale_frames += verdict is Verdict.STALE
        return follow + self._refused_on(held, event, detail)

    def _refused_on(self, held: Subscription, event: FrameRefused, detail: str) -> list[Event]:
        ticker = event.ticker
        book = None if ticker is None else held.books.get(ticker)
        if book is not None:
            return [self.invalidated(book, event.at)] if book.miss_frame(detail) else []
        if ticker is not None and (
            ticker in self.universe.followed or self.universe.is_muted(ticker)
        ):
            return []  # a market that has no book here, so nothing of it can be wrong
        books = tuple(held.books.values())
        return self._lose(held, event.subscription, books, detail, event.at)

    def _lose(
        self, held: Subscription, name: str, books: tuple[Book, ...], detail: str, at: Timestamp
    ) -> list[Event]:
        if books:
            return self.invalidate(books, BookFault.UNREADABLE, detail, at)
        if held.ended or held.refused_after == held.last:
            return []  # told already: an exchange that cannot be understood would be asked all the time
        held.refused_after = held.last
        return [FramesMissed(at=at, subscription=name, detail=detail)]

    # --- books ------------------------------------------------------------------------------------

    def give_up(
        self, tickers: Iterable[MarketTicker], fault: BookFault, detail: str, at: Timestamp
    ) -> list[Event]:
        """Put books in doubt that nobody keeps any more."""
        books = [book for ticker in tickers if (book := self.books.get(ticker)) is not None]
        return self.invalidate(books, fault, detail, at)

    def invalidate(
        self, books: Iterable[Book], fault: BookFault, detail: str, at: Timestamp
    ) -> list[Event]:
        """Put books in doubt; those that were so before are not told again."""
        return [self.invalidated(book, at) for book in books if book.invalidate(fault, detail)]

    def invalidated(self, book: Book, at: Timestamp) -> Event:
        """Return the news of a book that has just become unusable."""
        assert book.fault is not None
        self.changed[book.ticker] = at
        self.qualities.faulted(book.ticker, book.fault, at)
        return BookInvalidated(
            at=at,
            ticker=book.ticker,
            fault=book.fault,
            subscription=book.subscription,
            detail=book.fault_detail,
        )

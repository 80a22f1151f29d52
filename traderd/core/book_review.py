"""Looks at books and their lines: grades follow from them, and faults that time alone reveals.

Owns: which look grades which books, and what an audit's result does to a book.
Must not: know the table of grades (`core/book_quality.py`), or read a clock.
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.core.book import Book
from traderd.core.book_doubt import BookDoubts
from traderd.core.quality_records import BookQuality
from traderd.core.subscription import connection_of
from traderd.model.events import BookAudited, BookFault, Event, LineObserved
from traderd.model.ids import MarketTicker
from traderd.model.units import NS_PER_MS, Timestamp

SAMPLE_NS: Final = 10 * NS_PER_MS
"""Bounds how often the lag of one subscription is measured: a hundred times a second tell all there is."""


@attrs.frozen(eq=False)
class BookReview:
    """The folds of looks and audits."""

    doubts: BookDoubts

    def observe_line(self, event: LineObserved) -> list[Event]:
        """Take a look at a connection over, and grade the books that may have changed."""
        doubts = self.doubts
        doubts.qualities.note_changed(doubts.changed)
        on_line = doubts.subscriptions.tickers_of(event.connection)
        doubts.qualities.observe_line(event, on_line)
        return self.review(event.at)

    def audit(self, event: BookAudited) -> list[Event]:
        """Take the result of an audit over; a proven disagreement makes the book wrong."""
        book = self.doubts.books.get(event.ticker)
        if book is None:
            return []
        self.doubts.qualities.audited(event)
        if not event.proven:
            return []
        levels = len(event.differing_levels)
        detail = f"{levels} levels differ from the exchange's REST book, twice in a row"
        return self.doubts.invalidate([book], BookFault.AUDIT, detail, event.at)

    def quality(self, ticker: MarketTicker, now: Timestamp) -> BookQuality | None:
        """Return how good a book is now, None if there is no such book."""
        book = self.doubts.books.get(ticker)
        return None if book is None else self.doubts.qualities.judge(book, _line_of(book), now)

    def review(self, now: Timestamp) -> list[Event]:
        """Grade the books that are due; returns what follows."""
        follow: list[Event] = []
        doubts = self.doubts
        for ticker in doubts.qualities.due():
            book = doubts.books.get(ticker)
            if book is None:
                continue
            if book.crossed_since is not None and book.check_crossing(now) is not None:
                # Without this a crossing in a market that falls silent would never be repaired.
                follow.append(doubts.invalidated(book, now))
            graded = doubts.qualities.review(book, _line_of(book), now)
            if graded is not None:
                doubts.changed[ticker] = now
                follow.append(graded)
        return follow

    def sample_line(self, ticker: MarketTicker, at: Timestamp) -> None:
        """Measure how late a connection is by the market that a batch changed last.

        One delta of a batch is enough to know it; a trade tells nothing of that.
        """
        book = self.doubts.books.get(ticker)
        if book is None or book.exchange_at is None or book.updated_at != at:
            return
        home = self.doubts.subscriptions.by_name.get(book.subscription)
        if home is not None and not 0 <= at - home.sampled_at < SAMPLE_NS:
            home.sampled_at = at
            self.doubts.qualities.sample_line(_line_of(book), at - book.exchange_at, at)


def _line_of(book: Book) -> int:
    return connection_of(book.subscription) if book.subscription else 0

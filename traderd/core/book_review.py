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
from traderd.model.units import NS_PER_MS, Count, Timestamp

SAMPLE_NS: Final = 10 * NS_PER_MS
"""Bounds how often the lag of one subscription is measured: a hundred times a second tell all there is."""
SIZES_MAX: Final = 10_000
"""Bounds the sizes that are shared (half a megabyte); then they are collected anew."""


@attrs.frozen(eq=False)
class BookReview:
    """The folds of looks and audits."""

    doubts: BookDoubts
    sizes: dict[Count, Count] = attrs.Factory(dict)
    """The sizes of levels that all books share."""

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
        self.doubts.types.forget_proofs()
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
        doubts, sizes = self.doubts, self.sizes
        for ticker in doubts.qualities.due():
            if len(sizes) > SIZES_MAX:
                sizes.clear()
            book = doubts.books.get(ticker)
            if book is None:
                continue
            if book.crossed_since is not None and book.check_crossing(now) is not None:
                # Without this a crossing in a market that falls silent would never be repaired.
                follow.append(doubts.invalidated(book, now))
            # Here and not with each change: most books change more often than they are looked at.
            book.pack(sizes)
            graded = doubts.qualities.review(book, _line_of(book), now)
            if graded is not None:
                doubts.changed[ticker] = now
                follow.append(graded)
        return follow

    def sample_line(self, changed: dict[MarketTicker, Timestamp]) -> None:
        """Measure how late a connection is by one delta of a batch, which is enough to know it.

        It is that of the first market, which waited longest; one that is in doubt, or only traded, tells nothing of that,
        so the next one does.
        """
        doubts = self.doubts
        for ticker, at in changed.items():
            book = doubts.books.get(ticker)
            if book is None or book.exchange_at is None or book.updated_at != at:
                continue
            home = doubts.subscriptions.by_name.get(book.subscription)
            if home is not None and not 0 <= at - home.sampled_at < SAMPLE_NS:
                home.sampled_at = at
                doubts.qualities.sample_line(_line_of(book), at - book.exchange_at, at)
            return


def _line_of(book: Book) -> int:
    return connection_of(book.subscription) if book.subscription else 0

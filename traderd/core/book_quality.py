"""How good each book is: the grade that follows from what is known of it and of its line (`quality_records`).

Owns: for each book its lags, faults, audits, grade and the history of its grade. Two clocks of silence are kept apart: a
line that is not heard makes its books worse, a market in which nothing happens does not.
Must not: read a clock, put a book in doubt, or hold levels.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from traderd.core.book import Book
from traderd.core.book_totals import BookTotals
from traderd.core.lag_window import percentile_of, percentiles, with_lag
from traderd.core.quality_records import (
    BOOK_LAGS,
    CONVICTED_GRADE,
    FAULTS_KEPT,
    HISTORY_KEPT,
    LAG,
    LINE_LAGS,
    NO_ACCIDENTS,
    RECENT_NS,
    REPAIRS,
    SILENCE,
    SUSPECT_GRADE,
    UNREADABLE_GRADE,
    BookQuality,
    BookRecord,
    GradeChange,
    LineRecord,
    grade_of,
)
from traderd.model.events import BookAudited, BookFault, BookGrade, BookGraded, LineObserved
from traderd.model.ids import MarketTicker
from traderd.model.units import NS_PER_MS, NS_PER_S, Timestamp

G: Final = BookGrade
REVIEWS_MAX: Final = 2_000
"""Bounds the books that one look grades (about 10 ms); the others wait for the next, a second later."""


@attrs.define(eq=False)
class BookQualities:
    """The records of all books and connections."""

    totals: BookTotals = attrs.Factory(BookTotals)
    _books: dict[MarketTicker, BookRecord] = attrs.Factory(dict)
    _lines: dict[int, LineRecord] = attrs.Factory(dict)
    _due: dict[MarketTicker, object] = attrs.Factory(dict)
    """Books whose grade may have changed since they were reviewed."""
    _newest: tuple[GradeChange] | None = None
    """The change of the book that changed last, for those that change alike."""

    # --- what happens -----------------------------------------------------------------------------

    def note_changed(self, tickers: dict[MarketTicker, Timestamp]) -> None:
        """Remember that these books must be looked at again."""
        self._due.update(tickers)

    def faulted(self, ticker: MarketTicker, fault: BookFault, at: Timestamp) -> None:
        """Count a fault."""
        record = self._record(ticker)
        faults = record.faults = record.faults or {}
        faults[fault] = faults.get(fault, 0) + 1
        self.totals.faults[fault] += 1
        if fault not in NO_ACCIDENTS:
            record.fault_times = (*record.fault_times[1 - FAULTS_KEPT :], at)
        self._due[ticker] = None

    def resynced(self, ticker: MarketTicker) -> None:
        """Count a repair."""
        self._record(ticker).resyncs += 1

    def audited(self, event: BookAudited) -> None:
        """Take over what an audit found."""
        record = self._record(event.ticker)
        self.totals.audited(event)
        if not event.conclusive:
            return
        self._due[event.ticker] = None
        if event.agreed:
            record.audits_agreed += 1
            record.agreed_at, record.audit_grade = event.at, G.A
            return
        record.audits_differed += 1
        if event.proven:
            record.audit_grade = CONVICTED_GRADE
        elif record.audit_grade is G.A:
            record.audit_grade = SUSPECT_GRADE

    def observe_line(self, event: LineObserved, on_line: Iterable[MarketTicker]) -> None:
        """Take a look at a connection over; all its books are due when it alone changes their grade."""
        line = self._line(event.connection)
        line.heard_at = event.heard_at
        line.offset_ns = event.clock_offset_ms * NS_PER_MS
        if line.turns(event.at):
            self._due.update(dict.fromkeys(on_line))

    def sample_line(self, connection: int, apart_ns: int, at: Timestamp) -> None:
        """Take one delta of a batch as the measure of its connection.

        Args:
            connection: its number.
            apart_ns: our time of the delta minus the exchange's.
            at: our time of it.
        """
        line = self._line(connection)
        lag_ns = max(0, apart_ns + line.offset_ns)
        line.lags = with_lag(line.lags, lag_ns, at_most=LINE_LAGS)
        line.news.take(apart_ns, at)
        line.lagged_at = at

    def forget_line(self, connection: int) -> None:
        """Drop what is known of a connection that ended."""
        self._lines.pop(connection, None)

    def forget(self, ticker: MarketTicker) -> None:
        """Drop what is known of a book."""
        self._due.pop(ticker, None)
        record = self._books.pop(ticker, None)
        if record is not None:
            self.totals.regrade(record.grade, None)

    # --- what follows -----------------------------------------------------------------------------

    def due(self) -> list[MarketTicker]:
        """Return the books to review now, at most REVIEWS_MAX, and take them off the list."""
        if len(self._due) <= REVIEWS_MAX:
            waiting, self._due = list(self._due), {}
            return waiting
        waiting = [ticker for ticker, _ in zip(self._due, range(REVIEWS_MAX), strict=False)]
        for ticker in waiting:
            del self._due[ticker]
        return waiting

    def review(self, book: Book, connection: int, now: Timestamp) -> BookGraded | None:
        """Grade a book anew; returns the event when its grade changed."""
        ticker = book.ticker
        record, line = self._record(ticker), self._lines.get(connection)
        record.forget_faults(now)
        self._sample_book(record, book, line)
        grade, causes = self._grade(record, book, line, _lag(record, line, now), now)
        if causes:
            # What is no A may heal by time alone.
            self._due[ticker] = None
        previous = record.grade
        if grade is previous:
            return None
        record.grade = grade
        change = self._alike(now, grade, causes)
        kept = record.history[1 - HISTORY_KEPT :]
        record.history = (*kept, *change) if kept else change
        self.totals.regrade(previous, grade)
        return BookGraded(at=now, ticker=ticker, grade=grade, previous=previous, causes=causes)

    def judge(self, book: Book, connection: int, now: Timestamp) -> BookQuality:
        """Return how good a book is now, without noting it as a change."""
        record = self._books.get(book.ticker) or BookRecord()
        line = self._lines.get(connection)
        lag = _lag(record, line, now)
        grade, causes = self._grade(record, book, line, lag, now)
        p50_ns, p99_ns = percentiles(record.lags, 50, 99)
        proofs = [at for at in (book.updated_at, record.agreed_at) if at is not None]
        return BookQuality(
            ticker=book.ticker,
            grade=grade,
            causes=causes,
            age_ns=max(0, now - max(proofs)) if proofs else None,
            silence_ns=None if line is None else line.silence_ns(now),
            lag_ns=lag,
            lag_p50_ns=p50_ns,
            lag_p99_ns=p99_ns,
            faults=dict(record.faults or {}),
            resyncs=record.resyncs,
            crossings=book.crossings,
            dropped_deltas=book.dropped_deltas,
            audits_agreed=record.audits_agreed,
            audits_differed=record.audits_differed,
            history=record.history,
        )

    def histogram(self, books: Iterable[Book]) -> dict[BookGrade, int]:
        """Return how many books have each grade, as last reviewed; every grade is there.

        Those of `books`, which are all of them, that cannot be trusted are an F at once: while no connection stands,
        nobody reviews.
        """
        found = dict(self.totals.grades)
        for book in books:
            if not book.usable:
                found[G.F] += 1
                record = self._books.get(book.ticker)
                if record is not None and record.grade is not None:
                    found[record.grade] -= 1
        return found

    def lag_percentile(self, percent: int) -> int | None:
        """Return the lag in ns that `percent` of the last LINE_LAGS samples of each connection do not exceed."""
        return percentile_of((line.lags for line in self._lines.values()), percent)

    def line(self, connection: int) -> LineRecord | None:
        """Return what is known of a connection."""
        return self._lines.get(connection)

    def _alike(
        self, at: Timestamp, grade: BookGrade, causes: tuple[str, ...]
    ) -> tuple[GradeChange]:
        # After a start all books become an A in a few looks: a record each of that would take a megabyte.
        change = GradeChange(at=at, grade=grade, causes=causes)
        if self._newest is None or self._newest[0] != change:
            self._newest = (change,)
        return self._newest

    @staticmethod
    def _sample_book(record: BookRecord, book: Book, line: LineRecord | None) -> None:
        at, exchange_at = book.updated_at, book.exchange_at
        if at is None or exchange_at is None or at == record.lagged_at:
            return
        lag_ns = max(0, at - exchange_at + (0 if line is None else line.offset_ns))
        record.lags = with_lag(record.lags, lag_ns, at_most=BOOK_LAGS)
        record.lagged_at = at

    @staticmethod
    def _grade(
        record: BookRecord, book: Book, line: LineRecord | None, lag: int | None, now: Timestamp
    ) -> tuple[BookGrade, tuple[str, ...]]:
        silence = None if line is None else line.silence_ns(now)
        faults = record.recent_faults(now)
        usable = book.usable
        if (
            usable
            and not faults
            and not book.is_unreadable
            and record.audit_grade is G.A
            and (lag is None or lag <= LAG.limits[0] * NS_PER_MS)
            and (silence is None or silence <= SILENCE.limits[0] * NS_PER_MS)
        ):
            return G.A, ()
        found: list[tuple[BookGrade, str]] = []
        if not usable:
            found.append((G.F, book.unusable_because))
        if lag is not None:
            found.append((grade_of(LAG, lag), f"lag {_seconds(lag)}"))
        if silence is not None:
            found.append((grade_of(SILENCE, silence), f"line silent for {_seconds(silence)}"))
        found.append((
            REPAIRS.grade(faults),
            f"{faults} fault{'s' * (faults != 1)} in {RECENT_NS // NS_PER_S} s",
        ))
        found.append((record.audit_grade, "the exchange's REST book differs"))
        if book.is_unreadable:
            found.append((UNREADABLE_GRADE, f"its last {book.unread} frames could not be read"))
        found = [each for each in found if each[0] is not G.A]
        found.sort(key=lambda each: each[0].value, reverse=True)
        return found[0][0], tuple(words for _, words in found)

    def _record(self, ticker: MarketTicker) -> BookRecord:
        record = self._books.get(ticker)
        if record is None:
            record = self._books[ticker] = BookRecord()
        return record

    def _line(self, connection: int) -> LineRecord:
        line = self._lines.get(connection)
        if line is None:
            line = self._lines[connection] = LineRecord()
        return line


def _lag(record: BookRecord, line: LineRecord | None, now: Timestamp) -> int | None:
    # A connection delivers in order, so a quiet book is as late as the others beside it.
    own, beside = record.lag_ns(now), None if line is None else line.lag_ns(now)
    if own is None or beside is None:
        return beside if own is None else own
    return max(own, beside)


def _seconds(duration_ns: int) -> str:
    return f"{duration_ns / NS_PER_S:.1f} s"

"""How good each book is: what is measured, and the grade that follows.

Owns: the table of thresholds, and for each book its lags, faults, audits, grade and the history of its grade. Two clocks
of silence are kept apart: a line that is not heard makes its books worse, a market in which nothing happens does not.
Must not: read a clock, put a book in doubt, or hold levels.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from traderd.core.book import Book
from traderd.core.book_totals import BookTotals
from traderd.core.lag_window import LagWindow, percentile_of
from traderd.model.events import BookAudited, BookFault, BookGrade, BookGraded, LineObserved
from traderd.model.ids import MarketTicker
from traderd.model.units import NS_PER_MS, NS_PER_S, Timestamp

G: Final = BookGrade
BELOW_A: Final = (G.B, G.C, G.D, G.E, G.F)
"""The grade of a measure that is above the first, second ... limit of its row."""


@attrs.frozen(kw_only=True)
class Measure:
    """One row of the table: five limits, up to which the grade is A, B, C, D, E; above the last it is F."""

    name: str
    limits: tuple[int, int, int, int, int]

    def grade(self, value: int) -> BookGrade:
        """Return the grade of a value."""
        worst = G.A
        for limit, below in zip(self.limits, BELOW_A, strict=True):
            if value <= limit:
                break
            worst = below
        return worst


LAG: Final = Measure(name="lag_ms", limits=(1_000, 1_500, 2_500, 5_000, 10_000))
"""Milliseconds from the exchange's stamp to our reading. The offset of the clocks is known from Date headers, which say
whole seconds, so up to a second cannot be told from none. From 2.5 s on a price is history to anybody who quotes."""
SILENCE: Final = Measure(name="silence_ms", limits=(16_000, 17_000, 18_000, 20_000, 25_000))
"""Milliseconds since the line was heard. The exchange pings every 10 s; where it does not, our own ping after 15 s is
answered within the next. After 20 s the line is given up, so more means that nobody looked: the daemon itself stood."""
REPAIRS: Final = Measure(name="faults", limits=(0, 2, 5, 10, 20))
"""Faults within RECENT_NS, each repaired by a snapshot. One is an accident; a book that is wrong every minute is
wrong most of the time that nobody has noticed yet."""
TABLE: Final = (LAG, SILENCE, REPAIRS)
SUSPECT_GRADE: Final = G.C
"""After one audit that disagreed: it may be movement, the second look follows within seconds."""
CONVICTED_GRADE: Final = G.D
"""After a proven disagreement, until an audit agrees again: the snapshot is new, but its source was wrong before."""

RECENT_NS: Final = 600 * NS_PER_S
"""For how long a fault counts."""
FRESH_NS: Final = 10 * NS_PER_S
"""For how long a lag tells of the present: a quiet market's last delta says nothing about now."""
STEADY: Final = 3
"""The lag that is graded is the middle one of so many: one late frame is no trend, and a trend shows in three looks."""
BOOK_LAGS: Final = 32
"""Bounds the lags of one book, at most one a look (a second)."""
LINE_LAGS: Final = 512
"""Bounds the lags of one connection, one a batch."""
FAULTS_KEPT: Final = REPAIRS.limits[-1] + 1
"""Bounds the times of faults: more make no worse grade."""
HISTORY_KEPT: Final = 20
"""Bounds the changes of grade that are kept of one book."""
REVIEWS_MAX: Final = 2_000
"""Bounds the books that one look grades (about 10 ms); the others wait for the next, a second later."""
NO_ACCIDENTS: Final = (BookFault.MISSING_SNAPSHOT, BookFault.SHED, BookFault.NOT_FOLLOWED)
"""Faults that are none of the book's: it was not there yet, or we gave it up."""


@attrs.frozen(kw_only=True)
class GradeChange:
    """One change of a book's grade."""

    at: Timestamp
    grade: BookGrade
    causes: tuple[str, ...]


@attrs.frozen(kw_only=True)
class BookQuality:
    """How good one book is at one moment."""

    ticker: MarketTicker
    grade: BookGrade
    causes: tuple[str, ...]
    """What keeps it from an A, worst first."""
    age_ns: int | None
    """Since the last proof of life: delta, snapshot or audit that agreed. Market silence: it costs no grade."""
    silence_ns: int | None
    """Since its connection was last heard; None when nobody looked yet."""
    lag_ns: int | None
    """The lag that is graded; None when nothing recent tells."""
    lag_p50_ns: int | None
    lag_p99_ns: int | None
    """Over the last BOOK_LAGS looks that saw a new delta."""
    faults: dict[BookFault, int]
    """Since it is followed."""
    resyncs: int
    crossings: int
    dropped_deltas: int
    audits_agreed: int
    audits_differed: int
    history: tuple[GradeChange, ...]
    """Newest last."""


@attrs.define(eq=False)
class LineRecord:
    """What is known of one connection."""

    heard_at: Timestamp | None = None
    offset_ns: int = 0
    """The exchange's clock minus ours."""
    lags: LagWindow = attrs.Factory(lambda: LagWindow(LINE_LAGS))
    lagged_at: Timestamp = Timestamp(0)
    """When the newest of them was measured."""
    _word: tuple[BookGrade, BookGrade] = (G.A, G.A)

    def lag_ns(self, now: Timestamp) -> int | None:
        """Return how late the connection is now, None when nothing recent tells."""
        return self.lags.steady(STEADY) if now - self.lagged_at <= FRESH_NS else None

    def silence_ns(self, now: Timestamp) -> int | None:
        """Return for how long nothing was heard, None when nobody looked yet."""
        return None if self.heard_at is None else max(0, now - self.heard_at)

    def turns(self, now: Timestamp) -> bool:
        """Tell whether the line alone would grade its books otherwise than at the last look."""
        before = self._word
        lag, silence = self.lag_ns(now), self.silence_ns(now)
        self._word = (_grade(LAG, lag), _grade(SILENCE, silence))
        return self._word != before


@attrs.define(eq=False)
class BookRecord:
    """What is known of one book."""

    grade: BookGrade | None = None
    lags: LagWindow | None = None
    """None until a delta had the exchange's time."""
    lagged_at: Timestamp = Timestamp(0)
    """When the delta of the newest lag was observed."""
    fault_times: tuple[Timestamp, ...] = ()
    """The last FAULTS_KEPT, oldest first."""
    faults: dict[BookFault, int] | None = None  # ten thousand empty ones take a megabyte
    resyncs: int = 0
    audits_agreed: int = 0
    audits_differed: int = 0
    agreed_at: Timestamp | None = None
    audit_grade: BookGrade = G.A
    history: tuple[GradeChange, ...] = ()

    def recent_faults(self, now: Timestamp) -> int:
        """Return how many faults still count, and forget the others."""
        if self.fault_times and now - self.fault_times[0] > RECENT_NS:
            self.fault_times = tuple(at for at in self.fault_times if now - at <= RECENT_NS)
        return len(self.fault_times)

    def lag_ns(self, now: Timestamp) -> int | None:
        """Return how late the book's own deltas are now, None when nothing recent tells."""
        if self.lags is None or now - self.lagged_at > FRESH_NS:
            return None
        return self.lags.steady(STEADY)


@attrs.define(eq=False)
class BookQualities:
    """The records of all books and connections."""

    totals: BookTotals = attrs.Factory(BookTotals)
    _books: dict[MarketTicker, BookRecord] = attrs.Factory(dict)
    _lines: dict[int, LineRecord] = attrs.Factory(dict)
    _due: dict[MarketTicker, object] = attrs.Factory(dict)
    """Books whose grade may have changed since they were reviewed."""

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
        line.lags.add(max(0, apart_ns + line.offset_ns))
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
        self._sample_book(record, book, line)
        grade, causes = self._grade(record, book, line, now)
        if causes:
            # What is no A may heal by time alone.
            self._due[ticker] = None
        previous = record.grade
        if grade is previous:
            return None
        record.grade = grade
        change = GradeChange(at=now, grade=grade, causes=causes)
        record.history = (*record.history[1 - HISTORY_KEPT :], change)
        self.totals.regrade(previous, grade)
        return BookGraded(at=now, ticker=ticker, grade=grade, previous=previous, causes=causes)

    def judge(self, book: Book, connection: int, now: Timestamp) -> BookQuality:
        """Return how good a book is now, without noting it as a change."""
        record = self._books.get(book.ticker) or BookRecord()
        line = self._lines.get(connection)
        grade, causes = self._grade(record, book, line, now)
        lags = record.lags
        proofs = [at for at in (book.updated_at, record.agreed_at) if at is not None]
        return BookQuality(
            ticker=book.ticker,
            grade=grade,
            causes=causes,
            age_ns=max(0, now - max(proofs)) if proofs else None,
            silence_ns=None if line is None else line.silence_ns(now),
            lag_ns=_lag(record, line, now),
            lag_p50_ns=None if lags is None else lags.percentile(50),
            lag_p99_ns=None if lags is None else lags.percentile(99),
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

    @staticmethod
    def _sample_book(record: BookRecord, book: Book, line: LineRecord | None) -> None:
        at, exchange_at = book.updated_at, book.exchange_at
        if at is None or exchange_at is None or at == record.lagged_at:
            return
        if record.lags is None:
            record.lags = LagWindow(BOOK_LAGS)
        record.lags.add(max(0, at - exchange_at + (0 if line is None else line.offset_ns)))
        record.lagged_at = at

    @staticmethod
    def _grade(
        record: BookRecord, book: Book, line: LineRecord | None, now: Timestamp
    ) -> tuple[BookGrade, tuple[str, ...]]:
        lag = _lag(record, line, now)
        silence = None if line is None else line.silence_ns(now)
        faults = record.recent_faults(now)
        usable = book.usable
        if (
            usable
            and not faults
            and record.audit_grade is G.A
            and (lag is None or lag <= LAG.limits[0] * NS_PER_MS)
            and (silence is None or silence <= SILENCE.limits[0] * NS_PER_MS)
        ):
            return G.A, ()
        found: list[tuple[BookGrade, str]] = []
        if not usable:
            found.append((G.F, book.unusable_because))
        if lag is not None:
            found.append((_grade(LAG, lag), f"lag {_seconds(lag)}"))
        if silence is not None:
            found.append((_grade(SILENCE, silence), f"line silent for {_seconds(silence)}"))
        found.append((
            REPAIRS.grade(faults),
            f"{faults} fault{'s' * (faults != 1)} in {RECENT_NS // NS_PER_S} s",
        ))
        found.append((record.audit_grade, "the exchange's REST book differs"))
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


def _grade(measure: Measure, value_ns: int | None) -> BookGrade:
    # A limit is kept to the last nanosecond, so the value is rounded up.
    return G.A if value_ns is None else measure.grade(-(-value_ns // NS_PER_MS))


def _seconds(duration_ns: int) -> str:
    return f"{duration_ns / NS_PER_S:.1f} s"

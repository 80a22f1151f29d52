"""The figures that a book's grade follows from: the table of thresholds, and what is kept of each line and each book.

Owns: the limits and why they are so, and how long each figure tells of the present.
Must not: combine them into a grade (`core/book_quality.py`), or read a clock.
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.core.lag_window import NO_LAGS, Lags, steady
from traderd.core.news_age import NewsAge
from traderd.model.events import BookFault, BookGrade
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

UNREADABLE_GRADE: Final = G.D
"""While the book's newest frames could not be read: a snapshot makes it right, but its next change will be lost too."""

RECENT_NS: Final = 600 * NS_PER_S
"""For how long a fault counts."""
FRESH_NS: Final = 10 * NS_PER_S
"""For how long a lag tells of the present: a quiet market's last delta says nothing about now."""
STEADY: Final = 3
"""The lag that is graded is the middle one of so many: one late frame is no trend, and a trend shows in three looks."""
BOOK_LAGS: Final = 16
"""Bounds the lags of one book, at most one a look (a second): twice as many would be two megabytes more of ten thousand books."""
LINE_LAGS: Final = 512
"""Bounds the lags of one connection, one a batch."""
FAULTS_KEPT: Final = REPAIRS.limits[-1] + 1
"""Bounds the times of faults: more make no worse grade."""
HISTORY_KEPT: Final = 20
"""Bounds the changes of grade that are kept of one book."""
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
    lags: Lags = NO_LAGS
    lagged_at: Timestamp = Timestamp(0)
    """When the newest of them was measured."""
    news: NewsAge = attrs.Factory(NewsAge)
    """Of the same samples, without the offset."""
    _word: tuple[BookGrade, BookGrade] = (G.A, G.A)

    def lag_ns(self, now: Timestamp) -> int | None:
        """Return how late the connection is now, None when nothing recent tells."""
        return steady(self.lags, STEADY) if _is_fresh(self.lagged_at, now) else None

    def news_age_ns(self, now: Timestamp) -> int | None:
        """Return how much older its newest news was than the youngest lately, None when nothing recent tells."""
        return self.news.ns if _is_fresh(self.lagged_at, now) else None

    def silence_ns(self, now: Timestamp) -> int | None:
        """Return for how long nothing was heard, None when nobody looked yet."""
        return None if self.heard_at is None else max(0, now - self.heard_at)

    def turns(self, now: Timestamp) -> bool:
        """Tell whether the line alone would grade its books otherwise than at the last look."""
        before = self._word
        lag, silence = self.lag_ns(now), self.silence_ns(now)
        self._word = (grade_of(LAG, lag), grade_of(SILENCE, silence))
        return self._word != before


@attrs.define(eq=False, weakref_slot=False)  # there may be ten thousand
class BookRecord:
    """What is known of one book."""

    grade: BookGrade | None = None
    lags: Lags = NO_LAGS
    """Over the looks that saw a new delta; none before one had the exchange's time."""
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
        """Return how many faults still count."""
        return sum(now - at <= RECENT_NS for at in self.fault_times)

    def forget_faults(self, now: Timestamp) -> None:
        """Drop what does not count any more; a fault of a clock that was set back since counts from now."""
        times = self.fault_times
        if times and (now - times[0] > RECENT_NS or times[-1] > now):
            self.fault_times = tuple(min(at, now) for at in times if now - at <= RECENT_NS)

    def lag_ns(self, now: Timestamp) -> int | None:
        """Return how late the book's own deltas are now, None when nothing recent tells."""
        return steady(self.lags, STEADY) if _is_fresh(self.lagged_at, now) else None


def _is_fresh(measured_at: Timestamp, now: Timestamp) -> bool:
    # From either side: after the clock was set back, an old lag would lie in the future.
    return abs(now - measured_at) <= FRESH_NS


def grade_of(measure: Measure, value_ns: int | None) -> BookGrade:
    """Return what a duration in ns means, an A when nothing tells."""
    # A limit is kept to the last nanosecond, so the value is rounded up.
    return G.A if value_ns is None else measure.grade(-(-value_ns // NS_PER_MS))

"""Facts about how far a book can be trusted: faults, repairs, audits, grades.

Owns: the words for what is wrong with a book and for how good it is.
Must not: judge (see `core/market_data.py` and `core/book_quality.py`).
"""

from __future__ import annotations

import enum

import attrs
import msgspec

from traderd.model.ids import MarketTicker
from traderd.model.orders import Side
from traderd.model.units import Count, Price, Timestamp


class BookFault(enum.Enum):
    """Why a book can no longer be trusted."""

    GAP = "gap"
    """Frames before one that came are missing."""
    STRAY = "stray"
    """A frame came with an old number and is no copy of the last one, so it may tell of a change that is not applied."""
    RESTARTED = "restarted"
    """The numbers of the subscription began anew without a new subscription."""
    SUBSCRIPTION_ENDED = "subscription_ended"
    """The exchange ended the subscription (Kalshi: error codes 10 and 25), or does not answer for this market on it."""
    DISCONNECTED = "disconnected"
    SHED = "shed"
    """We gave it up for a while, because the load was too high."""
    NOT_FOLLOWED = "not_followed"
    """Its market is followed no longer: whoever still holds the book holds a dead one."""
    NEGATIVE_LEVEL = "negative_level"
    CROSSED = "crossed"
    """Bid at or above ask, for too long or in a snapshot."""
    DOUBLE_LEVEL = "double_level"
    """A snapshot names one price twice."""
    UNREADABLE = "unreadable"
    """A frame could not be understood that told of this book, or may have."""
    UNKNOWN_TYPE = "unknown_type"
    """A frame of a type that nobody knows may have told of this book."""
    MISSING_SNAPSHOT = "missing_snapshot"
    AUDIT = "audit"
    """The exchange's REST book contradicted ours twice in a row."""


class BookGrade(enum.Enum):
    """How good a book is: A as good as can be known, F not to be traded on; why, the change says."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"
    F = "F"

    def is_at_least(self, minimum: BookGrade) -> bool:
        """Tell whether this grade is as good as `minimum` or better."""
        return self.value <= minimum.value


@attrs.frozen(kw_only=True)
class BookInvalidated:
    """Follows from a fault: the book is wrong until a snapshot replaces it."""

    at: Timestamp
    ticker: MarketTicker
    fault: BookFault
    subscription: str
    detail: str


@attrs.frozen(kw_only=True)
class BookRestored:
    """Follows from a snapshot: the book can be trusted again."""

    at: Timestamp
    ticker: MarketTicker


class BookChanged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a reader of this market would see is new: levels, trust, grade or last trade.

    Follows at most once per published batch and market, after everything else of the batch, and carries nothing: who
    hears it reads the view.  Subscribe to it with `Policy.LATEST` and `key=lambda event: event.ticker`, and a slow
    reader sees each changed market once, in its newest state.
    """

    ticker: MarketTicker
    at: Timestamp


@attrs.frozen(kw_only=True)
class SubscriptionEnded:
    """One subscription ended, and the connection stands; no frame of it counts any more.

    The exchange ended it (Kalshi: error codes 10 and 25) or does not know it, or its numbers began anew.
    """

    at: Timestamp
    subscription: str
    reason: str
    since: Timestamp | None = None
    """As in FramesMissed, where its numbers began anew."""


@attrs.frozen(kw_only=True)
class SnapshotRefused:
    """The exchange did not tell a book that looked good: it may have taken the market off, so the book is in doubt."""

    at: Timestamp
    ticker: MarketTicker
    subscription: str
    reason: str


@attrs.frozen(kw_only=True)
class SnapshotsRequested:
    """Snapshots of so many books in doubt were asked for."""

    at: Timestamp
    subscription: str
    count: int


@attrs.frozen(kw_only=True)
class SnapshotsDelayed:
    """So many books in doubt have to wait, because the budget for snapshots is spent."""

    at: Timestamp
    subscription: str
    count: int
    wait_ms: int


@attrs.frozen(kw_only=True)
class LineObserved:
    """One look at a connection that stands: when it was last heard, and how the two clocks differ.

    Books are graded anew at each.
    """

    at: Timestamp
    connection: int
    heard_at: Timestamp
    """When its last byte came, pings included."""
    clock_offset_ms: int
    """The exchange's clock minus ours."""


@attrs.frozen(kw_only=True)
class DifferingLevel:
    """A price at which the exchange's book and ours hold different sizes; 0 where there is no level."""

    side: Side
    price: Price
    ours: Count
    theirs: Count


@attrs.frozen(kw_only=True)
class BookAudited:
    """Our book was compared with the exchange's REST book.  Source: Kalshi `GET /markets/orderbooks`."""

    at: Timestamp
    ticker: MarketTicker
    agreed: bool
    """No level contradicted; what was right in motion is no agreement (see `conclusive`)."""
    differing_levels: tuple[DifferingLevel, ...] = ()
    proven: bool = False
    """The same levels differed twice in a row, so it is no movement: the book is wrong."""
    conclusive: bool = True
    """False: too much moved to say anything, so what was thought of the book before stays."""


@attrs.frozen(kw_only=True)
class BookGraded:
    """A book's grade changed."""

    at: Timestamp
    ticker: MarketTicker
    grade: BookGrade
    previous: BookGrade | None
    """None: it had none before."""
    causes: tuple[str, ...]
    """What keeps it from an A, worst first."""

"""Facts of conditions, states, services and health.

Owns: the events beside trading itself.
Must not: decide what follows from them (see `core/conditions.py`).
"""

from __future__ import annotations

import enum
from typing import Final

import attrs

from traderd.model.ids import MarketTicker, StrategyName
from traderd.model.states import Metadata, State
from traderd.model.units import Timestamp

NOT_READY: Final = "not ready yet"
"""How a problem of a health check ends that is only the way up."""


class Author(enum.Enum):
    """Who raised or cleared a condition: a person's halt is cleared only by a person."""

    MACHINE = "machine"
    PERSON = "person"
    PLUGIN = "plugin"


@attrs.frozen(kw_only=True)
class HaltRaised:
    """New risk stops, for the account or for one market; survives restarts."""

    at: Timestamp
    halt_id: str
    author: Author
    reason: str
    ticker: MarketTicker | None = None
    """None: not of one market."""
    strategy: StrategyName | None = None
    """None: not of one strategy; with neither of both it halts the account."""
    by: str = ""
    """The name of the person or plugin, as far as it is known."""


@attrs.frozen(kw_only=True)
class HaltCleared:
    """A halt ended."""

    at: Timestamp
    halt_id: str
    author: Author
    by: str = ""


@attrs.frozen(kw_only=True)
class TradingPaused:
    """A person asked for no new risk, in the account, one market or of one strategy; orders rest."""

    at: Timestamp
    reason: str
    ticker: MarketTicker | None = None
    strategy: StrategyName | None = None
    by: str = ""


@attrs.frozen(kw_only=True)
class TradingResumed:
    """A person asked to go on; only the pause of just this scope ends."""

    at: Timestamp
    ticker: MarketTicker | None = None
    strategy: StrategyName | None = None
    by: str = ""


@attrs.frozen(kw_only=True)
class VenuePaused:
    """The exchange does not take orders now: a condition, not an error."""

    at: Timestamp
    sentence: str
    ticker: MarketTicker | None = None
    """None: of the whole exchange."""


@attrs.frozen(kw_only=True)
class VenueResumed:
    """The exchange takes orders again; a market that is paused by itself is told of by itself."""

    at: Timestamp
    ticker: MarketTicker | None = None
    """None: of the whole exchange."""


@attrs.frozen(kw_only=True)
class DegradedRaised:
    """A part that trading does not depend on is not well."""

    at: Timestamp
    part: str
    reason: str


@attrs.frozen(kw_only=True)
class DegradedCleared:
    """That part is well again."""

    at: Timestamp
    part: str


@attrs.frozen(kw_only=True)
class StateChanged:
    """The daemon went from one state to another; only `to_state`'s own metadata travels with it."""

    at: Timestamp
    from_state: State
    to_state: State
    context: str
    metadata: Metadata


@attrs.frozen(kw_only=True)
class ServiceChanged:
    """A service's status is new."""

    at: Timestamp
    name: str
    status: str
    detail: str


class PartStatus(enum.Enum):
    """How a part of health stands."""

    OK = "ok"
    DEGRADED = "degraded"
    """The daemon goes on without it."""
    FAILED = "failed"
    """A critical part: the daemon cannot do its work."""


@attrs.frozen(kw_only=True)
class PartHealth:
    """One part of a health check."""

    name: str
    critical: bool
    status: PartStatus
    value: str
    """What was measured, for people."""
    limit: str
    """What it is held against; empty where nothing is."""
    sentence: str
    """What is wrong with it, and the cure; empty when nothing is."""


@attrs.frozen(kw_only=True)
class HealthChecked:
    """The periodic health check ran."""

    at: Timestamp
    healthy: bool
    problems: tuple[str, ...]
    parts: tuple[PartHealth, ...] = ()


@attrs.frozen(kw_only=True)
class ProgressProbed:
    """A probe went in: whoever hears of it knows that news is folded and reaches its readers."""

    at: Timestamp
    number: int
    """Counts up, so that an old probe is not taken for the newest."""

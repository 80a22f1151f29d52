"""Facts that the risk gate goes by: limits, marks, starting points of losses, and which events are exclusive.

Owns: these events.
Must not: decide what follows from them (see `core/risk_account.py`).
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

from traderd.model.ids import EventTicker
from traderd.model.state_events import Author
from traderd.model.units import Money, Timestamp


@attrs.frozen(kw_only=True)
class LimitsSet:
    """These limits hold from now on: a run began, or its settings were read again."""

    at: Timestamp
    limits: tuple[tuple[str, str], ...]
    """Name in the configuration and text, in exact units."""


@attrs.frozen(kw_only=True)
class LimitsConfirmed:
    """A person let limits hold that were raised since an earlier run; without that the lower ones go on holding."""

    at: Timestamp
    limits: tuple[tuple[str, str], ...]
    """All limits from now on, as in LimitsSet."""
    raised: tuple[str, ...]
    """One sentence for each limit that lets more through now, with both of its values."""
    author: Author
    by: str = ""


@attrs.frozen(kw_only=True)
class ProfitMarked:
    """It is time to look at the profit at the prices of this moment."""

    at: Timestamp


@attrs.frozen(kw_only=True)
class LossBaselineMoved:
    """What losses are compared with is new: another day began, or the profit was never higher."""

    at: Timestamp
    day: str
    """The date on which the trading day began: `2026-11-25`."""
    day_start: Money
    """The profit then."""
    peak: Money
    """The highest profit so far."""


@attrs.frozen(kw_only=True)
class EventsDescribed:
    """The exchange described events: of an exclusive one at most one market pays (Kalshi: `mutually_exclusive`)."""

    at: Timestamp
    exclusive: tuple[tuple[EventTicker, bool], ...]


RiskEvent: TypeAlias = (
    LimitsSet | LimitsConfirmed | ProfitMarked | LossBaselineMoved | EventsDescribed
)

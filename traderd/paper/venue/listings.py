"""What is listed: series, events and markets, and how a market ended.

Owns: the records of what can be traded, with the counters that every trade moves.
Must not: know orders or accounts, or the wire's words.
"""

from __future__ import annotations

import enum

from traderd.model.ids import EventTicker, MarketTicker, SeriesTicker
from traderd.model.market import MarketStatus, PriceGrid
from traderd.model.units import Count, Money, Price, Timestamp
from traderd.paper.venue.fees import FeeSchedule
from traderd.paper.venue.kept import Fact, Record


class Result(enum.Enum):
    """How a market ended.  Kalshi: `result`."""

    YES = "yes"
    NO = "no"
    SCALAR = "scalar"


class Series(Record, kw_only=True, eq=False):
    """A family of events with one fee schedule."""

    ticker: SeriesTicker
    title: str
    category: str = ""
    frequency: str = "custom"
    tags: tuple[str, ...] = ()
    fees: FeeSchedule
    updated_at: Timestamp = Timestamp(0)


class Event(Record, kw_only=True, eq=False):
    """One occasion with one or more markets."""

    ticker: EventTicker
    series_ticker: SeriesTicker
    title: str
    sub_title: str = ""
    category: str = ""
    mutually_exclusive: bool = False
    """At most one of its markets ends YES.  Kalshi: `collateral_return_type` MECNET."""
    strike_at: Timestamp | None = None
    fee_override: FeeSchedule | None = None
    """Takes the place of the series' schedule."""
    updated_at: Timestamp = Timestamp(0)


class VenueMarket(Record, kw_only=True, eq=False):
    """One market as the venue keeps it; counters change in place with every trade."""

    ticker: MarketTicker
    event_ticker: EventTicker
    series_ticker: SeriesTicker
    title: str
    outcome: str
    """What YES means in few words.  Kalshi: `yes_sub_title`."""
    market_id: str
    grid: PriceGrid
    level_structure: str
    """Kalshi: `price_level_structure`, a label of the grid."""
    fees: FeeSchedule
    """What its fills are charged now: the event's override, else the series' schedule."""
    is_scalar: bool = False
    created_at: Timestamp = Timestamp(0)
    open_time: Timestamp
    close_time: Timestamp
    expected_expiration_time: Timestamp | None = None
    latest_expiration_time: Timestamp | None = None
    fee_waiver_until: Timestamp | None = None
    settlement_timer_s: int = 60
    can_close_early: bool = True
    early_close_condition: str = ""
    strike_type: str | None = None
    floor_strike: float | None = None
    """JSON numbers on the wire, never money."""
    cap_strike: float | None = None
    rules_primary: str = ""
    rules_secondary: str = ""
    status: MarketStatus = MarketStatus.ACTIVE
    result: Result | None = None
    settlement_value: Price | None = None
    """What a YES contract is worth in the end."""
    determined_at: Timestamp | None = None
    settles_at: Timestamp | None = None
    """When a determined market becomes final."""
    settled_at: Timestamp | None = None
    sweep_at: Timestamp | None = None
    """When the orders of a closed market are canceled."""
    last_price: Price | None = None
    last_count: Count | None = None
    """Size of the last trade."""
    volume: Count = Count(0)
    dollar_volume: Money = Money(0)
    """Sum of price times count over its trades."""
    open_interest: Count = Count(0)
    updated_at: Timestamp

    @property
    def is_active(self) -> bool:
        """Tell whether orders are taken."""
        return self.status is MarketStatus.ACTIVE


class FeeChange(Fact, frozen=True, kw_only=True, eq=False):
    """A change of fees that is or was scheduled: of an event, or of a whole series."""

    change_id: str
    series_ticker: SeriesTicker
    event_ticker: EventTicker | None
    """None changes the series."""
    fees: FeeSchedule | None
    """None takes an event's override away."""
    due: Timestamp

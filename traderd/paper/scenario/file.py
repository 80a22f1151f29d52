"""The form of a scenario file: one struct per table, and the units its texts stand for.

Owns: which tables and keys there are, and their defaults. Times are seconds after the exchange's start, so that a
scenario works on any day. Prices, counts and money are decimal numbers, with or without quotes.
Must not: judge whether the tables fit together (`checks`), or build anything (`build`).
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from traderd.errors import BadInput
from traderd.model.market import PriceBand, PriceGrid
from traderd.model.units import (
    Money,
    parse_count,
    parse_fixed,
    parse_money,
    parse_price,
)
from traderd.paper.flow.behaviour import Levels, Settles, StreetPlan, Style
from traderd.paper.venue.calendar import MINUTES_PER_DAY, WEEKDAYS, WeeklyPause
from traderd.paper.venue.fees import FeeSchedule, FeeType
from traderd.paper.venue.price_structures import PRICE_STRUCTURES

DEFAULT_ACCOUNT_CASH: Final = "1000.00"
GENERATED_MARKETS_MAX: Final = 100_000
"""Bounds a generated exchange: about what Kalshi lists, and 1.1 GB of memory."""
GENERATED_LEVELS_MAX: Final = 40
"""Bounds how deep a generated book opens: two sides and a spread have room on a grid of 99 cents."""
_MULTIPLIER_DECIMALS: Final = 3
_TEN_YEARS_S: Final = 10 * 365 * 86_400

Number: TypeAlias = str | int
"""A decimal number as text; TOML's numbers with a point arrive as text too, so nothing is ever a float."""
TextLevels: TypeAlias = tuple[tuple[Number, Number], ...]
"""Levels as (YES price, contracts), ascending."""
StrikeType: TypeAlias = Literal[
    "greater",
    "greater_or_equal",
    "less",
    "less_or_equal",
    "between",
    "functional",
    "custom",
    "structured",
]
"""Kalshi: `strike_type`."""
Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Later: TypeAlias = Annotated[int, msgspec.Meta(gt=0, le=_TEN_YEARS_S)]
"""Seconds after the start."""
FromStart: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=_TEN_YEARS_S)]


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every table: keys that do not exist are errors."""


class SeriesSpec(Table, frozen=True, kw_only=True):
    """A family of events with one fee schedule."""

    ticker: Name
    title: str
    category: str = ""
    tags: tuple[str, ...] = ()
    frequency: str = "custom"
    fee_type: FeeType
    fee_multiplier: Number = "1"

    @property
    def fees(self) -> FeeSchedule:
        """Its fee schedule; raises BadInput."""
        return _fees(self.fee_type, self.fee_multiplier)


class EventSpec(Table, frozen=True, kw_only=True):
    """One occasion with one or more markets."""

    ticker: Name
    series: Name
    title: str
    sub_title: str = ""
    category: str = ""
    """Empty takes the series' one."""
    mutually_exclusive: bool = False
    """At most one of its markets ends YES."""
    strike_in_s: Later | None = None
    fee_type_override: FeeType | None = None
    fee_multiplier_override: Number | None = None
    """Only beside `fee_type_override`, and 1 if it is left out there."""

    @property
    def fee_override(self) -> FeeSchedule | None:
        """What takes the place of its series' schedule; raises BadInput."""
        if self.fee_type_override is not None:
            return _fees(self.fee_type_override, self.fee_multiplier_override)
        if self.fee_multiplier_override is not None:
            raise BadInput("fee_multiplier_override needs fee_type_override beside it")
        return None


class FeeChangeSpec(Table, frozen=True, kw_only=True):
    """A scheduled change of fees, of one series or one event."""

    in_s: Later
    series: str = ""
    event: str = ""
    fee_type: FeeType | None = None
    """None, for an event: its override is taken away."""
    fee_multiplier: Number | None = None
    """Only beside `fee_type`, and 1 if it is left out there."""

    @property
    def fees(self) -> FeeSchedule | None:
        """What is charged from then on; raises BadInput."""
        if self.fee_type is not None:
            return _fees(self.fee_type, self.fee_multiplier)
        if self.fee_multiplier is not None:
            raise BadInput("fee_multiplier needs fee_type beside it")
        return None


class BandSpec(Table, frozen=True, kw_only=True):
    """One band of a price grid.  Kalshi: `price_ranges`."""

    start: Number
    end: Number
    step: Number


class MarketSpec(Table, frozen=True, kw_only=True):
    """One market, its opening book, and what the street does in it."""

    ticker: Name
    event: Name
    title: str
    outcome: str
    market_id: str = ""
    """Empty derives one from the ticker."""
    price_level_structure: str = "linear_cent"
    price_ranges: tuple[BandSpec, ...] = ()
    """Empty takes those that the label stands for."""
    scalar: bool = False
    opens_in_s: FromStart = 0
    closes_in_s: Later
    expected_expiration_in_s: Later | None = None
    latest_expiration_in_s: Later | None = None
    fees_waived_for_s: Later | None = None
    settlement_timer_s: FromStart = 60
    can_close_early: bool = True
    strike_type: StrikeType | None = None
    floor_strike: Number | None = None
    cap_strike: Number | None = None
    rules_primary: str = ""
    rules_secondary: str = ""
    bids: TextLevels = ()
    asks: TextLevels = ()
    flow: Style | None = None
    """What kind of street it has; None is steady with bids and asks, and nobody without."""
    settles: Settles | None = None
    """How it ends by itself; None leaves that to whoever runs the exchange."""

    @property
    def grid(self) -> PriceGrid:
        """Its price grid; raises BadInput."""
        if not self.price_ranges:
            known = PRICE_STRUCTURES.get(self.price_level_structure)
            if known is None:
                raise BadInput(
                    f"the bands of price_level_structure {self.price_level_structure!r} are not known; give "
                    f"price_ranges, or take one of {', '.join(PRICE_STRUCTURES)}"
                )
            return known
        return PriceGrid(
            tuple(
                PriceBand(
                    start=parse_price(band.start),
                    end=parse_price(band.end),
                    step=parse_price(band.step),
                )
                for band in self.price_ranges
            )
        )

    @property
    def plan(self) -> StreetPlan:
        """What the street is asked to do; raises BadInput."""
        if not self.opens_in_s:
            return StreetPlan(style=self.flow, settles=self.settles)
        return StreetPlan(
            style=self.flow,
            settles=self.settles,
            opening_bids=parse_levels(self.bids),
            opening_asks=parse_levels(self.asks),
        )


class AccountSpec(Table, frozen=True, kw_only=True):
    """An account that the exchange should open."""

    name: Name
    cash: Number = DEFAULT_ACCOUNT_CASH

    @property
    def money(self) -> Money:
        """Its opening cash; raises BadInput."""
        return parse_money(self.cash, what=f"cash of account {self.name}")


class PauseSpec(Table, frozen=True, kw_only=True):
    """A trading pause that comes every week, in US Eastern time."""

    day: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    begins: str
    ends: str
    """`HH:MM`; `24:00` is midnight at the end of the day."""

    @classmethod
    def of(cls, pause: WeeklyPause) -> PauseSpec:
        """Return how a file says this pause."""
        return msgspec.convert(
            {
                "day": WEEKDAYS[pause.weekday],
                "begins": _clock(pause.from_minute),
                "ends": _clock(pause.to_minute),
            },
            cls,
        )

    @property
    def pause(self) -> WeeklyPause:
        """The pause as the venue knows it; raises BadInput."""
        return WeeklyPause(
            weekday=WEEKDAYS.index(self.day),
            from_minute=_minute(self.begins),
            to_minute=_minute(self.ends),
        )


class GeneratedSpec(Table, frozen=True, kw_only=True):
    """Markets that are made up, see `generator`."""

    markets: Annotated[int, msgspec.Meta(ge=1, le=GENERATED_MARKETS_MAX)]
    seed: int = 1
    levels: Annotated[int, msgspec.Meta(ge=1, le=GENERATED_LEVELS_MAX)] | None = None
    """With how many levels each side of each book opens; None leaves it to the kind of market."""


class Scenario(Table, frozen=True, kw_only=True):
    """What a venue starts with."""

    name: Name
    note: str = ""
    series: tuple[SeriesSpec, ...] = ()
    events: tuple[EventSpec, ...] = ()
    markets: tuple[MarketSpec, ...] = ()
    fee_changes: tuple[FeeChangeSpec, ...] = ()
    weekly_pauses: tuple[PauseSpec, ...] = ()
    accounts: tuple[AccountSpec, ...] = ()
    generated: GeneratedSpec | None = None
    """Markets besides the written ones."""


def parse_levels(levels: TextLevels) -> Levels:
    """Return levels as units; raises UnitError."""
    return tuple((parse_price(price), parse_count(count)) for price, count in levels)


def parse_strike(text: Number | None, what: str) -> float | None:
    """Return a strike as the JSON number that it is on the wire; raises BadInput."""
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError as exc:
        raise BadInput(f"{what} {text!r} is not a number") from exc
    if not abs(value) < 1e15:
        raise BadInput(f"{what} {text} is not a sensible number")
    return value


def _fees(fee_type: FeeType, multiplier: Number | None) -> FeeSchedule:
    given = "1" if multiplier is None else multiplier
    scaled = parse_fixed(given, decimals=_MULTIPLIER_DECIMALS, what="fee multiplier")
    return FeeSchedule(fee_type=fee_type, multiplier=scaled)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _minute(text: str) -> int:
    hours, colon, minutes = text.partition(":")
    if colon and text.isascii() and len(hours) == len(minutes) == 2 and (hours + minutes).isdigit():
        minute = int(hours) * 60 + int(minutes)
        if int(minutes) < 60 and minute <= MINUTES_PER_DAY:
            return minute
    raise BadInput(f"{text!r} is not a time of day; write HH:MM")

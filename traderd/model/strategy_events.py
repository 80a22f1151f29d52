"""Facts about strategies: how each look at a market ended, how they do, and what people changed of them.

Owns: the closed list of ways in which a tick ends. A tick is one time that a strategy was shown a market.
Must not: count (see `core/tick_counts.py`).
"""

from __future__ import annotations

import enum
from typing import TypeAlias

import attrs
import msgspec

from traderd.model.ids import MarketTicker, StrategyName
from traderd.model.state_events import Author
from traderd.model.units import Timestamp


class TickCause(enum.Enum):
    """Why a strategy was shown a market."""

    BOOK = "book"
    """The market changed, or a second passed: at most once per decision interval."""
    TRADE = "trade"
    FILL = "fill"
    TIMER = "timer"


class TickOutcome(enum.Enum):
    """How a tick ended; exactly one of these, always."""

    ORDER = "order"
    """At least one of its commands was carried out."""
    NO_SIGNAL = "no_signal"
    """It looked and wanted nothing."""
    BUSY = "busy"
    """It was not asked: its last commands for this market are under way."""
    NO_BOOK = "no_book"
    """It was not asked: the market or its book is not known yet."""
    DENIED = "denied"
    """A risk rule said no; the rule is named."""
    FENCED = "fenced"
    """An order of the market has an unknown outcome, so no new risk is taken there."""
    HALTED = "halted"
    """A halt stands, or the daemon is not in a state in which it may trade."""
    PAUSE = "pause"
    """A person or the exchange paused."""
    GRADE = "grade"
    """The book is worse than the strategy or the risk gate demands."""
    BUDGET = "budget"
    """It wanted more than it may have: of commands per second, of time for a callback, or of its share of the account or
    the loop."""
    TOKENS = "tokens"
    """The account's message limits had no room."""
    REJECTED = "rejected"
    """The exchange said no; its code is the rule."""
    UNKNOWN = "unknown"
    """Nobody knows yet whether the order arrived."""
    UNAVAILABLE = "unavailable"
    """It could not be tried: no connection, no service, an order that cannot be changed now."""
    FAILED = "failed"
    """The strategy raised, or asked for what a strategy may not ask for."""

    # There is one object of each, and every tick is counted by it; the one of `enum` is written in Python.
    __hash__ = object.__hash__


class TickEnded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A strategy's look at a market is over, and this is what came of it."""

    at: Timestamp
    strategy: StrategyName
    ticker: MarketTicker
    cause: TickCause
    outcome: TickOutcome
    rule: str = ""
    """Which rule or code said no; empty where none did."""
    sentence: str = ""
    """Why, for people; empty where there is nothing to say."""


class TenantStatus(enum.Enum):
    """What a strategy is doing."""

    RUNNING = "running"
    DRAINING = "draining"
    """It is being replaced: nobody asks it, its commands in flight end."""
    QUARANTINED = "quarantined"
    """It failed too often: nobody asks it and its orders were cancelled, until a person releases it."""


class ParameterReport(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One parameter of a running strategy."""

    name: str
    value: str
    tunable: bool
    doc: str = ""


@attrs.frozen(kw_only=True)
class StrategyReport:
    """How one strategy does; durations are in ns, of its own callbacks, on the monotonic clock."""

    strategy: StrategyName
    status: TenantStatus
    reason: str = ""
    """Why it is not running, and what to do."""
    callbacks: int = 0
    p50_ns: int = 0
    p99_ns: int = 0
    max_ns: int = 0
    """Of the last callbacks; `max_ns` is since it was made."""
    budget_ns: int = 0
    over_budget: int = 0
    """Callbacks that took longer than `budget_ns`."""
    loop_percent: int = 0
    """Of the loop that its looks took of the last seconds."""
    loop_percent_max: int = 0
    """What it may take; one that takes more is slowed down."""
    failures: int = 0
    """In a row, over all markets."""
    commands_per_s: int = 0
    """Its message budget."""
    commands: int = 0
    """That it was allowed to send."""
    in_flight: int = 0
    parameters: tuple[ParameterReport, ...] = ()


@attrs.frozen(kw_only=True)
class StrategiesReported:
    """How all strategies do now; told when something changes and once a second besides."""

    at: Timestamp
    reports: tuple[StrategyReport, ...]


@attrs.frozen(kw_only=True)
class StrategyParameterSet:
    """A person changed a parameter of a running strategy; it holds until the daemon ends."""

    at: Timestamp
    strategy: StrategyName
    name: str
    value: str
    was: str
    author: Author = Author.PERSON
    by: str = ""


@attrs.frozen(kw_only=True)
class StrategyReleased:
    """A quarantined strategy may trade again."""

    at: Timestamp
    strategy: StrategyName
    author: Author = Author.PERSON
    by: str = ""


@attrs.frozen(kw_only=True)
class StrategyReplaced:
    """A running strategy's code was exchanged for another, or taken away; its orders stayed its own."""

    at: Timestamp
    strategy: StrategyName
    why: str = ""
    adopted: int = 0
    """Its live orders that the new code took over."""
    removed: bool = False
    author: Author = Author.PERSON
    by: str = ""


StrategyEvent: TypeAlias = (
    TickEnded | StrategiesReported | StrategyParameterSet | StrategyReleased | StrategyReplaced
)

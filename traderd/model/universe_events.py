"""Facts of the markets themselves: which are followed, and the steps of their lives.

Owns: the events of the universe and of the lifecycle channel.
Must not: decide which markets to follow (`core/universe.py`), or what a step means for a market (`core/market_life.py`).
"""

from __future__ import annotations

import enum
from typing import TypeAlias

import attrs

from traderd.model.ids import EventTicker, MarketTicker
from traderd.model.market import PriceGrid
from traderd.model.units import Price, Timestamp

Steps: TypeAlias = tuple[tuple[MarketTicker, str], ...]
"""Markets, each with the reason of its step in words."""


@attrs.frozen(kw_only=True)
class UniverseChanged:
    """These markets are followed from now on, and those no longer are."""

    at: Timestamp
    added: Steps
    dropped: Steps


@attrs.frozen(kw_only=True)
class BooksShed:
    """The load is too high, so these books are given up for a while; their markets stay followed."""

    at: Timestamp
    tickers: tuple[MarketTicker, ...]
    reason: str


@attrs.frozen(kw_only=True)
class BooksReclaimed:
    """These books are wanted again."""

    at: Timestamp
    tickers: tuple[MarketTicker, ...]
    reason: str


@attrs.frozen(kw_only=True)
class BooksAwaited:
    """Books that were given up are about to be asked for again: their frames count from now on."""

    at: Timestamp
    tickers: tuple[MarketTicker, ...]


class LifeStep(enum.Enum):
    """What the exchange tells of a market's life.  Kalshi: `event_type` of `market_lifecycle_v2`."""

    CREATED = "created"
    ACTIVATED = "activated"
    DEACTIVATED = "deactivated"
    CLOSE_DATE_UPDATED = "close_date_updated"
    DETERMINED = "determined"
    SETTLED = "settled"
    GRID_UPDATED = "price_level_structure_updated"
    METADATA_UPDATED = "metadata_updated"
    UNKNOWN = "unknown"
    """A step of a name that this version does not know: what it did, only a new reading of the market can tell."""


@attrs.frozen(kw_only=True)
class MarketLifecycleChanged:
    """A market went a step.  Source: Kalshi `market_lifecycle_v2`.

    What does not belong to the step is None or empty.
    """

    at: Timestamp
    ticker: MarketTicker
    step: LifeStep
    event_ticker: EventTicker | None = None
    open_time: Timestamp | None = None
    close_time: Timestamp | None = None
    grid: PriceGrid | None = None
    result: str = ""
    settlement_value: Price | None = None
    """What a YES contract is worth in the end."""


@attrs.frozen(kw_only=True)
class MarketOpened:
    """A market's open time came, by the exchange's clock: Kalshi sends nothing then."""

    at: Timestamp
    ticker: MarketTicker


@attrs.frozen(kw_only=True)
class MarketClosed:
    """A market's close time came, by the exchange's clock: Kalshi sends nothing then."""

    at: Timestamp
    ticker: MarketTicker

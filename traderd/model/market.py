"""A market: its name, its life, its price grid.

Owns: which prices an order may have. Kalshi: the market's `price_ranges` are the only source of the grid,
`price_level_structure` is a label.
Must not: know how a market arrives or what its book holds.
"""

from __future__ import annotations

import enum

import attrs

from traderd.errors import BadInput
from traderd.model.ids import EventTicker, MarketTicker
from traderd.model.units import ONE_DOLLAR, Price, Timestamp, format_price


class MarketStatus(enum.Enum):
    """Kalshi: market lifecycle. UNKNOWN is any word that this version does not know."""

    INITIALIZED = "initialized"
    ACTIVE = "active"
    INACTIVE = "inactive"
    CLOSED = "closed"
    DETERMINED = "determined"
    DISPUTED = "disputed"
    AMENDED = "amended"
    FINALIZED = "finalized"
    UNKNOWN = "unknown"


@attrs.frozen(kw_only=True)
class PriceBand:
    """Prices from `start` to `end`, both included, in whole steps from `start`."""

    start: Price
    end: Price
    step: Price

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.start < self.end <= ONE_DOLLAR or self.step <= 0:
            raise BadInput(
                f"price band {self.start}..{self.end} step {self.step} (1/10000 $) is not a band"
            )


@attrs.frozen
class PriceGrid:
    """The prices that orders of one market may have, as ordered bands."""

    bands: tuple[PriceBand, ...]

    def __attrs_post_init__(self) -> None:
        if not self.bands:
            raise BadInput("a price grid needs at least one band")

    def allows(self, price: Price) -> bool:
        """Tell whether an order may have this price; 0 and $1 themselves are never order prices."""
        if not 0 < price < ONE_DOLLAR:
            return False
        return any(
            band.start <= price <= band.end and (price - band.start) % band.step == 0
            for band in self.bands
        )

    def step_at(self, price: Price) -> Price:
        """Return the step of the band that holds `price`: the finer one where two bands meet."""
        steps = [band.step for band in self.bands if band.start <= price <= band.end]
        return min(steps) if steps else self.bands[0].step

    def floor(self, price: Price) -> Price | None:
        """Return the highest order price not above `price`, None if there is none."""
        for band in reversed(self.bands):
            if price < band.start:
                continue
            top = min(price, band.end)
            candidate = Price(top - (top - band.start) % band.step)
            if candidate >= ONE_DOLLAR:
                candidate = Price(candidate - band.step)
            if self.allows(candidate):
                return candidate
        return None

    def ceil(self, price: Price) -> Price | None:
        """Return the lowest order price not below `price`, None if there is none."""
        for band in self.bands:
            if price > band.end:
                continue
            bottom = max(price, band.start)
            candidate = Price(bottom + (band.start - bottom) % band.step)
            if candidate <= 0:
                candidate = Price(candidate + band.step)
            if self.allows(candidate):
                return candidate
        return None

    def describe(self) -> str:
        """Return the bands for people: `0.0000-1.0000 by 0.0100`."""
        return ", ".join(
            f"{format_price(b.start)}-{format_price(b.end)} by {format_price(b.step)}"
            for b in self.bands
        )


LINEAR_CENT = PriceGrid((PriceBand(start=Price(0), end=ONE_DOLLAR, step=Price(100)),))
"""Whole cents over the whole range (Kalshi: `linear_cent`)."""


@attrs.frozen(kw_only=True)
class Market:
    """One binary market as the exchange describes it."""

    ticker: MarketTicker
    event_ticker: EventTicker
    title: str
    status: MarketStatus
    grid: PriceGrid
    close_time: Timestamp
    exchange_index: int = 0
    """The matching engine that holds it; collateral is per engine (Kalshi: exchange sharding)."""

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
from traderd.model.units import ONE_DOLLAR, Count, Price, Timestamp, format_price


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

    def allows(self, price: Price) -> bool:
        """Tell whether an order may have this price; 0 and $1 themselves are never order prices."""
        return (
            0 < price < ONE_DOLLAR
            and self.start <= price <= self.end
            and (price - self.start) % self.step == 0
        )

    def floor(self, price: Price) -> Price | None:
        """Return this band's highest order price not above `price`, None if there is none."""
        top = min(price, self.end, ONE_DOLLAR - 1)
        candidate = Price(top - (top - self.start) % self.step)
        return candidate if self.allows(candidate) else None

    def ceil(self, price: Price) -> Price | None:
        """Return this band's lowest order price not below `price`, None if there is none."""
        bottom = max(price, self.start, 1)
        candidate = Price(bottom + (self.start - bottom) % self.step)
        return candidate if self.allows(candidate) else None


@attrs.frozen
class PriceGrid:
    """The prices that orders of one market may have, as bands that meet."""

    bands: tuple[PriceBand, ...]

    def __attrs_post_init__(self) -> None:
        if not self.bands:
            raise BadInput("a price grid needs at least one band")

    def allows(self, price: Price) -> bool:
        """Tell whether an order may have this price; 0 and $1 themselves are never order prices."""
        return any(band.allows(price) for band in self.bands)

    def step_at(self, price: Price) -> Price:
        """Return the step of the band that holds `price`: the finer one where two bands meet."""
        steps = [band.step for band in self.bands if band.start <= price <= band.end]
        return min(steps) if steps else self.bands[0].step

    def floor(self, price: Price) -> Price | None:
        """Return the highest order price not above `price`, None if there is none."""
        # Over all bands, so that the answer does not depend on the exchange sending them in order.
        return max(
            (found for band in self.bands if (found := band.floor(price)) is not None), default=None
        )

    def ceil(self, price: Price) -> Price | None:
        """Return the lowest order price not below `price`, None if there is none."""
        return min(
            (found for band in self.bands if (found := band.ceil(price)) is not None), default=None
        )

    def describe(self) -> str:
        """Return the bands for people: `0.0000-1.0000 by 0.0100`."""
        return ", ".join(
            f"{format_price(b.start)}-{format_price(b.end)} by {format_price(b.step)}"
            for b in self.bands
        )


LINEAR_CENT = PriceGrid((PriceBand(start=Price(0), end=ONE_DOLLAR, step=Price(100)),))
"""Whole cents over the whole range (Kalshi: `linear_cent`)."""


@attrs.frozen(kw_only=True, weakref_slot=False)  # there may be ten thousand
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
    open_time: Timestamp | None = None
    """When it begins to trade; None where the exchange does not say."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class MarketListing:
    """A market in a list of the exchange, with what it is chosen by."""

    market: Market
    volume_24h: Count
    """Contracts traded in the last 24 hours."""

"""Every price of a grid in order, so that the street can count in ticks.

Owns: one tuple per grid, shared by all markets of it.
Must not: know markets.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import lru_cache
from typing import Final

from traderd.model.market import PriceGrid
from traderd.model.units import ONE_DOLLAR, Price

GRIDS_MAX: Final = 64
"""Bounds the grids that are remembered: Kalshi has about a dozen, and the finest takes 0.4 MB."""


@lru_cache(maxsize=GRIDS_MAX)
def order_prices(grid: PriceGrid) -> tuple[Price, ...]:
    """Return every price that an order may have, ascending."""
    return tuple(Price(price) for price in range(1, ONE_DOLLAR) if grid.allows(Price(price)))


def index_at_or_below(prices: tuple[Price, ...], price: int) -> int:
    """Return where the highest price not above `price` is; 0 if all are above."""
    return max(0, bisect_right(prices, price) - 1)


def index_at_or_above(prices: tuple[Price, ...], price: int) -> int:
    """Return where the lowest price not below `price` is; the last one if all are below."""
    return min(len(prices) - 1, bisect_left(prices, price))

"""What the street thinks a market is worth: a touch that walks around a home, which may itself go somewhere.

Owns: where the fair bid and ask are, how far they may go, and which prices lie behind or beyond them.
Must not: draw random numbers, or touch a book (`quoting` does both).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from traderd.model.ids import MarketTicker
from traderd.model.market import PriceGrid
from traderd.model.orders import Side
from traderd.model.units import ONE_CONTRACT, ONE_DOLLAR, Count, Price
from traderd.paper.flow.behaviour import Levels, Style
from traderd.paper.flow.price_axis import index_at_or_above, index_at_or_below, order_prices
from traderd.paper.venue.listings import VenueMarket

OFFSET_MAX: Final = 6
"""Bounds the walk of a fair value, in ticks from its home: no side of a book is ever used up."""
NEAR_LEVELS: Final = 3
"""How many levels next to the touch makers keep filled, and take their sizes from."""
UNSEEN_DEPTH: Final = 8
"""How many levels a side gets in a market that opened with an empty book."""
UNSEEN_SIZES: Final = tuple(Count(size * ONE_CONTRACT) for size in (20, 50, 100, 250))
"""The sizes there."""
DRIFT_FROM: Final = 40
DRIFT_UNTIL: Final = 90
"""Between which percents of its life a market that knows its end goes there."""


@attrs.define(eq=False)
class FairValue:
    """What the street thinks one market is worth: a touch, as an index into the market's order prices."""

    ticker: MarketTicker
    style: Style
    grid: PriceGrid
    prices: tuple[Price, ...]
    """Every price that an order of this market may have, ascending; one tuple for all markets of the grid."""
    home: int
    """Index of the best bid it comes back to."""
    origin: int
    """Where home was when it was first seen."""
    gap: int
    """Ticks from the fair bid to the fair ask."""
    sizes: tuple[Count, ...]
    """Opening sizes next to the touch: what makers post anew."""
    typical: int
    """The median opening size of a level."""
    depth: int
    """Opening levels of the thinner side: what makers bring back when a book was wiped."""
    offset: int = 0
    """Ticks from home."""
    passed: Side | None = None
    """The side whose late orders are being hit after a move."""
    mending: bool = False
    """Whether the next step toward the fair value is planned."""
    ends_yes: bool | None = None
    """How it ends, if somebody knows."""

    @property
    def lowest(self) -> int:
        """The least offset."""
        return -min(OFFSET_MAX, self.home)

    @property
    def highest(self) -> int:
        """The greatest offset."""
        return min(OFFSET_MAX, len(self.prices) - 1 - self.home - self.gap)

    @property
    def middle(self) -> int:
        """Twice the price between bid and ask, so that it is whole."""
        return self.prices[self.touch(Side.BID)] + self.prices[self.touch(Side.ASK)]

    def touch(self, side: Side) -> int:
        """Return the index of the fair bid or the fair ask."""
        bid = self.home + self.offset
        return bid if side is Side.BID else bid + self.gap

    def behind(self, side: Side, ticks: int) -> Price | None:
        """Return the price `ticks` behind the touch, None beyond the end of the grid."""
        index = self.touch(side) - side.sign * ticks
        return self.prices[index] if 0 <= index < len(self.prices) else None

    def nearest(self, side: Side, count: int) -> Sequence[Price]:
        """Return the first `count` prices of a side, the touch first; fewer at the end of the grid."""
        touch = self.touch(side)
        if side is Side.ASK:
            return self.prices[touch : touch + count]
        return self.prices[max(0, touch - count + 1) : touch + 1][::-1]

    def levels_wanted(self, side: Side) -> int:
        """Return how many levels a side has room for, at most its depth."""
        bid = self.touch(Side.BID)
        room = bid + 1 if side is Side.BID else len(self.prices) - bid - self.gap
        return min(self.depth, room)

    def is_better(self, side: Side, price: Price) -> bool:
        """Tell whether a price of `side` is better than the fair touch: makers do not stay there."""
        return side.sign * (price - self.prices[self.touch(side)]) > 0

    def move(self, ticks: int) -> bool:
        """Move by up to `ticks` within the bounds; tell whether it moved at all."""
        before = self.touch(Side.BID)
        self.offset = min(self.highest, max(self.lowest, self.offset + ticks))
        return self._moved_from(before)

    def drift(self, life_percent: int) -> bool:
        """Bring home as near to the known end as a market of this age is; tell whether it moved at all."""
        if self.ends_yes is None or life_percent <= DRIFT_FROM:
            return False
        before, gap_before = self.touch(Side.BID), self.gap
        done = min(life_percent, DRIFT_UNTIL) - DRIFT_FROM
        whole = DRIFT_UNTIL - DRIFT_FROM
        if done == whole:
            self.gap = 1
        end = len(self.prices) - 1 - self.gap if self.ends_yes else 0
        self.home = self.origin + (end - self.origin) * done // whole
        self.home = max(0, min(self.home, len(self.prices) - 1 - self.gap))
        offset = 0 if done == whole else self.offset
        self.offset = min(self.highest, max(self.lowest, offset))
        return self._moved_from(before) or self.gap != gap_before

    def regrid(self, grid: PriceGrid) -> None:
        """Go on at about the same prices on another grid."""
        bid, ask = self.prices[self.touch(Side.BID)], self.prices[self.touch(Side.ASK)]
        origin = self.prices[self.origin]
        self.grid, self.prices = grid, order_prices(grid)
        self.home, self.gap = _place(self.prices, bid, ask)
        self.origin = index_at_or_below(self.prices, origin)
        self.offset = 0

    def _moved_from(self, before: int) -> bool:
        now = self.touch(Side.BID)
        if now != before:
            self.passed = Side.ASK if now > before else Side.BID
        return now != before


def opening_fair_value(
    market: VenueMarket, style: Style, bids: Levels, asks: Levels, guess: Price
) -> FairValue:
    """Return the fair value that a market's book shows, best levels first.

    Args:
        market: whose.
        style: what kind of street it has.
        bids: its bids.
        asks: its asks.
        guess: what it is worth if its book does not say.
    """
    prices = order_prices(market.grid)
    bid = bids[0][0] if bids else asks[0][0] - 1 if asks else guess
    ask = asks[0][0] if asks else bid + 1
    home, gap = _place(prices, bid, ask)
    sizes = sorted(size for _, size in (*bids, *asks)) or UNSEEN_SIZES
    near = tuple(size for _, size in (*bids[:NEAR_LEVELS], *asks[:NEAR_LEVELS]))
    return FairValue(
        ticker=market.ticker,
        style=style,
        grid=market.grid,
        prices=prices,
        home=home,
        origin=home,
        gap=gap,
        sizes=near or UNSEEN_SIZES,
        typical=sizes[len(sizes) // 2],
        depth=min(len(bids), len(asks)) or UNSEEN_DEPTH,
    )


def _place(prices: Sequence[Price], bid: int, ask: int) -> tuple[int, int]:
    # Index of the bid, and the gap to the ask: at least one tick, whatever the grid makes of the two.
    known = tuple(prices)
    home = min(index_at_or_below(known, bid), len(known) - 2)
    return home, max(1, index_at_or_above(known, ask) - home)


def middle_of(bids: Levels, asks: Levels) -> Price | None:
    """Return the price between the best levels, which come first; None for an empty book."""
    if not bids and not asks:
        return None
    bid = bids[0][0] if bids else 0
    ask = asks[0][0] if asks else ONE_DOLLAR
    return Price((bid + ask) // 2)

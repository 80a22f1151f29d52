"""What the street thinks a market is worth: a touch that walks around the opening one.

Owns: where the fair bid and ask are, how far they may go, and which prices lie behind or beyond them.
Must not: draw random numbers, or touch a book (`order_flow` does both).
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.model.ids import MarketTicker
from traderd.model.orders import Side
from traderd.model.units import ONE_DOLLAR, Count, Price
from traderd.paper.venue.messages import VenueMarket
from traderd.paper.venue.venue import Venue

OFFSET_MAX: Final = 6
"""Bounds the walk of a fair value, in ticks from its opening: no side of a book is ever used up."""
NEAR_LEVELS: Final = 3
"""How many levels next to the touch makers keep filled, and take their sizes from."""


@attrs.define(eq=False)
class FairValue:
    """What the street thinks one market is worth: a touch, as an index into the market's order prices."""

    ticker: MarketTicker
    prices: tuple[Price, ...]
    """Every price that an order of this market may have, ascending."""
    home: int
    """Index of the opening best bid."""
    gap: int
    """Ticks from the fair bid to the fair ask."""
    sizes: tuple[Count, ...]
    """Opening sizes next to the touch: what makers post anew."""
    typical: int
    """The median opening size of a level."""
    lowest: int
    highest: int
    offset: int = 0
    """Ticks from home."""
    passed: Side | None = None
    """The side whose late orders are being hit after a move."""
    mending: bool = False
    """Whether the next step toward the fair value is planned."""

    def touch(self, side: Side) -> int:
        """Return the index of the fair bid or the fair ask."""
        bid = self.home + self.offset
        return bid if side is Side.BID else bid + self.gap

    def behind(self, side: Side, ticks: int) -> Price | None:
        """Return the price `ticks` behind the touch, None beyond the end of the grid."""
        index = self.touch(side) - side.sign * ticks
        return self.prices[index] if 0 <= index < len(self.prices) else None

    def is_better(self, side: Side, price: Price) -> bool:
        """Tell whether a price of `side` is better than the fair touch: makers do not stay there."""
        return side.sign * (price - self.prices[self.touch(side)]) > 0

    def move(self, ticks: int) -> bool:
        """Move by up to `ticks` within the bounds; tell whether it moved at all."""
        before = self.offset
        self.offset = min(self.highest, max(self.lowest, before + ticks))
        if self.offset != before:
            self.passed = Side.ASK if self.offset > before else Side.BID
        return self.offset != before


def opening_fair_value(venue: Venue, market: VenueMarket) -> FairValue | None:
    """Return the fair value that a market's opening book shows, None if a side is empty."""
    bids, asks = venue.book(market.ticker)
    if not bids or not asks:
        return None
    prices = tuple(
        Price(price) for price in range(1, ONE_DOLLAR) if market.grid.allows(Price(price))
    )
    home = prices.index(bids[0][0])
    gap = prices.index(asks[0][0]) - home
    sizes = sorted(size for _, size in (*bids, *asks))
    near = tuple(size for _, size in (*bids[:NEAR_LEVELS], *asks[:NEAR_LEVELS]))
    return FairValue(
        ticker=market.ticker,
        prices=prices,
        home=home,
        gap=gap,
        sizes=near,
        typical=sizes[len(sizes) // 2],
        lowest=-min(OFFSET_MAX, home),
        highest=min(OFFSET_MAX, len(prices) - 1 - home - gap),
    )

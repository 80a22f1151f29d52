"""What the street does to one book: quote, take, follow a move, bring a wiped book back.

Owns: every order that anonymous traders send. When a fair value moves, makers leave the levels it has passed, and
takers hit whatever orders stayed there: that is how an order that joined the touch fills although the queue before
it is huge.
Must not: decide when (`order_flow`).
"""

from __future__ import annotations

from random import Random
from typing import Final

import attrs

from traderd.model.ids import MarketTicker
from traderd.model.orders import Side
from traderd.model.units import ONE_CONTRACT, Count, Price, Timestamp
from traderd.paper.flow.behaviour import PROFILES, Levels
from traderd.paper.flow.fair_value import NEAR_LEVELS, FairValue
from traderd.paper.flow.sizes import draw_distance, draw_size
from traderd.paper.venue.records import STREET_MAKERS
from traderd.paper.venue.venue import Venue

KEEP_DRIFT: Final = (0.35, 0.65)
"""Bounds the chance that a quote adds: small levels tend to grow and large ones to shrink."""
STALE_TAKE_MIN: Final = 100 * ONE_CONTRACT
"""Smallest take against orders that the fair value has passed: whoever is late is taken whole."""
WIPED_BELOW: Final = 3
"""A side with less than one in this many of its levels was wiped, by a halt or a great order."""


@attrs.define(eq=False)
class Quoting:
    """The street's hands."""

    venue: Venue
    rng: Random

    def mend(self, fair: FairValue, now: Timestamp) -> bool:
        """Bring a book one step nearer to its fair value; False when nothing is left to do."""
        for step in (self._pull, self._hit_late, self._bring_back, self._post_missing):
            if step(fair, Side.BID, now) or step(fair, Side.ASK, now):
                return True
        fair.passed = None
        return False

    def quote(self, fair: FairValue, now: Timestamp) -> None:
        """Add to a level or take from it."""
        rng = self.rng
        side = rng.choice((Side.BID, Side.ASK))
        price = fair.behind(side, draw_distance(rng))
        if price is None:
            return
        street = self.venue.street
        there = street.size(fair.ticker, side, price)
        least, most = KEEP_DRIFT
        chance = min(most, max(least, fair.typical / (fair.typical + there)))
        size = draw_size(rng)
        # A quote never empties a level, so the number of levels changes only with the fair value.
        removable = min(size, there // 2)
        if rng.random() < chance or not removable:
            street.add(fair.ticker, side, price, size, now)
        else:
            street.remove(fair.ticker, side, price, Count(removable), now)

    def take(self, fair: FairValue, now: Timestamp) -> None:
        """Hit the touch."""
        side = self.rng.choice((Side.BID, Side.ASK))
        best = self.venue.book_of(fair.ticker).best(side.opposite)
        if best is not None:
            self.venue.street.take(fair.ticker, side, best, draw_size(self.rng), now)

    def post(self, ticker: MarketTicker, bids: Levels, asks: Levels, now: Timestamp) -> None:
        """Post an opening book; levels that would cross somebody's order stay away."""
        for side, levels in ((Side.BID, bids), (Side.ASK, asks)):
            for price, count in levels:
                self.venue.street.add(ticker, side, price, count, now)

    def is_wiped(self, fair: FairValue, side: Side) -> bool:
        """Tell whether most of a side is gone."""
        levels = self.venue.book_of(fair.ticker).level_count(side)
        return levels * WIPED_BELOW < fair.levels_wanted(side)

    def _pull(self, fair: FairValue, side: Side, now: Timestamp) -> bool:
        # Makers leave the best level that the fair value has passed.
        street = self.venue.street
        for price, _ in self.venue.book_of(fair.ticker).levels(side):
            if not fair.is_better(side, price):
                return False
            size = street.size(fair.ticker, side, price)
            if size:
                street.remove(fair.ticker, side, price, size, now)
                return True
        return False

    def _hit_late(self, fair: FairValue, side: Side, now: Timestamp) -> bool:
        # Once the makers are gone, only accounts' orders are left on the passed levels.
        best = self.venue.book_of(fair.ticker).best(side)
        if best is None or not fair.is_better(side, best) or not PROFILES[fair.style].take_share:
            return False
        opposite = fair.prices[fair.touch(side.opposite)]
        if fair.passed is not side and side.sign * (best - opposite) < 0:
            # It only improves the touch; ordinary takers will come for it.
            return False
        size = Count(max(draw_size(self.rng), STALE_TAKE_MIN))
        return self.venue.street.take(fair.ticker, side.opposite, best, size, now) > 0

    def _bring_back(self, fair: FairValue, side: Side, now: Timestamp) -> bool:
        if not self.is_wiped(fair, side):
            return False
        further = fair.nearest(side, fair.levels_wanted(side))[NEAR_LEVELS:]
        posted = [self._post(fair, side, price, now) for price in further]
        return any(posted)

    def _post_missing(self, fair: FairValue, side: Side, now: Timestamp) -> bool:
        # Nearly always nothing is missing, so this looks before it does anything.
        size_of = self.venue.book_of(fair.ticker).size_of
        for price in fair.nearest(side, NEAR_LEVELS):
            if not size_of(STREET_MAKERS, side, price) and self._post(fair, side, price, now):
                return True
        return False

    def _post(self, fair: FairValue, side: Side, price: Price, now: Timestamp) -> bool:
        if self.venue.street.size(fair.ticker, side, price):
            return False
        size = self.rng.choice(fair.sizes) // self.rng.randint(1, 3)
        count = Count(max(ONE_CONTRACT, size))
        return self.venue.street.add(fair.ticker, side, price, count, now) > 0

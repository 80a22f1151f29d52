"""The street: anonymous liquidity, level by level.

Owns: how contracts without an account of their own join, leave and take from the books. They pay no fees and get
no private news, but their cash and positions are in the sum of all money.
Must not: decide what to quote (`order_flow`).
"""

from __future__ import annotations

import itertools

from traderd.model.ids import MarketTicker, OrderId
from traderd.model.orders import Side
from traderd.model.units import Count, Price, Timestamp
from traderd.paper.venue.floor import Floor, Incoming
from traderd.paper.venue.matching import Resting
from traderd.paper.venue.messages import STREET, STREET_MAKERS, STREET_TAKERS, VenueRefusal


class Street:
    """Makers and takers without names."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._ids = itertools.count(1)

    def add(
        self, ticker: MarketTicker, side: Side, price: Price, count: Count, now: Timestamp
    ) -> Count:
        """Join a level with anonymous contracts; return how many, 0 if they would cross.

        Raises:
            VenueRefusal: unknown or closed market, price off the grid.
        """
        market = self._floor.open_market(ticker, now)
        if not market.grid.allows(price):
            raise VenueRefusal(400, "invalid_price")
        book = self._floor.books[ticker]
        if count <= 0 or book.next_match(side, price) is not None:
            return Count(0)
        last = book.last_at(side, price)
        if last is not None and last.owner == STREET_MAKERS:
            book.grow_last(last, count)
        else:
            order_id = OrderId(f"{STREET}{next(self._ids)}")
            last = Resting(order_id, STREET_MAKERS, side, price, count)
            book.add(last)
        self._floor.tell_level(ticker, last, count, now, None)
        return count

    def size(self, ticker: MarketTicker, side: Side, price: Price) -> Count:
        """Return the anonymous part of one level."""
        queue = self._floor.books[ticker].queue_at(side, price)
        return Count(sum(each.remaining for each in queue if each.owner == STREET_MAKERS))

    def remove(
        self, ticker: MarketTicker, side: Side, price: Price, count: Count, now: Timestamp
    ) -> Count:
        """Take up to `count` anonymous contracts off a level, last comers first; return how many."""
        left = count
        for resting in reversed(self._floor.books[ticker].queue_at(side, price)):
            if resting.owner == STREET_MAKERS and left > 0:
                part = Count(min(left, resting.remaining))
                self.reduce(ticker, resting, part, now)
                left = Count(left - part)
        return Count(count - left)

    def reduce(self, ticker: MarketTicker, resting: Resting, count: Count, now: Timestamp) -> None:
        """Take contracts off one anonymous order."""
        self._floor.books[ticker].reduce(resting.order_id, count)
        self._floor.tell_level(ticker, resting, Count(-count), now, None)

    def take(
        self, ticker: MarketTicker, side: Side, limit: Price, count: Count, now: Timestamp
    ) -> Count:
        """Trade anonymously against what rests within `limit`; return how many contracts traded.

        Raises:
            VenueRefusal: unknown or closed market.
        """
        market = self._floor.open_market(ticker, now)
        incoming = Incoming(self._floor.accounts[STREET_TAKERS], side, limit, count, None)
        self._floor.match(market, incoming, now)
        return Count(count - incoming.remaining)

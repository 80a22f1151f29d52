"""The street: anonymous liquidity, level by level.

Owns: how contracts without an account of their own join, leave and take from the books. They pay no fees and get
no private news, but their cash and positions are in the sum of all money.
Must not: decide what to quote (`order_flow`).
"""

from __future__ import annotations

from traderd.model.ids import MarketTicker, OrderId
from traderd.model.orders import Side
from traderd.model.units import Count, Price, Timestamp
from traderd.paper.venue.crossing import Incoming
from traderd.paper.venue.listings import VenueMarket
from traderd.paper.venue.messages import VenueRefusal
from traderd.paper.venue.order_entry import OrderEntry
from traderd.paper.venue.records import STREET, STREET_MAKERS, STREET_TAKERS, Resting


class Street:
    """Makers and takers without names."""

    def __init__(self, entry: OrderEntry) -> None:
        self._entry = entry
        self._floor = entry.floor

    def add(
        self, ticker: MarketTicker, side: Side, price: Price, count: Count, now: Timestamp
    ) -> Count:
        """Join a level with anonymous contracts; return how many, 0 if they would cross.

        Raises:
            VenueRefusal: unknown or closed market, price off the grid, or a pause.
        """
        market = self._open(ticker, now)
        if not market.grid.allows(price):
            raise VenueRefusal(400, "invalid_price")
        book = self._floor.books[ticker]
        if count <= 0 or book.next_match(side, price) is not None:
            return Count(0)
        last = book.last_at(side, price)
        if last is not None and last.account_id == STREET_MAKERS:
            book.grow_last(last, count)
        else:
            # A priority is unique too, and unlike a counter of our own it goes on after a restart.
            priority = self._floor.next_priority()
            last = Resting(
                order_id=OrderId(f"{STREET}{priority}"),
                account_id=STREET_MAKERS,
                ticker=ticker,
                side=side,
                price=price,
                remaining_count=count,
                priority=priority,
            )
            book.add(last)
        self._floor.tell_level(last, count, now, cause=None)
        return count

    def _open(self, ticker: str, now: Timestamp) -> VenueMarket:
        market = self._floor.market(ticker)
        self._entry.check_trading()
        self._entry.check_open(market, now)
        return market

    def size(self, ticker: MarketTicker, side: Side, price: Price) -> Count:
        """Return the anonymous part of one level."""
        return self._floor.books[ticker].size_of(STREET_MAKERS, side, price)

    def remove(
        self, ticker: MarketTicker, side: Side, price: Price, count: Count, now: Timestamp
    ) -> Count:
        """Take up to `count` anonymous contracts off a level, last comers first; return how many."""
        left = count
        for resting in reversed(self._floor.books[ticker].queue_at(side, price)):
            if resting.account_id == STREET_MAKERS and left > 0:
                part = Count(min(left, resting.remaining_count))
                self._floor.withdraw(resting, part, now)
                left = Count(left - part)
        return Count(count - left)

    def take(
        self, ticker: MarketTicker, side: Side, limit: Price, count: Count, now: Timestamp
    ) -> Count:
        """Trade anonymously against what rests within `limit`; return how many contracts traded.

        Raises:
            VenueRefusal: unknown or closed market, or a pause.
        """
        market = self._open(ticker, now)
        takers = self._floor.accounts[STREET_TAKERS]
        incoming = Incoming(takers, takers.main, side, limit, count, None)
        self._entry.crossing.match(market, incoming, now)
        return Count(count - incoming.remaining)

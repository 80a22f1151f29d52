"""The order book of one market: price-time priority over integer prices.

Owns: the queues, the levels and which order is next to trade. Prices are YES prices on both sides.
Must not: know accounts, money or orders' lives; an owner is an opaque word on a resting order.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

import attrs

from traderd.errors import InvariantViolation
from traderd.model.ids import OrderId
from traderd.model.orders import Side
from traderd.model.units import Count, Price


@attrs.define(eq=False)
class Resting:
    """One order in the queue of its price."""

    order_id: OrderId
    owner: str
    side: Side
    price: Price
    remaining: Count


@attrs.define(eq=False)
class _Level:
    # A dict keeps insertion order, so it is a FIFO queue with removal from the middle in O(1).
    queue: dict[OrderId, Resting] = attrs.field(factory=dict)
    total: int = 0


@attrs.define(eq=False)
class _Ladder:
    # Prices ascend on both sides; a grid has at most 9 999 of them and usually 99, so a sorted list
    # with bisection is quicker than a tree.
    levels: dict[Price, _Level] = attrs.field(factory=dict)
    prices: list[Price] = attrs.field(factory=list)

    def level_for(self, price: Price) -> _Level:
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = _Level()
            insort(self.prices, price)
        return level

    def drop(self, price: Price) -> None:
        del self.levels[price]
        del self.prices[bisect_left(self.prices, price)]


def crosses(side: Side, limit: Price, opposite: Price) -> bool:
    """Tell whether an order of `side` at `limit` would trade with one resting at `opposite`."""
    return limit >= opposite if side is Side.BID else limit <= opposite


@attrs.define(eq=False)
class MarketBook:
    """Every resting order of one market."""

    _bids: _Ladder = attrs.field(factory=_Ladder)
    _asks: _Ladder = attrs.field(factory=_Ladder)
    _orders: dict[OrderId, Resting] = attrs.field(factory=dict)

    def _ladder(self, side: Side) -> _Ladder:
        return self._bids if side is Side.BID else self._asks

    def add(self, order: Resting) -> None:
        """Put an order at the back of its price's queue.

        Raises:
            InvariantViolation: it would cross, has nothing to trade, or is there already.
        """
        best = self.best(order.side.opposite)
        if order.remaining <= 0 or order.order_id in self._orders:
            raise InvariantViolation(f"order {order.order_id} cannot rest: empty or already there")
        if best is not None and crosses(order.side, order.price, best):
            raise InvariantViolation(f"order {order.order_id} would leave the book crossed")
        level = self._ladder(order.side).level_for(order.price)
        level.queue[order.order_id] = order
        level.total += order.remaining
        self._orders[order.order_id] = order

    def grow_last(self, order: Resting, by: Count) -> None:
        """Make the last order of a queue larger: nobody is behind it, so priority stays right.

        Raises:
            InvariantViolation: somebody is behind it.
        """
        if by <= 0 or self.last_at(order.side, order.price) is not order:
            raise InvariantViolation(f"order {order.order_id} is not the last of its queue")
        order.remaining = Count(order.remaining + by)
        self._ladder(order.side).levels[order.price].total += by

    def reduce(self, order_id: OrderId, by: Count) -> Resting:
        """Take contracts off an order, which keeps its place, and remove it when nothing is left.

        Raises:
            InvariantViolation: no such order, or it has less than that.
        """
        order = self._orders.get(order_id)
        if order is None or not 0 < by <= order.remaining:
            raise InvariantViolation(f"order {order_id} cannot be reduced by {by}")
        ladder = self._ladder(order.side)
        level = ladder.levels[order.price]
        order.remaining = Count(order.remaining - by)
        level.total -= by
        if not order.remaining:
            del self._orders[order_id]
            del level.queue[order_id]
            if not level.queue:
                ladder.drop(order.price)
        return order

    def find(self, order_id: OrderId) -> Resting | None:
        """Return a resting order by its id."""
        return self._orders.get(order_id)

    def best(self, side: Side) -> Price | None:
        """Return the best price of a side: its highest bid or its lowest ask."""
        prices = self._ladder(side).prices
        if not prices:
            return None
        return prices[-1] if side is Side.BID else prices[0]

    def next_match(self, side: Side, limit: Price) -> Resting | None:
        """Return the resting order that an incoming one of `side` at `limit` trades with first."""
        best = self.best(side.opposite)
        if best is None or not crosses(side, limit, best):
            return None
        return next(iter(self._ladder(side.opposite).levels[best].queue.values()))

    def crossing_volume(self, side: Side, limit: Price) -> Count:
        """Return how many contracts an incoming order of `side` at `limit` could take."""
        total = 0
        for price, size in self.levels(side.opposite):
            if not crosses(side, limit, price):
                break
            total += size
        return Count(total)

    def levels(self, side: Side) -> Iterator[tuple[Price, Count]]:
        """Yield (price, size) of a side, best first."""
        ladder = self._ladder(side)
        for price in reversed(ladder.prices) if side is Side.BID else ladder.prices:
            yield price, Count(ladder.levels[price].total)

    def size_at(self, side: Side, price: Price) -> Count:
        """Return the size of one level, 0 if it is not there."""
        level = self._ladder(side).levels.get(price)
        return Count(level.total if level else 0)

    def last_at(self, side: Side, price: Price) -> Resting | None:
        """Return the order at the back of one queue."""
        level = self._ladder(side).levels.get(price)
        return next(reversed(level.queue.values())) if level else None

    def queue_at(self, side: Side, price: Price) -> tuple[Resting, ...]:
        """Return the orders of one level, first to trade first."""
        level = self._ladder(side).levels.get(price)
        return tuple(level.queue.values()) if level else ()

    def order_count(self) -> int:
        """Return how many orders rest."""
        return len(self._orders)

"""The order book of one market: price-time priority over integer prices.

Owns: the queues, the levels and which order is next to trade. Prices are YES prices on both sides.
Must not: know accounts, money or orders' lives.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

from traderd.errors import InvariantViolation
from traderd.model.ids import OrderId
from traderd.model.orders import Side
from traderd.model.units import Count, Price
from traderd.paper.venue.records import Resting


class _Level:
    __slots__ = ("queue", "total")

    def __init__(self) -> None:
        # A dict keeps insertion order, so it is a FIFO queue with removal from the middle in O(1).
        self.queue: dict[OrderId, Resting] = {}
        self.total = 0


class _Ladder:
    # Prices ascend on both sides; a grid has at most 9 999 of them and usually 99, so a sorted list
    # with bisection is quicker than a tree.
    __slots__ = ("levels", "prices")

    def __init__(self) -> None:
        self.levels: dict[Price, _Level] = {}
        self.prices: list[Price] = []


def crosses(side: Side, limit: Price, opposite: Price) -> bool:
    """Tell whether an order of `side` at `limit` would trade with one resting at `opposite`."""
    return limit >= opposite if side is Side.BID else limit <= opposite


class MarketBook:
    """Every resting order of one market; `find` and every queue give the venue's live records."""

    __slots__ = ("_asks", "_bids", "_orders")

    def __init__(self) -> None:
        """Start empty."""
        self._bids = _Ladder()
        self._asks = _Ladder()
        self._orders: dict[OrderId, Resting] = {}

    def _ladder(self, side: Side) -> _Ladder:
        return self._bids if side is Side.BID else self._asks

    def add(self, order: Resting) -> None:
        """Put an order at the back of its price's queue.

        Raises:
            InvariantViolation: it would cross, has nothing to trade, or is there already.
        """
        side, price, order_id = order.side, order.price, order.order_id
        best = self.best(side.opposite)
        if order.remaining_count <= 0 or order_id in self._orders:
            raise InvariantViolation(f"order {order_id} cannot rest: empty or already there")
        if best is not None and crosses(side, price, best):
            raise InvariantViolation(f"order {order_id} would leave the book crossed")
        ladder = self._bids if side is Side.BID else self._asks
        level = ladder.levels.get(price)
        if level is None:
            level = ladder.levels[price] = _Level()
            insort(ladder.prices, price)
        level.queue[order_id] = order
        level.total += order.remaining_count
        self._orders[order_id] = order

    def grow_last(self, order: Resting, by: Count) -> None:
        """Make the last order of a queue larger: nobody is behind it, so priority stays right.

        Raises:
            InvariantViolation: somebody is behind it.
        """
        if by <= 0 or self.last_at(order.side, order.price) is not order:
            raise InvariantViolation(f"order {order.order_id} is not the last of its queue")
        order.remaining_count = Count(order.remaining_count + by)
        self._ladder(order.side).levels[order.price].total += by

    def reduce(self, order_id: OrderId, by: Count) -> Resting:
        """Take contracts off an order, which keeps its place, and remove it when nothing is left.

        Raises:
            InvariantViolation: no such order, or it has less than that.
        """
        order = self._orders.get(order_id)
        if order is None or not 0 < by <= order.remaining_count:
            raise InvariantViolation(f"order {order_id} cannot be reduced by {by}")
        ladder = self._bids if order.side is Side.BID else self._asks
        price = order.price
        level = ladder.levels[price]
        remaining = order.remaining_count = Count(order.remaining_count - by)
        level.total -= by
        if not remaining:
            del self._orders[order_id]
            del level.queue[order_id]
            if not level.queue:
                del ladder.levels[price]
                del ladder.prices[bisect_left(ladder.prices, price)]
        return order

    def find(self, order_id: OrderId) -> Resting | None:
        """Return a resting order by its id."""
        return self._orders.get(order_id)

    def best(self, side: Side) -> Price | None:
        """Return the best price of a side: its highest bid or its lowest ask."""
        if side is Side.BID:
            return self._bids.prices[-1] if self._bids.prices else None
        return self._asks.prices[0] if self._asks.prices else None

    def touch(self, side: Side) -> tuple[Price, Count] | None:
        """Return the best level of a side, None when it is empty."""
        price = self.best(side)
        return None if price is None else (price, self.size_at(side, price))

    def next_match(self, side: Side, limit: Price) -> Resting | None:
        """Return the resting order that an incoming one of `side` at `limit` trades with first."""
        if side is Side.BID:
            if not self._asks.prices or limit < (best := self._asks.prices[0]):
                return None
            levels = self._asks.levels
        else:
            if not self._bids.prices or limit > (best := self._bids.prices[-1]):
                return None
            levels = self._bids.levels
        return next(iter(levels[best].queue.values()))

    def crossing_volume(self, side: Side, limit: Price, *, without: str | None = None) -> Count:
        """Return how many contracts an incoming order of `side` at `limit` could take, one account's apart."""
        total = 0
        for price, size in self.levels(side.opposite):
            if not crosses(side, limit, price):
                break
            total += size
            if without is not None:
                queue = self.queue_at(side.opposite, price)
                total -= sum(o.remaining_count for o in queue if o.account_id == without)
        return Count(total)

    def levels(self, side: Side) -> Iterator[tuple[Price, Count]]:
        """Yield (price, size) of a side, best first."""
        ladder = self._ladder(side)
        for price in reversed(ladder.prices) if side is Side.BID else ladder.prices:
            yield price, Count(ladder.levels[price].total)

    def level_count(self, side: Side) -> int:
        """Return how many prices of a side hold something."""
        return len(self._ladder(side).prices)

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

    def size_of(self, account_id: str, side: Side, price: Price) -> Count:
        """Return how much of one level is an account's, 0 if nothing is."""
        level = (self._bids if side is Side.BID else self._asks).levels.get(price)
        total = 0
        if level is not None:
            for resting in level.queue.values():
                if resting.account_id == account_id:
                    total += resting.remaining_count
        return Count(total)

    def orders(self) -> tuple[Resting, ...]:
        """Return everything that rests, in no promised order of priority."""
        return tuple(self._orders.values())

    def order_count(self) -> int:
        """Return how many orders rest."""
        return len(self._orders)

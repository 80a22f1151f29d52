"""The level book of one market, built from a snapshot and signed deltas.

Owns: price levels, both best prices, and whether they can be trusted. An unusable book keeps its last
known levels, but gives them only to who asks for them by name.
Must not: read a clock, log, or know about sequence numbers (see `sequence.py`).
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.model.events import BookDelta, BookFault, BookSnapshot, Levels
from traderd.model.ids import MarketTicker
from traderd.model.orders import Side
from traderd.model.units import NS_PER_S, Count, Price, Timestamp

CROSSED_GRACE_NS: Final = NS_PER_S
"""Bounds how long bid >= ask may last between two frames before the book is wrong."""


@attrs.frozen(kw_only=True)
class Top:
    """The best prices and their sizes; None where a side is empty."""

    bid: Price | None
    bid_count: Count
    ask: Price | None
    ask_count: Count

    @property
    def spread(self) -> Price | None:
        """Ask minus bid, None unless both sides exist."""
        return None if self.bid is None or self.ask is None else Price(self.ask - self.bid)


@attrs.define(eq=False)
class Book:
    """One market's levels in YES prices."""

    ticker: MarketTicker
    subscription: str = ""
    fault: BookFault | None = BookFault.MISSING_SNAPSHOT
    fault_detail: str = "no snapshot yet"
    updated_at: Timestamp | None = None
    """When the last frame for this book was observed."""
    exchange_at: Timestamp | None = None
    """The exchange's own time of the last delta, if it gave one."""
    crossed_since: Timestamp | None = None
    dropped_deltas: int = 0
    """Deltas that came while the book was unusable."""
    _bids: dict[Price, Count] = attrs.Factory(dict)
    _asks: dict[Price, Count] = attrs.Factory(dict)
    _best_bid: Price | None = None
    _best_ask: Price | None = None

    @property
    def usable(self) -> bool:
        """Tell whether the levels can be trusted: no fault, and not crossed."""
        return self.fault is None and self.crossed_since is None

    def replace(self, snapshot: BookSnapshot) -> BookFault | None:
        """Put a snapshot in place of everything known; returns CROSSED if it contradicts itself."""
        self._bids = dict(snapshot.bids)
        self._asks = dict(snapshot.asks)
        self._best_bid = max(self._bids, default=None)
        self._best_ask = min(self._asks, default=None)
        self.subscription = snapshot.subscription
        self.updated_at = snapshot.at
        self.exchange_at = None
        self.crossed_since = None
        if any(count <= 0 for _, count in (*snapshot.bids, *snapshot.asks)):
            return self._fail(BookFault.NEGATIVE_LEVEL, "the snapshot has a level without size")
        if self._is_crossed():
            return self._fail(BookFault.CROSSED, "the snapshot itself is crossed")
        self.fault, self.fault_detail = None, ""
        return None

    def apply(self, delta: BookDelta) -> BookFault | None:
        """Add one signed change to its level; returns the fault that it revealed, if any."""
        if self.fault is not None:
            self.dropped_deltas += 1
            return None
        levels = self._bids if delta.side is Side.BID else self._asks
        size = levels.get(delta.price, 0) + delta.change
        if size < 0:
            return self._fail(
                BookFault.NEGATIVE_LEVEL, f"level {delta.price} would hold {size} (1/100 contract)"
            )
        if size == 0:
            levels.pop(delta.price, None)
        else:
            levels[delta.price] = Count(size)
        self._move_best(delta.side, delta.price, gone=size == 0)
        self.updated_at = delta.at
        self.exchange_at = delta.exchange_at
        return self._check_crossing(delta.at)

    def invalidate(self, fault: BookFault, detail: str) -> bool:
        """Mark the book unusable; returns False when it already was."""
        if self.fault is not None:
            return False
        self._fail(fault, detail)
        return True

    def top(self) -> Top | None:
        """Return the best prices, or None when the book cannot be trusted now."""
        return self.last_known_top() if self.usable else None

    def last_known_top(self) -> Top:
        """Return the best prices as they were last seen, however old or doubtful."""
        bid, ask = self._best_bid, self._best_ask
        return Top(
            bid=bid,
            bid_count=Count(0) if bid is None else self._bids[bid],
            ask=ask,
            ask_count=Count(0) if ask is None else self._asks[ask],
        )

    def depth(self, side: Side, levels: int | None = None) -> Levels:
        """Return the last known levels of one side, best first, at most `levels` of them."""
        if side is Side.BID:
            ordered = sorted(self._bids.items(), reverse=True)
        else:
            ordered = sorted(self._asks.items())
        return tuple(ordered[:levels])

    def size_at(self, side: Side, price: Price) -> Count:
        """Return the last known size of one level, 0 if there is none."""
        return (self._bids if side is Side.BID else self._asks).get(price, Count(0))

    def _move_best(self, side: Side, price: Price, *, gone: bool) -> None:
        # Searching a side again (about 20 levels, at C speed) is needed only when its best went.
        if side is Side.BID:
            if gone:
                if price == self._best_bid:
                    self._best_bid = max(self._bids, default=None)
            elif self._best_bid is None or price > self._best_bid:
                self._best_bid = price
        elif gone:
            if price == self._best_ask:
                self._best_ask = min(self._asks, default=None)
        elif self._best_ask is None or price < self._best_ask:
            self._best_ask = price

    def _is_crossed(self) -> bool:
        bid, ask = self._best_bid, self._best_ask
        return bid is not None and ask is not None and bid >= ask

    def _check_crossing(self, at: Timestamp) -> BookFault | None:
        if not self._is_crossed():
            self.crossed_since = None
            return None
        if self.crossed_since is None:
            self.crossed_since = at
        elif at - self.crossed_since > CROSSED_GRACE_NS:
            return self._fail(BookFault.CROSSED, "bid at or above ask for over a second")
        return None

    def _fail(self, fault: BookFault, detail: str) -> BookFault:
        self.fault, self.fault_detail = fault, detail
        return fault

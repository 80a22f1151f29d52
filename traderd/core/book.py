"""The level book of one market, built from a snapshot and signed deltas.

Owns: price levels, both best prices, and whether they can be trusted. A book that cannot be trusted raises
BookUnavailable; its old levels are given only to who asks for them by name (`last_known_...`). What can be computed
from its answers is in `book_reads`.
Must not: read a clock, log, or know about sequence numbers (see `sequence.py`).
"""

from __future__ import annotations

from typing import Any, Final

import attrs
import msgspec

from traderd.errors import BookUnavailable
from traderd.model.events import BookDelta, BookFault, BookSnapshot, Levels
from traderd.model.ids import MarketTicker
from traderd.model.orders import Side
from traderd.model.units import NS_PER_S, Count, Price, Timestamp

BID: Final = Side.BID
CROSSED_GRACE_NS: Final = NS_PER_S
"""Bounds how long bid >= ask may last between two frames before the book is wrong."""
UNREADABLE_AFTER: Final = 2
"""So many unreadable frames in a row are no accident: the exchange has changed how it tells of this book."""


class Top(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The best prices and their sizes; None where a side is empty."""

    bid: Price | None
    bid_count: Count
    ask: Price | None
    ask_count: Count

    @property
    def spread(self) -> Price | None:
        """Ask minus bid, None unless both sides exist."""
        return None if self.bid is None or self.ask is None else Price(self.ask - self.bid)


NOTHING_KNOWN: Final = Top(bid=None, bid_count=Count(0), ask=None, ask_count=Count(0))
"""What a market without a single order shows, and what is known of a book that never came."""


@attrs.define(eq=False, weakref_slot=False)  # there may be ten thousand
class Book:
    """One market's levels in YES prices (1/10 000 $) and sizes (1/100 contract)."""

    ticker: MarketTicker
    subscription: str = ""
    fault: BookFault | None = BookFault.MISSING_SNAPSHOT
    fault_detail: str = "no snapshot yet"
    updated_at: Timestamp | None = None
    """When the last frame for this book was observed."""
    exchange_at: Timestamp | None = None
    """The exchange's own time of the last delta, if it gave one."""
    crossed_since: Timestamp | None = None
    crossings: int = 0
    """How often bid met ask, for however short a time."""
    dropped_deltas: int = 0
    """Deltas that came while the book was unusable."""
    snapshots: int = 0
    """How often the levels were replaced as a whole."""
    unread: int = 0
    """Frames of this book in a row that could not be read: snapshots between them do not count, a change does."""
    _marked_at: Timestamp | None = None
    """What `updated_at` was at the last snapshot or unreadable frame: a later one tells of a change that was read."""
    _packed_at: Timestamp | None = None
    """What `updated_at` was when its levels were packed."""
    _bids: dict[Price, Count] = attrs.Factory(dict)
    _asks: dict[Price, Count] = attrs.Factory(dict)
    _best_bid: Price | None = None
    _best_ask: Price | None = None

    @property
    def usable(self) -> bool:
        """Tell whether the levels can be trusted: no fault, and not crossed."""
        return self.fault is None and self.crossed_since is None

    @property
    def unusable_because(self) -> str:
        """Why the levels cannot be trusted now, in words; empty when they can."""
        if self.fault is not None:
            return self.fault_detail
        return "" if self.crossed_since is None else "bid at or above ask"

    # --- what arrives -----------------------------------------------------------------------------

    def replace(self, snapshot: BookSnapshot) -> BookFault | None:
        """Put a snapshot in place of everything known; returns the fault if it contradicts itself."""
        self._bids = dict(snapshot.bids)
        self._asks = dict(snapshot.asks)
        self._best_bid = max(self._bids, default=None)
        self._best_ask = min(self._asks, default=None)
        self.subscription = snapshot.subscription
        self.updated_at = self._marked_at = snapshot.at
        self.exchange_at = None
        self.crossed_since = None
        self.snapshots += 1
        if any(count <= 0 for _, count in (*snapshot.bids, *snapshot.asks)):
            return self._fail(BookFault.NEGATIVE_LEVEL, "the snapshot has a level without size")
        if len(self._bids) + len(self._asks) != len(snapshot.bids) + len(snapshot.asks):
            return self._fail(BookFault.DOUBLE_LEVEL, "the snapshot names one price twice")
        if self._is_crossed():
            self.crossings += 1
            return self._fail(BookFault.CROSSED, "the snapshot itself is crossed")
        self.fault, self.fault_detail = None, ""
        return None

    def apply(self, delta: BookDelta) -> BookFault | None:
        """Add one signed change to its level; returns the fault that it revealed, if any."""
        if self.fault is not None:
            self.dropped_deltas += 1
            if self.fault is BookFault.UNKNOWN_TYPE:
                self._keep_up(delta)
            return None
        price = delta.price
        size: Any  # a size plus a change is a size; to say so by calling Count would cost a quarter of all this
        if delta.side is BID:
            levels = self._bids
            size = levels.get(price, 0) + delta.change
            if size > 0:
                levels[price] = size
                if self._best_bid is None or price > self._best_bid:
                    self._best_bid = price
            elif size < 0:
                return self._fail_negative(price, size)
            else:
                levels.pop(price, None)
                # Searching a side again (about 20 levels, at C speed) is needed only when its best went.
                if price == self._best_bid:
                    self._best_bid = max(levels, default=None)
        else:
            levels = self._asks
            size = levels.get(price, 0) + delta.change
            if size > 0:
                levels[price] = size
                if self._best_ask is None or price < self._best_ask:
                    self._best_ask = price
            elif size < 0:
                return self._fail_negative(price, size)
            else:
                levels.pop(price, None)
                if price == self._best_ask:
                    self._best_ask = min(levels, default=None)
        self.updated_at = at = delta.at
        self.exchange_at = delta.exchange_at
        bid, ask = self._best_bid, self._best_ask
        if bid is None or ask is None or bid < ask:
            self.crossed_since = None
            return None
        return self.check_crossing(at)

    def check_crossing(self, now: Timestamp) -> BookFault | None:
        """Return CROSSED when bid and ask have met for longer than the grace; starts the grace if need be."""
        if self.fault is not None or not self._is_crossed():
            return None
        if self.crossed_since is None:
            self.crossings += 1
            self.crossed_since = now
        elif now < self.crossed_since:
            self.crossed_since = now  # the clock was set back
        elif now - self.crossed_since > CROSSED_GRACE_NS:
            return self._fail(BookFault.CROSSED, "bid at or above ask for over a second")
        return None

    @property
    def is_unreadable(self) -> bool:
        """Tell whether its frames could not be read twice in a row, so that its next change will probably be lost."""
        return self.unread >= UNREADABLE_AFTER and self.updated_at == self._marked_at

    def miss_frame(self, fault: BookFault, detail: str) -> bool:
        """Note a frame that could not be read: the book is unusable; returns False when it already was."""
        if self.updated_at != self._marked_at:
            self.unread, self._marked_at = 0, self.updated_at
        self.unread += 1
        return self.invalidate(fault, detail)

    def drop_delta(self) -> None:
        """Count a delta that was not applied, because the frames before it are missing."""
        self.dropped_deltas += 1

    def invalidate(self, fault: BookFault, detail: str) -> bool:
        """Mark the book unusable; returns False when it already was."""
        if self.fault is not None:
            return False
        self._fail(fault, detail)
        return True

    def pack(self, sizes: dict[Count, Count]) -> None:
        """Keep the levels in as little memory as a snapshot's, if something came since the last time.

        A dictionary holds the room of levels that are gone, and takes twice as much with the second new price; and each
        change makes a size a number of its own. Of ten thousand books that would be twenty megabytes.

        Args:
            sizes: the numbers that all books share; one that is missing is added.
        """
        if self._packed_at == self.updated_at:
            return
        self._packed_at, share = self.updated_at, sizes.setdefault
        self._bids = {price: share(size, size) for price, size in self._bids.items()}
        self._asks = {price: share(size, size) for price, size in self._asks.items()}

    # --- reads of a book that can be trusted ------------------------------------------------------

    def top(self) -> Top:
        """Return the best prices and their sizes.

        Raises:
            BookUnavailable: the book cannot be trusted now.
        """
        self._check()
        return self.last_known_top()

    def depth(self, side: Side, levels: int | None = None) -> Levels:
        """Return the levels of one side, best first, at most `levels` of them; raises BookUnavailable."""
        self._check()
        return self.last_known_depth(side, levels)

    def size_at(self, side: Side, price: Price) -> Count:
        """Return the size of one level, 0 if there is none; raises BookUnavailable."""
        self._check()
        return self.last_known_size_at(side, price)

    def levels(self, side: Side) -> dict[Price, Count]:
        """Return a copy of one side's levels, in no order; raises BookUnavailable."""
        self._check()
        return dict(self._bids if side is Side.BID else self._asks)

    # --- reads of whatever was known last ---------------------------------------------------------

    def last_known_top(self) -> Top:
        """Return the best prices as they were last seen, however old or doubtful."""
        bid, ask = self._best_bid, self._best_ask
        return Top(
            bid=bid,
            bid_count=Count(0) if bid is None else self._bids[bid],
            ask=ask,
            ask_count=Count(0) if ask is None else self._asks[ask],
        )

    def last_known_depth(self, side: Side, levels: int | None = None) -> Levels:
        """Return the levels of one side as they were last seen, best first, at most `levels` of them."""
        if side is Side.BID:
            ordered = sorted(self._bids.items(), reverse=True)
        else:
            ordered = sorted(self._asks.items())
        return tuple(ordered[:levels])

    def last_known_size_at(self, side: Side, price: Price) -> Count:
        """Return the size of one level as it was last seen, 0 if there was none."""
        return (self._bids if side is Side.BID else self._asks).get(price, Count(0))

    def _check(self) -> None:
        if self.fault is not None or self.crossed_since is not None:
            raise BookUnavailable(f"the book of {self.ticker}: {self.unusable_because}")

    def _is_crossed(self) -> bool:
        bid, ask = self._best_bid, self._best_ask
        return bid is not None and ask is not None and bid >= ask

    def _keep_up(self, delta: BookDelta) -> None:
        # No frame is missing, one was only not understood: if it changed nothing, the levels stay right.
        levels = self._bids if delta.side is BID else self._asks
        size = Count(levels.get(delta.price, 0) + delta.change)
        if size > 0:
            levels[delta.price] = size
        elif size < 0:
            self.fault = BookFault.UNREADABLE  # it was a change of this book
        else:
            levels.pop(delta.price, None)
        self._best_bid = max(self._bids, default=None)
        self._best_ask = min(self._asks, default=None)

    def _fail_negative(self, price: Price, size: int) -> BookFault:
        return self._fail(
            BookFault.NEGATIVE_LEVEL, f"level {price} would hold {size} (1/100 contract)"
        )

    def _fail(self, fault: BookFault, detail: str) -> BookFault:
        self.fault, self.fault_detail = fault, detail
        return fault

"""Which markets are followed: the choice among those that were found, and what was chosen so far.

Owns: the order of preference, and that a market with a position or an order never leaves. Preference, first to last:
held markets; more contracts traded in 24 hours, where those of a followed market count double, so that two markets
do not change places at every look; the earlier close; the ticker.
Must not: find markets or subscribe to them (services do).
"""

from __future__ import annotations

import sys
import zlib
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from traderd.model.ids import MarketTicker
from traderd.model.market import MarketListing, MarketStatus
from traderd.model.units import NS_PER_S, Count, Timestamp, show_count
from traderd.model.universe_events import (
    BooksAwaited,
    BooksReclaimed,
    BooksShed,
    Steps,
    UniverseChanged,
)

STAY_FACTOR: Final = 2
"""How much more a followed market's volume counts; a newcomer must be twice as busy to take its place."""
CHANGES_KEPT: Final = 100
"""Bounds the history of changes that screens show."""
MUTED_MAX: Final = 10_000
"""Bounds the markets whose late frames are ignored: many more than one acknowledgement can be about."""
TRADABLE: Final = (MarketStatus.ACTIVE,)
COMING: Final = (MarketStatus.INITIALIZED,)
ALIVE: Final = (MarketStatus.INITIALIZED, MarketStatus.ACTIVE, MarketStatus.INACTIVE)


@attrs.frozen(kw_only=True)
class Wanted:
    """What a market must be like to be followed; held markets need not be like it."""

    statuses: tuple[MarketStatus, ...]
    """In which a market is taken in. One that is followed stays while it is paused."""
    volume_min: Count = Count(0)
    """Contracts traded in 24 hours."""
    closes_in_min_ns: int = 0
    closes_in_max_ns: int | None = None
    """How far its close must and may lie ahead."""
    markets_max: int | None = None
    """The cap; None has none. Held markets count, and stay even beyond it."""

    def objection(self, listing: MarketListing, *, is_followed: bool, now: Timestamp) -> str | None:
        """Return why a market is not wanted, None if it is."""
        market = listing.market
        stays_paused = is_followed and market.status is MarketStatus.INACTIVE
        if market.status not in self.statuses and not stays_paused:
            return f"it is {market.status.value}"
        if listing.volume_24h < self.volume_min:
            traded, wanted = show_count(listing.volume_24h), show_count(self.volume_min)
            return f"{traded} contracts in 24 h are fewer than {wanted}"
        left_ns = market.close_time - now
        if left_ns < self.closes_in_min_ns and not is_followed:
            return f"it closes in {_seconds(left_ns)}, which is too soon"
        if self.closes_in_max_ns is not None and left_ns > self.closes_in_max_ns:
            return f"it closes in {_seconds(left_ns)}, which is too late"
        return None


def choose(
    found: Iterable[MarketListing],
    *,
    followed: Iterable[MarketTicker],
    held: Mapping[MarketTicker, str],
    wanted: Wanted,
    now: Timestamp,
) -> tuple[Steps, Steps]:
    """Return the markets to add and those to drop, each with its reason.

    Args:
        found: what the exchange lists, followed and held markets included as far as it knows them.
        followed: as it is now.
        held: markets that must stay, with the reason in words; those that were found are taken in, too.
        wanted: what the others must be like.
        now: by the exchange's clock.
    """
    listings = {listing.market.ticker: listing for listing in found}
    present = dict.fromkeys(followed)
    objections: dict[MarketTicker, str] = {}
    fitting: list[MarketListing] = []
    for ticker, listing in listings.items():
        objection = wanted.objection(listing, is_followed=ticker in present, now=now)
        if ticker in held:
            continue
        if objection is None:
            fitting.append(listing)
        else:
            objections[ticker] = objection
    fitting.sort(key=lambda listing: _rank(listing, is_followed=listing.market.ticker in present))
    stay = [ticker for ticker in held if ticker in listings or ticker in present]
    room = len(fitting)
    if wanted.markets_max is not None:
        room = max(0, wanted.markets_max - len(stay))
    chosen = {ticker: held[ticker] for ticker in stay}
    for listing in fitting[:room]:
        chosen[listing.market.ticker] = _traded(listing)
    for listing in fitting[room:]:
        objections[listing.market.ticker] = (
            f"{wanted.markets_max} markets are preferred to it ({_traded(listing)})"
        )
    added = tuple((ticker, reason) for ticker, reason in chosen.items() if ticker not in present)
    dropped = tuple(
        (ticker, objections.get(ticker, "the exchange does not list it any more"))
        for ticker in present
        if ticker not in chosen
    )
    return added, dropped


def slot_of(ticker: MarketTicker, slots: int) -> int:
    """Return which of `slots` connections carries a market: by its name alone, whatever else is followed."""
    return zlib.crc32(ticker.encode()) % slots


def _rank(listing: MarketListing, *, is_followed: bool) -> tuple[int, Timestamp, MarketTicker]:
    volume = listing.volume_24h * (STAY_FACTOR if is_followed else 1)
    return -volume, listing.market.close_time, listing.market.ticker


def _traded(listing: MarketListing) -> str:
    # One text for all markets of a volume: ten thousand that nobody trades have one reason.
    return sys.intern(f"{show_count(listing.volume_24h)} contracts in 24 h")


def _seconds(duration_ns: int) -> str:
    return f"{duration_ns // NS_PER_S} s"


@attrs.frozen(kw_only=True)
class Change:
    """One market came or went."""

    at: Timestamp
    ticker: MarketTicker
    is_followed: bool
    reason: str


@attrs.define(eq=False)
class Universe:
    """The markets that are followed, and those whose frames do not count now."""

    followed: dict[MarketTicker, str] = attrs.Factory(dict)
    """In the order in which they came, with the reason."""
    shed: dict[MarketTicker, str] = attrs.Factory(dict)
    """Followed markets whose books were given up under load, with the reason."""
    changes: deque[Change] = attrs.Factory(lambda: deque(maxlen=CHANGES_KEPT))
    """The last changes, oldest first."""
    _muted: dict[MarketTicker, None] = attrs.Factory(dict)

    def is_muted(self, ticker: MarketTicker) -> bool:
        """Tell whether frames of this market come late: its book was given up, and the exchange may not know yet."""
        return ticker in self._muted

    def wants_book(self, ticker: MarketTicker) -> bool:
        """Tell whether a market's book is kept: it is followed, and its book was not given up."""
        return ticker in self.followed and ticker not in self.shed

    def left_because(self, ticker: MarketTicker) -> str | None:
        """Return why a market is not followed any more, None when it is or when that is not known (any more)."""
        if ticker in self.followed:
            return None
        told = (change.reason for change in reversed(self.changes) if change.ticker == ticker)
        return next(told, None)

    def change(self, event: UniverseChanged) -> None:
        """Take a change over."""
        for ticker, reason in event.dropped:
            self.followed.pop(ticker, None)
            self.shed.pop(ticker, None)
            self._mute(ticker)
            self._note(event.at, ticker, reason, is_followed=False)
        for ticker, reason in event.added:
            self.followed[ticker] = reason
            self._note(event.at, ticker, reason, is_followed=True)

    def shed_books(self, event: BooksShed) -> None:
        """Note which books were given up."""
        for ticker in event.tickers:
            if ticker in self.followed:
                self.shed[ticker] = event.reason
                self._mute(ticker)

    def reclaim_books(self, event: BooksReclaimed) -> None:
        """Note which books are wanted again; their frames count once they were asked for."""
        for ticker in event.tickers:
            self.shed.pop(ticker, None)

    def await_books(self, event: BooksAwaited) -> None:
        """Let frames of these markets count again."""
        for ticker in event.tickers:
            self._muted.pop(ticker, None)

    def _mute(self, ticker: MarketTicker) -> None:
        self._muted[ticker] = None
        if len(self._muted) > MUTED_MAX:
            del self._muted[next(iter(self._muted))]

    def _note(self, at: Timestamp, ticker: MarketTicker, reason: str, *, is_followed: bool) -> None:
        self.changes.append(Change(at=at, ticker=ticker, is_followed=is_followed, reason=reason))

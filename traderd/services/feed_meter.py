"""What the market data feed brings: bytes and frames over all its connections, rates, and how late the loop runs.

Owns: the totals of connections that ended, and one look a second for the last minute, from which rates are told.
Must not: count what the engine counts (it reads that), or decide anything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import pairwise
from typing import Final

import attrs

from traderd.core.lag_window import NO_LAGS, Lags, with_lag
from traderd.core.market_data import MarketData
from traderd.core.shedding import Load
from traderd.kalshi.feed import FeedStatistics

HISTORY: Final = 60
"""Bounds the looks that are kept: a minute of them."""
RATE_S: Final = 10.0
"""Over how long a rate is told: calm enough to read, quick enough to see a stop."""
RATE_MIN_S: Final = 0.5
"""Less time than this says nothing about a rate."""


@attrs.frozen(kw_only=True)
class FeedCounts:
    """What the feed had brought at one moment; only ever grows."""

    deltas: int
    snapshots: int
    trades: int
    frames: int
    bytes: int
    overflows: int
    """Subscriptions that the exchange ended because we read too slowly."""


@attrs.define(eq=False)
class FeedMeter:
    """The meter of one run of the daemon; it outlives restarts of the market data stage."""

    _standing: Callable[[], list[FeedStatistics]] = list
    _frames_ended: int = 0
    _bytes_ended: int = 0
    _overflows_ended: int = 0
    _looks: deque[tuple[float, FeedCounts]] = attrs.Factory(lambda: deque(maxlen=HISTORY + 1))
    loop_lags: Lags = NO_LAGS
    """How late the loop ran at each look, in ns."""
    own_lag_ns: int | None = None
    """At the last look; None before the first of a run of the stage."""

    # --- for the market data stage ----------------------------------------------------------------

    def attach(self, standing: Callable[[], list[FeedStatistics]]) -> None:
        """Read the connections that stand from this, from now on."""
        self._standing, self.own_lag_ns = standing, None

    def ended(self, statistics: FeedStatistics) -> None:
        """Take over what a connection had brought when it ended."""
        self._frames_ended += statistics.frames
        self._bytes_ended += statistics.bytes
        self._overflows_ended += statistics.overflows

    def look(self, at_s: float, data: MarketData, load: Load) -> None:
        """Note the counts of now, on a clock that only runs forward, and the load; to be called once a second."""
        self.loop_lags = with_lag(self.loop_lags, load.delay_ns, at_most=HISTORY)
        self.own_lag_ns = load.own_lag_ns
        self._looks.append((at_s, self.counts(data)))

    # --- for who wants to know --------------------------------------------------------------------

    def connections(self) -> list[FeedStatistics]:
        """Return the counters of each connection that stands."""
        return self._standing()

    def counts(self, data: MarketData) -> FeedCounts:
        """Return what was brought so far."""
        standing = self._standing()
        return FeedCounts(
            deltas=data.deltas_received,
            snapshots=data.snapshots_received,
            trades=data.trades_seen,
            frames=self._frames_ended + sum(each.frames for each in standing),
            bytes=self._bytes_ended + sum(each.bytes for each in standing),
            overflows=self._overflows_ended + sum(each.overflows for each in standing),
        )

    def rates(self, at_s: float, data: MarketData) -> dict[str, float | None]:
        """Return how much of each count came in a second, over the last RATE_S; None when nobody looked lately."""
        now = attrs.asdict(self.counts(data))
        since = next((look for look in self._looks if at_s - look[0] <= RATE_S), None)
        if since is None or at_s - since[0] < RATE_MIN_S:
            return dict.fromkeys(now)
        before, taken_s = attrs.asdict(since[1]), at_s - since[0]
        return {name: round((now[name] - before[name]) / taken_s, 1) for name in now}

    def delta_rates(self) -> list[float]:
        """Return the deltas a second between the looks of the last minute, oldest first."""
        return [
            round((later.deltas - earlier.deltas) / (later_s - earlier_s), 1)
            for (earlier_s, earlier), (later_s, later) in pairwise(self._looks)
            if later_s > earlier_s
        ]

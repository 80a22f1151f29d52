"""How often something happened lately: messages to the exchange, and executions of a strategy.

Owns: pure sliding windows over the moments that events carry. A moment that lies further ahead than a window was stamped
by a clock that has been set back since, and does not count.
Must not: read a clock, or know the limits.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import attrs

from traderd.model.ids import MarketTicker
from traderd.model.units import NS_PER_S, Timestamp

SECOND_NS: Final = NS_PER_S
MOMENTS_KEPT_MAX: Final = 10_000
"""Bounds the moments of one window; more than any limit that may be set."""
KEYS_KEPT_MAX: Final = 2_000
"""Bounds the markets whose windows are kept; those that were quiet for longest are given up."""


@attrs.define(eq=False)
class SlidingWindow:
    """The moments of the last `length_ns`."""

    length_ns: int
    _moments: deque[Timestamp] = attrs.Factory(lambda: deque(maxlen=MOMENTS_KEPT_MAX))

    def note(self, at: Timestamp) -> None:
        """Note that it happened."""
        self._moments.append(at)
        while self._moments and not self._counts(self._moments[0], at):
            self._moments.popleft()

    def count(self, now: Timestamp, length_ns: int | None = None) -> int:
        """Return how often it happened within the window, or within a shorter one."""
        return sum(self._counts(at, now, length_ns) for at in self._moments)

    def wait_ns(self, now: Timestamp) -> int:
        """Return how long until the oldest moment leaves the window; 0 when it is empty."""
        inside = [min(at, now) for at in self._moments if self._counts(at, now)]
        return min(inside) + self.length_ns - now if inside else 0

    def clear(self) -> None:
        """Forget all of them."""
        self._moments.clear()

    def _counts(self, at: Timestamp, now: Timestamp, length_ns: int | None = None) -> bool:
        length = length_ns or self.length_ns
        return now - length < at <= now + length


@attrs.define(eq=False)
class MessageThrottle:
    """Creates and amends within the last second, of the account and of each market."""

    account: SlidingWindow = attrs.Factory(lambda: SlidingWindow(SECOND_NS))
    _markets: dict[MarketTicker, SlidingWindow] = attrs.Factory(dict)

    def note(self, ticker: MarketTicker, at: Timestamp) -> None:
        """Note a message about a market."""
        self.account.note(at)
        window = self._markets.pop(ticker, None) or SlidingWindow(SECOND_NS)
        window.note(at)
        self._markets[ticker] = window
        if len(self._markets) > KEYS_KEPT_MAX:
            del self._markets[next(iter(self._markets))]

    def count(self, ticker: MarketTicker, now: Timestamp) -> tuple[int, int]:
        """Return how many messages the account and this market had."""
        here = self._markets.get(ticker)
        return self.account.count(now), 0 if here is None else here.count(now)

    def wait_ns(self, ticker: MarketTicker, now: Timestamp) -> int:
        """Return how long until both have room for one more, if both are full."""
        here = self._markets.get(ticker)
        return max(self.account.wait_ns(now), 0 if here is None else here.wait_ns(now))


QUARTER_MINUTE_NS: Final = 15 * NS_PER_S
"""Kalshi: the window of an order group, which is the second lock on the same door."""
MINUTE_NS: Final = 60 * NS_PER_S


@attrs.define(eq=False)
class Executions:
    """Fills of each strategy within the last minute."""

    _strategies: dict[str, SlidingWindow] = attrs.Factory(dict)

    def note(self, strategy: str, at: Timestamp) -> None:
        """Note a fill."""
        self._strategies.setdefault(strategy, SlidingWindow(MINUTE_NS)).note(at)

    def counts(self, strategy: str, now: Timestamp) -> tuple[int, int]:
        """Return the fills within 15 seconds and within a minute."""
        window = self._strategies.get(strategy)
        if window is None:
            return 0, 0
        return window.count(now, QUARTER_MINUTE_NS), window.count(now)

    def forgive(self, strategy: str) -> None:
        """Begin to count anew: a person has looked at what happened."""
        self._strategies.pop(strategy, None)

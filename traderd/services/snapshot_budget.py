"""How many snapshots a minute a subscription may ask for.

Owns: a bucket that fills up evenly, and its size.
Must not: know which books are in doubt, or wait.
"""

from __future__ import annotations

from typing import Final

import attrs

ROUNDS_PER_MINUTE: Final = 6
"""The budget: how often a minute every book of the subscription may be renewed. A line that breaks more often than every
ten seconds is not made better by more snapshots."""
SNAPSHOTS_PER_MINUTE_MIN: Final = 60
"""The budget of a subscription with few markets."""
BUDGET_WAIT_MIN_S: Final = 0.05
"""Bounds the wait for the budget from below: a moment too short for a float to add anything would last for ever."""


@attrs.define(eq=False)
class SnapshotBudget:
    """A bucket of snapshots that fills up evenly, up to a minute's worth.

    Times are Trio's, in seconds.
    """

    at: float
    """When it was filled up to `left`."""
    left: float

    @staticmethod
    def per_minute(markets: int) -> int:
        """Return how many snapshots a minute a subscription with so many markets may ask for."""
        return max(SNAPSHOTS_PER_MINUTE_MIN, ROUNDS_PER_MINUTE * markets)

    def take(self, wanted: int, markets: int, now: float, *, at_least: int = 1) -> int:
        """Take up to `wanted` snapshots out and return how many: none at all when there are fewer than `at_least`."""
        rate = self.per_minute(markets)
        self.left = min(rate, self.left + (now - self.at) * rate / 60)
        self.at = now
        taken = min(wanted, int(self.left))
        if taken < at_least:
            return 0
        self.left -= taken
        return taken

    def wait_s(self, wanted: int, markets: int) -> float:
        """Return the time until so many are there, after a `take`; never so little that nothing could be added."""
        missing = max(0.0, wanted - self.left)
        return max(BUDGET_WAIT_MIN_S, missing * 60 / self.per_minute(markets))

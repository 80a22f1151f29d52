"""How long a strategy's callbacks take, and how many commands it sends: the two budgets of a tenant.

Owns: the samples, the windows, and when a budget is overdrawn.
Must not: read a clock; every time is handed in.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import attrs

SAMPLES_KEPT: Final = 512
"""Bounds the callbacks from which p50 and p99 are told."""
SLOW_WINDOW_S: Final = 60.0
"""For how long a callback over its budget counts; within it is told once."""
SLOW_MAX: Final = 5
"""So many within the window are no accident (a collection of garbage, a busy machine): the strategy is quarantined."""
COMMAND_WINDOW_S: Final = 1.0


@attrs.define(eq=False)
class CallbackTimes:
    """Durations of one strategy's callbacks, in seconds."""

    budget_s: float
    callbacks: int = 0
    over_budget: int = 0
    longest_s: float = 0.0
    _samples: deque[float] = attrs.Factory(lambda: deque(maxlen=SAMPLES_KEPT))
    _slow: deque[float] = attrs.Factory(lambda: deque(maxlen=SLOW_MAX))
    _told_at: float | None = None

    def note(self, duration_s: float, now: float) -> bool:
        """Count one callback that ended at `now`; returns whether its slowness is to be told."""
        self.callbacks += 1
        self._samples.append(duration_s)
        self.longest_s = max(self.longest_s, duration_s)
        if duration_s <= self.budget_s:
            return False
        self.over_budget += 1
        self._slow.append(now)
        if self._told_at is not None and now - self._told_at < SLOW_WINDOW_S:
            return False
        self._told_at = now
        return True

    def is_overdrawn(self, now: float) -> bool:
        """Tell whether SLOW_MAX callbacks were too slow within the window."""
        return len(self._slow) == SLOW_MAX and now - self._slow[0] < SLOW_WINDOW_S

    def quantile(self, share: float) -> float:
        """Return the duration that so large a share of the last callbacks did not exceed; 0 before the first."""
        if not self._samples:
            return 0.0
        ordered = sorted(self._samples)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

    def forgive(self) -> None:
        """Begin anew after a release: what was slow before does not count any more."""
        self._slow.clear()
        self._told_at = None


@attrs.define(eq=False)
class CommandBudget:
    """How many commands with new risk a strategy may send in any second."""

    per_s: int
    sent: int = 0
    _times: deque[float] = attrs.Factory(deque)

    def take(self, wanted: int, now: float) -> int:
        """Return how many of `wanted` commands may go now, and count them."""
        while self._times and now - self._times[0] >= COMMAND_WINDOW_S:
            self._times.popleft()
        granted = min(wanted, max(0, self.per_s - len(self._times)))
        self._times.extend([now] * granted)
        self.sent += granted
        return granted

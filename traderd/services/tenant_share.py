"""How much of the loop each strategy takes, and at which pace it is looked at.

Owns: the sliding window of each, the fair part where all together take too much, and the table of when a strategy is
slowed down and when it is let go again.
Must not: read a clock (every time is handed in, in seconds), or tell anybody (`actor_pace` does).
"""

from __future__ import annotations

import enum
import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from traderd.model.ids import StrategyName

WINDOW_S: Final = 5.0
"""Over so long a share is meant: what a strategy takes at once when it first sees all markets is no habit."""
SLICE_S: Final = 0.25
"""The window moves by steps of this size."""
ALL_PERCENT: Final = 60
"""Of the loop, for all strategies together: books, orders and people need the rest, and a machine has busy neighbours."""
EASY_FOR_S: Final = 30.0
"""So long nothing of a slowed strategy may have had to wait before it has its full pace again: else it would swing."""
BURST_S: Final = 0.5
"""A slowed strategy saves up the allowance of at most so much time."""
SPARE_S: Final = 0.25
"""Beyond the allowance of so much time it has some to spare. Looks get their turn more often, so what comes all the time, as
trades do, gets only what they leave; else they would never find any."""


class Pace(enum.Enum):
    """How often a strategy is looked at."""

    FULL = "full"
    """As things happen."""
    SLOWED = "slowed"
    """As far as its share goes, one market after the other."""


class Pressure(enum.Enum):
    """What its share says of a strategy."""

    OVER = "over"
    """It took more than its share of the window."""
    FITTING = "fitting"
    EASY = "easy"
    """Nothing of it has had to wait for long."""


PACES: Final = {
    (Pace.FULL, Pressure.OVER): Pace.SLOWED,
    (Pace.SLOWED, Pressure.EASY): Pace.FULL,
}
"""What follows on what; anything else leaves the pace as it is."""


@attrs.define(eq=False)
class LoopShare:
    """The time that one strategy's looks take, observations and callbacks together."""

    percent: int
    """Of the loop, at most."""
    pace: Pace = Pace.FULL
    rate: float = 1.0
    """The part of the loop that it may take now: its share, or the fair part where that is less."""
    _slices: deque[tuple[int, float]] = attrs.Factory(
        lambda: deque(maxlen=round(WINDOW_S / SLICE_S))
    )
    _allowance_s: float = 0.0
    _filled_at: float = 0.0
    _waited_at: float = -math.inf
    """When something of it last had to wait, or when it was slowed."""

    def charge(self, seconds: float, now: float) -> None:
        """Count a look that ended at `now`."""
        number = int(now / SLICE_S)
        if self._slices and self._slices[-1][0] == number:
            seconds_before = self._slices.pop()[1]
            self._slices.append((number, seconds_before + seconds))
        else:
            self._slices.append((number, seconds))
        self._fill(now)
        self._allowance_s -= seconds

    def used(self, now: float) -> float:
        """Return which part of the window before `now` it took."""
        oldest = int((now - WINDOW_S) / SLICE_S)
        return sum(seconds for number, seconds in self._slices if number > oldest) / WINDOW_S

    def may_run(self, now: float, *, to_spare: bool = False) -> bool:
        """Tell whether it may be asked now, or asked out of what it has `to_spare`; one that may not has to wait, and that is remembered."""
        if self.pace is Pace.FULL:
            return True
        self._fill(now)
        if self._allowance_s > (self.rate * SPARE_S if to_spare else 0.0):
            return True
        self._waited_at = now
        return False

    def _fill(self, now: float) -> None:
        saved = self._allowance_s + self.rate * (now - self._filled_at)
        self._allowance_s, self._filled_at = min(saved, self.rate * BURST_S), now

    def pressure(self, now: float) -> Pressure:
        """Return what the window says."""
        if self.pace is Pace.FULL:
            return Pressure.OVER if self.used(now) > self.rate else Pressure.FITTING
        return Pressure.EASY if now - self._waited_at >= EASY_FOR_S else Pressure.FITTING

    def step(self, pace: Pace, now: float) -> None:
        """Take another pace."""
        self.pace = pace
        self._allowance_s, self._filled_at, self._waited_at = 0.0, now, now


def judge_shares(shares: Mapping[StrategyName, LoopShare], now: float) -> list[StrategyName]:
    """Give each strategy the rate that it may have now, and return those whose pace changed by that."""
    most = fair_part(
        # What a slowed one would take is not known; it may want all that it can get.
        (one.percent / 100 if one.pace is Pace.SLOWED else min(one.used(now), one.percent / 100))
        for one in shares.values()
    )
    changed = []
    for name, share in shares.items():
        share.rate = min(share.percent / 100, most)
        pace = PACES.get((share.pace, share.pressure(now)))
        if pace is not None:
            share.step(pace, now)
            changed.append(name)
    return changed


def fair_part(wanted: Iterable[float], whole: float = ALL_PERCENT / 100) -> float:
    """Return the most that any may have so that all together have no more than `whole`; who wants less leaves the rest to others."""
    rising = sorted(wanted)
    left = whole
    for number, part in enumerate(rising):
        equal = left / (len(rising) - number)
        if part > equal:
            return equal
        left -= part
    return math.inf

"""The outside world with a wall clock that never goes back.

Owns: the daemon's own time. Events are stamped with it and ages are differences of stamps, so while the daemon runs it must
not fall: a machine's clock that is set back is followed at its pace from where the daemon's time was. A clock that is set
forward is followed at once, because a machine that slept looks the same: what was fresh is old then, which is the safe side,
and connections that bring books are made anew (`services/book_repair.py`).
How far this time is from the exchange's is measured all the while (`kalshi/clock.py`). Log lines alone show the machine's
clock, as those of every other program do.
Must not: change durations; Trio's clock is never wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from traderd.runtime.env import Env
from traderd.runtime.forwarding_env import ForwardingEnv

_NS_PER_S: Final = 1_000_000_000
STEP_NS: Final = _NS_PER_S
"""How much the wall clock and the clock for durations must disagree between two looks to call it a step: clocks that
are being disciplined drift by a thousandth of that, and a task may be held up between its two looks."""


class SteadyClock:
    """Turns readings of the two clocks into a time that never falls."""

    def __init__(self) -> None:
        self._last: tuple[int, int] | None = None
        self._told = 0
        self.ahead_ns: int = 0
        """By how much this time is ahead of the wall clock."""
        self.stepped_ns: int = 0
        """By how much the wall clock jumped before the last reading; below 0 back, 0 when it did not."""

    def read(self, wall_ns: int, monotonic_ns: int) -> int:
        """Return the time of this reading; durations between two are never shorter than they were, but for small steps."""
        wall_before, monotonic_before = self._last or (wall_ns, monotonic_ns)
        self._last = (wall_ns, monotonic_ns)
        jump = (wall_ns - wall_before) - (monotonic_ns - monotonic_before)
        self.stepped_ns = jump if abs(jump) > STEP_NS else 0
        self.ahead_ns -= min(0, self.stepped_ns)
        self._told = max(self._told, wall_ns + self.ahead_ns)
        return self._told


def step_sentence(stepped_ns: int) -> str:
    """Say what a step of the machine's clock means for who reads times."""
    seconds = abs(stepped_ns) / _NS_PER_S
    if stepped_ns < 0:
        return (
            f"the machine's clock was set back by {seconds:.1f} s; the daemon's own time goes on, so the times that "
            "it shows are ahead by that much until it is started again"
        )
    return f"the machine slept, or its clock was set forward, for {seconds:.1f} s: what was read before that counts as old"


class SteadyEnv(ForwardingEnv):
    """Another Env, whose wall clock never goes back."""

    def __init__(self, env: Env, *, warn: Callable[[str], object]) -> None:
        """`warn` gets a sentence for every step of the wall clock."""
        super().__init__(env)
        self._clock = SteadyClock()
        self._warn = warn

    def wall_ns(self) -> int:
        """Return the daemon's own time."""
        now_ns = self._clock.read(self._env.wall_ns(), round(self._env.monotonic() * _NS_PER_S))
        if stepped_ns := self._clock.stepped_ns:
            self._warn(step_sentence(stepped_ns))
        return now_ns

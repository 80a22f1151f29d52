"""The outside world with a wall clock that can be wrong on purpose.

Owns: the offset of the exchange's clock. Everything else is handed on.
Must not: change durations; Trio's clock is never wrong.
"""

from __future__ import annotations

from collections.abc import Callable

from traderd.runtime.env import Env
from traderd.runtime.forwarding_env import ForwardingEnv


class ShiftedEnv(ForwardingEnv):
    """Another Env, `offset_ns()` ahead of it; below 0 is behind."""

    def __init__(self, env: Env, offset_ns: Callable[[], int]) -> None:
        super().__init__(env)
        self._offset_ns = offset_ns

    def wall_ns(self) -> int:
        """Return the wrong time."""
        return self._env.wall_ns() + self._offset_ns()

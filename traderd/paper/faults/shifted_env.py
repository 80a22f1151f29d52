"""The outside world with a wall clock that can be wrong on purpose.

Owns: the offset of the exchange's clock. Everything else is handed on.
Must not: change durations; Trio's clock is never wrong.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from typing import TypeVar, TypeVarTuple

import trio

from traderd.runtime.env import Env

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class ShiftedEnv(Env):
    """Another Env, `offset_ns()` ahead of it; below 0 is behind."""

    def __init__(self, env: Env, offset_ns: Callable[[], int]) -> None:
        self.rng = env.rng
        self.variables = env.variables
        self._env = env
        self._offset_ns = offset_ns

    def wall_ns(self) -> int:
        """Return the wrong time."""
        return self._env.wall_ns() + self._offset_ns()

    def monotonic(self) -> float:
        """Return the right clock for durations."""
        return self._env.monotonic()

    def new_id(self) -> str:
        """Return a fresh UUID text."""
        return self._env.new_id()

    async def connect(self, host: str, port: int, *, tls: bool) -> trio.abc.Stream:
        """Open a byte stream, as the other does."""
        return await self._env.connect(host, port, tls=tls)

    async def listen(self, host: str, port: int) -> tuple[trio.abc.Listener[trio.abc.Stream], int]:
        """Bind a port, as the other does."""
        return await self._env.listen(host, port)

    async def run_blocking(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """Run a short blocking call, as the other does."""
        return await self._env.run_blocking(function, *args)

    def signals(self, *numbers: int) -> AbstractContextManager[AsyncIterator[int]]:
        """Receive signals, as the other does."""
        return self._env.signals(*numbers)

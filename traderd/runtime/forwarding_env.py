"""An outside world that hands everything on to another.

Owns: the handing on, for those who change one thing of it.
Must not: change anything itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar, TypeVarTuple

import trio

from traderd.runtime.datagrams import Datagrams
from traderd.runtime.env import Env, Look
from traderd.runtime.machine import MachineReading

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class ForwardingEnv(Env):
    """Another Env as it is."""

    def __init__(self, env: Env) -> None:
        self.rng = env.rng
        self.variables = env.variables
        self._env = env

    def wall_ns(self) -> int:
        """Return the other's wall clock."""
        return self._env.wall_ns()

    def monotonic(self) -> float:
        """Return the other's clock for durations."""
        return self._env.monotonic()

    def machine_us(self) -> int:
        """Return the other's time since the machine started."""
        return self._env.machine_us()

    def new_id(self) -> str:
        """Return a fresh UUID text."""
        return self._env.new_id()

    async def connect(self, host: str, port: int, *, tls: bool) -> trio.abc.Stream:
        """Open a byte stream, as the other does."""
        return await self._env.connect(host, port, tls=tls)

    async def listen(self, host: str, port: int) -> tuple[trio.abc.Listener[trio.abc.Stream], int]:
        """Bind a port, as the other does."""
        return await self._env.listen(host, port)

    def datagrams(self, address: str) -> Datagrams:
        """Open a sender of datagrams, as the other does."""
        return self._env.datagrams(address)

    async def run_blocking(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """Run a short blocking call, as the other does."""
        return await self._env.run_blocking(function, *args)

    async def read_machine(self, directory: Path) -> MachineReading:
        """Return what is left of the machine, as the other does."""
        return await self._env.read_machine(directory)

    def settle_memory(self, *, anew: bool = False) -> None:
        """Keep the garbage collector off what stays, as the other does."""
        self._env.settle_memory(anew=anew)

    def watch_beside(self, look: Look, *, every_s: float) -> AbstractContextManager[bool]:
        """Look from beside the loop, as the other does."""
        return self._env.watch_beside(look, every_s=every_s)

    def signals(self, *numbers: int) -> AbstractContextManager[AsyncIterator[int]]:
        """Receive signals, as the other does."""
        return self._env.signals(*numbers)

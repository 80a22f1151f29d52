"""The outside world of a simulation: virtual time, seeded chance, in-memory streams.

Owns: `SimEnv`, and the one helper that makes Trio's scheduling repeatable. The same seed gives the same
trace at every task step, over processes and hash seeds.
Must not: be used by the running daemon.
"""

from __future__ import annotations

import random
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar, TypeVarTuple

import trio
import trio._core._run as trio_run
import trio.testing

from traderd.runtime.datagrams import Datagrams
from traderd.runtime.env import CONNECT_DEADLINE_S, Env, no_answer
from traderd.runtime.machine import MachineReading

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

SIMULATED_START_NS: Final = 1_795_000_000_000_000_000
"""Where the virtual wall clock starts: 2026-11-18T12:26:40Z, a Wednesday clear of maintenance windows."""
STORE_DELAY_S: Final = 0.000_2
"""What a blocking call costs in virtual time: about one fsync on a good disk."""
FIRST_FREE_PORT: Final = 40_000
BACKLOG: Final = 128
"""Bounds the clients that wait for `accept`: the usual backlog of a TCP listener."""
SIGNALS_WAITING_MAX: Final = 16
"""Bounds signals that wait to be looked at: more than a test has reason to raise."""
ROOMY: Final = MachineReading(
    disk_free=100_000_000_000, memory_used=100_000_000, memory_max=1_000_000_000
)
"""A machine that has enough of everything."""
DATAGRAMS_KEPT: Final = 10_000
"""Bounds what a simulated service of the machine keeps: more than a test has reason to send."""
DATAGRAM_BYTES_MAX: Final = 212_992
"""Bounds one datagram, as a Linux machine's default does (net.core.wmem_default)."""
SCHEDULING_FLAG: Final = "_ALLOW_DETERMINISTIC_SCHEDULING"
"""Private to Trio, like the generator `_r`; a test asserts that both exist and matter."""


def _refused() -> ConnectionRefusedError:
    return ConnectionRefusedError(111, "Connection refused")


class MemoryNetwork:
    """Listeners by port; connecting to nobody is refused, as on a real machine."""

    def __init__(self) -> None:
        self._listeners: dict[int, MemoryListener] = {}
        self._next_port = FIRST_FREE_PORT

    def listen(self, port: int) -> MemoryListener:
        """Bind a port, 0 takes the next free one; raises OSError when it is taken."""
        if port == 0:
            while self._next_port in self._listeners:
                self._next_port += 1
            port = self._next_port
            self._next_port += 1
        if port in self._listeners:
            raise OSError(98, "Address already in use")
        listener = self._listeners[port] = MemoryListener(self, port)
        return listener

    async def connect(self, port: int) -> trio.abc.Stream:
        """Open a stream to whoever listens on the port; raises OSError when nobody does."""
        listener = self._listeners.get(port)
        if listener is None:
            await trio.lowlevel.checkpoint()
            raise _refused()
        ours, theirs = trio.testing.memory_stream_pair()
        await listener.arrive(theirs)
        return ours

    def forget(self, port: int) -> None:
        """Free a port."""
        self._listeners.pop(port, None)


class MemoryListener(trio.abc.Listener[trio.abc.Stream]):
    """The accepting end of one in-memory port."""

    def __init__(self, network: MemoryNetwork, port: int) -> None:
        self.port = port
        self._network = network
        self._send, self._receive = trio.open_memory_channel[trio.abc.Stream](BACKLOG)

    async def arrive(self, stream: trio.abc.Stream) -> None:
        """Put a new client into the backlog; raises OSError when the port closes meanwhile."""
        try:
            await self._send.send(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise _refused() from None

    async def accept(self) -> trio.abc.Stream:
        """Wait for the next client; raises trio.ClosedResourceError when the port is closed."""
        try:
            return await self._receive.receive()
        except trio.EndOfChannel:
            raise trio.ClosedResourceError from None

    async def aclose(self) -> None:
        """Free the port and turn waiting clients away, as the kernel resets them."""
        self._network.forget(self.port)
        waiting: list[trio.abc.Stream] = []
        # First, so that clients in front of a full backlog are refused and not let in.
        self._send.close()
        with self._receive:
            while True:
                try:
                    waiting.append(self._receive.receive_nowait())
                except (trio.EndOfChannel, trio.ClosedResourceError):
                    break
        for stream in waiting:
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(stream)
        await trio.lowlevel.checkpoint()


class MemoryDatagrams(Datagrams):
    """A service of the simulated machine that keeps what it is sent."""

    def __init__(self) -> None:
        self.received: deque[tuple[float, bytes]] = deque(maxlen=DATAGRAMS_KEPT)
        """With the virtual time of each."""
        self.failure: OSError | None = None
        """What senders meet instead, when set."""
        self.bytes_max = DATAGRAM_BYTES_MAX

    def send(self, data: bytes) -> None:
        """Keep a datagram."""
        if len(data) > self.bytes_max:
            raise OSError(90, "Message too long")
        self.send_file(data)

    def send_file(self, data: bytes) -> None:
        """Keep a datagram of any size."""
        if self.failure is not None:
            raise self.failure
        self.received.append((trio.current_time(), data))


class SimEnv(Env):
    """An `Env` in which nothing comes from outside but a seed."""

    def __init__(
        self,
        *,
        seed: int,
        variables: Mapping[str, str] | None = None,
        network: MemoryNetwork | None = None,
    ) -> None:
        self.rng = random.Random(seed)
        self.variables = dict(variables or {})
        self.network = network or MemoryNetwork()
        self.machine = ROOMY
        self.machine_services: dict[str, MemoryDatagrams] = {}
        """Who listens for datagrams, by address."""
        self._signals: trio.MemorySendChannel[int] | None = None
        self._watched: tuple[int, ...] = ()

    def wall_ns(self) -> int:
        """Return the virtual wall clock: it runs with Trio's."""
        return SIMULATED_START_NS + round(trio.current_time() * 1e9)

    def new_id(self) -> str:
        """Return a UUID drawn from the seed."""
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    async def connect(self, host: str, port: int, *, tls: bool) -> trio.abc.Stream:
        """Open an in-memory stream; the host does not matter and there is nothing to encrypt."""
        try:
            with trio.fail_after(CONNECT_DEADLINE_S):
                return await self.network.connect(port)
        except trio.TooSlowError:
            raise no_answer(host, port) from None

    async def listen(self, host: str, port: int) -> tuple[trio.abc.Listener[trio.abc.Stream], int]:
        """Bind an in-memory port."""
        await trio.lowlevel.checkpoint()
        listener = self.network.listen(port)
        return listener, listener.port

    def datagrams(self, address: str) -> Datagrams:
        """Return the service that a test has put at this address."""
        if address not in self.machine_services:
            raise FileNotFoundError(2, "No such file or directory", address)
        return self.machine_services[address]

    async def run_blocking(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """Call inline, then let virtual time pass: a real thread would end at a random step."""
        # As with a real thread: a caller that is cancelled already never starts it.
        await trio.lowlevel.checkpoint_if_cancelled()
        try:
            return function(*args)
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(STORE_DELAY_S)

    async def read_machine(self, directory: Path) -> MachineReading:
        """Return what `machine` says: a simulation has no disk that fills and no memory of its own."""
        return self.machine

    def signals(self, *numbers: int) -> AbstractContextManager[AsyncIterator[int]]:
        """Receive what `raise_signal` sends."""
        return self._open_signals(numbers)

    def raise_signal(self, number: int) -> None:
        """Deliver a signal to the daemon under test; raises RuntimeError when it would kill it."""
        if self._signals is None or number not in self._watched:
            raise RuntimeError(f"nobody watches signal {number}")
        self._signals.send_nowait(number)

    @contextmanager
    def _open_signals(self, numbers: tuple[int, ...]) -> Iterator[AsyncIterator[int]]:
        send, receive = trio.open_memory_channel[int](SIGNALS_WAITING_MAX)
        self._signals, self._watched = send, numbers
        try:
            with send, receive:
                yield receive
        finally:
            self._signals, self._watched = None, ()


def run_simulated(main: Callable[..., Awaitable[T]], *args: Any, seed: int) -> T:
    """Run `main(*args)` under a virtual clock with repeatable scheduling, and return its result.

    Trio shuffles the tasks that are ready in one pass. Two private names decide how: the flag sorts each
    batch first, the generator shuffles it. Both are put back afterwards.
    """
    names = vars(trio_run)
    flag, state = names[SCHEDULING_FLAG], trio_run._r.getstate()
    names[SCHEDULING_FLAG] = True
    trio_run._r.seed(seed)
    try:
        return trio.run(main, *args, clock=trio.testing.MockClock(autojump_threshold=0))
    finally:
        names[SCHEDULING_FLAG] = flag
        trio_run._r.setstate(state)

"""Everything that comes from outside, in one object: time, chance, names, bytes, threads, signals.

Owns: the only calls of `time`, `random`, `secrets`, `uuid`, `socket`, threads and environment variables in
the package (a test walks the syntax trees and refuses them elsewhere). `RealEnv` is the machine;
`simulation.SimEnv` is a virtual clock, seeded chance and in-memory streams with the same doors.
Must not: know what any of it is used for.
"""

from __future__ import annotations

import abc
import gc
import linecache
import os
import random
import signal
import ssl
import sys
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TypeAlias, TypeVar, TypeVarTuple

import attrs
import trio

from traderd.runtime.c_memory import return_large_blocks, trim
from traderd.runtime.datagrams import Datagrams, UnixDatagrams
from traderd.runtime.draining_tls import drain_records
from traderd.runtime.machine import MachineReading, read_machine
from traderd.runtime.prompt_stream import PromptStream
from traderd.runtime.raw_reads import RawReads

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

CONNECT_DEADLINE_S = 10.0
"""Bounds one TCP and TLS handshake: a SYN that nobody answers must not hold a stage."""

GC_THRESHOLDS = (10_000, 10, 100)
"""Rarer than Python's own 700: frames make no cycles, and what lives on is frozen."""


@attrs.frozen
class Frame:
    """One call that is under way in a thread."""

    file: str
    line: int
    function: str


Look: TypeAlias = Callable[[float, Callable[[], list[Frame]]], None]
"""Gets the time in seconds, on a clock of its own, and a way to see what the loop's thread is at."""


def no_answer(host: str, port: int) -> trio.TooSlowError:
    """Return the error of a connection that was not made within the deadline, with its address."""
    return trio.TooSlowError(f"{host}:{port} did not answer within {CONNECT_DEADLINE_S:g} s")


class Env(abc.ABC):
    """The doors to the outside world."""

    rng: random.Random
    """Seeded chance for jitter and order flow; never for keys."""
    variables: Mapping[str, str]
    """The environment variables as they were at start."""

    @abc.abstractmethod
    def wall_ns(self) -> int:
        """Return nanoseconds since the Unix epoch; may step, so never use it for durations."""

    def monotonic(self) -> float:
        """Return Trio's clock in seconds: for durations only."""
        return trio.current_time()

    def machine_us(self) -> int:
        """Return the microseconds since the machine started, by the clock that its other programs share."""
        return round(self.monotonic() * 1e6)

    @abc.abstractmethod
    def new_id(self) -> str:
        """Return a fresh UUID text."""

    @abc.abstractmethod
    async def connect(self, host: str, port: int, *, tls: bool) -> trio.abc.Stream:
        """Open a byte stream; raises OSError or trio.TooSlowError.  Cancelling is safe."""

    @abc.abstractmethod
    async def listen(self, host: str, port: int) -> tuple[trio.abc.Listener[trio.abc.Stream], int]:
        """Bind `port` (0 takes a free one) and return the listener and its port; raises OSError."""

    def datagrams(self, address: str) -> Datagrams:
        """Open a sender of datagrams to one of the machine's services; raises OSError when it is not there."""
        raise FileNotFoundError(2, "No such file or directory", address)

    @abc.abstractmethod
    async def run_blocking(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """Run a short blocking call off the loop.  Cancelling waits for it: it is never abandoned."""

    async def read_machine(self, directory: Path) -> MachineReading:
        """Return the memory of this process and the room where `directory` is.  Cancelling waits for it."""
        return await self.run_blocking(read_machine, directory)

    def settle_memory(self, *, anew: bool = False) -> None:  # noqa: B027
        """Be told that much was made just now that will stay; there is nothing to do where time is virtual.

        `anew`: and that some of what was there the last time has gone.
        """

    def watch_beside(self, look: Look, *, every_s: float) -> AbstractContextManager[bool]:
        """Call `look` again and again from beside the loop, while the context is open; gives False where nobody does: in virtual time."""
        return nullcontext(False)

    @abc.abstractmethod
    def signals(self, *numbers: int) -> AbstractContextManager[AsyncIterator[int]]:
        """Receive these signals for as long as the context is open."""


def _first_leaf(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _first_leaf(first) if isinstance(first, BaseExceptionGroup) else first


async def secure(
    stream: trio.abc.Stream, context: ssl.SSLContext, host: str
) -> trio.SSLStream[RawReads]:
    """Return a TLS client over a stream, with its handshake done and its reads watched; a failing one closes it."""
    drain_records(context)
    tls = trio.SSLStream(RawReads(stream), context, server_hostname=host, https_compatible=True)
    try:
        await tls.do_handshake()
    except BaseException:
        await trio.aclose_forcefully(tls)
        raise
    return tls


def _frames_of(thread: int) -> list[Frame]:
    """Return what a thread is at, innermost last; empty when it is gone."""
    frame, found = sys._current_frames().get(thread), []
    while frame is not None:
        found.append(Frame(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_qualname))
        frame = frame.f_back
    return found[::-1]


class RealEnv(Env):
    """The machine that the process runs on."""

    def __init__(self, *, seed: int | None = None) -> None:
        self.rng = random.Random(seed)
        self.variables = dict(os.environ)
        self._tls: ssl.SSLContext | None = None

    def wall_ns(self) -> int:
        """Return the machine's wall clock."""
        return time.time_ns()

    def machine_us(self) -> int:
        """Return CLOCK_MONOTONIC; Trio's clock counts from a point of its own."""
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000

    def new_id(self) -> str:
        """Return a random UUID."""
        return str(uuid.uuid4())

    async def connect(self, host: str, port: int, *, tls: bool) -> trio.abc.Stream:
        """Open a TCP stream, with TLS and the system's certificate authorities when asked for."""
        try:
            with trio.fail_after(CONNECT_DEADLINE_S):
                return await self._connect(host, port, tls=tls)
        except trio.TooSlowError:
            raise no_answer(host, port) from None
        except OSError as exc:
            # Trio tries every address of a name and reports a group; the first one says why.
            if isinstance(exc.__cause__, BaseExceptionGroup):
                raise _first_leaf(exc.__cause__) from exc
            raise

    async def _connect(self, host: str, port: int, *, tls: bool) -> trio.abc.Stream:
        tcp = await trio.open_tcp_stream(host, port)
        tcp.setsockopt(trio.socket.IPPROTO_TCP, trio.socket.TCP_NODELAY, 1)
        stream = PromptStream(tcp)
        if not tls:
            return stream
        # Building the context reads the CA bundle (30 ms), so once and only when needed.
        self._tls = self._tls or ssl.create_default_context()
        return await secure(stream, self._tls, host)

    async def listen(self, host: str, port: int) -> tuple[trio.abc.Listener[trio.abc.Stream], int]:
        """Bind one TCP port of one address: the first, when the host's name has several."""
        listener, *others = await trio.open_tcp_listeners(port, host=host)
        for other in others:
            # Bound and never accepted from, it would let clients wait for ever.
            other.socket.close()
        return listener, listener.socket.getsockname()[1]

    def datagrams(self, address: str) -> Datagrams:
        """Open a Unix socket."""
        return UnixDatagrams(address)

    async def run_blocking(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """Run it in a worker thread; a store write must never be abandoned half way."""
        return await trio.to_thread.run_sync(function, *args)

    def settle_memory(self, *, anew: bool = False) -> None:
        """Keep the garbage collector off what is there now, so that its pauses stay short whatever is kept, and give back what is free.

        A pause itself, but a short one: it looks only at what was made since the last call (10,000 books: 2 ms). `anew`, it
        looks at everything (20 ms): what was kept off and died since, in circles like those of a lost connection, would
        stay for ever.
        """
        if anew:
            gc.unfreeze()
        # attrs keeps the text of every method that it writes, a megabyte, so that a traceback could show its line.
        linecache.clearcache()
        # What finds modules keeps the names of all files of every folder where it ever looked.
        sys.path_importer_cache.clear()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        return_large_blocks()
        trim()

    @contextmanager
    def watch_beside(self, look: Look, *, every_s: float) -> Iterator[bool]:
        """Look from a thread, which ends with the context; it sees the frames of the thread that opened it."""
        ended, loop = threading.Event(), threading.get_ident()

        def looking() -> None:
            while not ended.wait(every_s):
                look(time.monotonic(), lambda: _frames_of(loop))

        watcher = threading.Thread(target=looking, name="traderd watch", daemon=True)
        watcher.start()
        try:
            yield True
        finally:
            ended.set()
            # It looks for microseconds, and never for anything that the loop holds.
            watcher.join(every_s)

    def signals(self, *numbers: int) -> AbstractContextManager[AsyncIterator[int]]:
        """Receive POSIX signals."""
        return trio.open_signal_receiver(*(signal.Signals(number) for number in numbers))

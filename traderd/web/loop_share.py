"""The share of the event loop that clients on the network may take, so that no number of them slows trading down.

Owns: how long their tasks held the loop, and who has to wait for it.
Must not: know requests, or hold up what does not come from them.

Trading and the console share one loop, and its rounds are as long as the steps of all who want something. So each step of a task
that works for a client of the TCP port is timed, and paid out of one purse that all of them share: it fills by SHARE of the
time and holds BURST_S. While it is empty, whatever clients send next waits. The purse of somebody who looks at the console is
never empty: opening a page takes a small part of what it holds.

Whose turn it is next is decided as in weighted fair queueing (Demers, Keshav and Shenker, 1989): each connection has a tag that
grows by what it took, nobody starts behind what each has had by now, and who would be done first comes first. So whoever comes
now and then waits for one request of those who flood, not for one of each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

import attrs
import trio

SHARE: Final = 0.2
"""Of the loop's time. What one loop has to spare: trading is slowed by a quarter at most."""

BURST_S: Final = 0.5
"""Bounds what can be taken at once after a quiet while; some times what a page with all its files takes."""

DEBT_MAX_S: Final = 0.5
"""Bounds what is paid back: after one very long step, on a machine that stood still, nobody waits for longer than 2.5 s."""

SETTLING_S: Final = 5.0
"""How long a console on the live stream is paid for: until it has the present. What it is sent later has bounds of its own."""

REFILL_S: Final = 0.001
"""How much longer than to nothing a purse is filled: a wait for nothing at all would spin."""


@attrs.define(eq=False)
class Meter:
    """What the steps of some tasks are counted on."""

    until: float = math.inf
    """They are paid for until then, by Trio's clock."""
    tag: float = 0.0


METER: Final[ContextVar[Meter | None]] = ContextVar("traderd.web.meter", default=None)
"""Of the task that runs; tasks that it starts inherit it."""


@attrs.define(eq=False)
class _Waiter:
    tag: float
    done: float
    """What the tag will be, if it takes what it took the last time."""
    number: int
    called: trio.Event = attrs.Factory(trio.Event)


class ClientsShare(trio.abc.Instrument):
    """One purse, for all connections of one listener; an instrument of Trio, which tells it of each step in `timing`."""

    def __init__(self) -> None:
        self._purse_s = BURST_S
        self._counted_at = trio.current_time()
        self._timing = 0
        self._step: tuple[Meter, float] | None = None
        self._virtual_s = 0.0
        """What somebody would have had who always wanted something."""
        self._waiters: list[_Waiter] = []
        self._numbers = 0
        self._wanted = trio.Event()

    @contextmanager
    def timing(self) -> Iterator[None]:
        """Time steps while at least one such block runs: that costs each step of the whole daemon half a microsecond."""
        if self._timing == 0:
            trio.lowlevel.add_instrument(self)
        self._timing += 1
        try:
            yield
        finally:
            self._timing -= 1
            if self._timing == 0:
                trio.lowlevel.remove_instrument(self)

    def begin(self, meter: Meter) -> None:
        """Have the current task timed from now on, and those that it will start."""
        METER.set(meter)
        self._step = (meter, trio.current_time())

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Note when a step begins that is to be paid."""
        meter = task.context.get(METER)
        if meter is None:
            self._step = None
            return
        now = trio.current_time()
        self._step = (meter, now) if now < meter.until else None

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """Take what the step cost out of the purse."""
        if self._step is not None:
            meter, began = self._step
            now = trio.current_time()
            took_s = now - began
            meter.tag += took_s
            self._virtual_s += took_s / (len(self._waiters) + 1)
            self._purse_s = max(self._filled(now) - took_s, -DEBT_MAX_S)
            self._counted_at = now

    async def turn(self, tag: float = 0.0, expected_s: float = 0.0) -> float:
        """Wait for a turn that may take so long, and return the tag to go on from. Cancelling is safe."""
        tag = max(tag, self._virtual_s)
        if not self._waiters and self._filled(trio.current_time()) > 0:
            return tag
        waiter = _Waiter(tag, tag + expected_s, self._numbers)
        self._numbers += 1
        self._waiters.append(waiter)
        self._wanted.set()
        try:
            await waiter.called.wait()
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
        return tag

    async def run(self) -> None:
        """Give turns for ever, one at a time. Cancelling is safe, but leaves who waits waiting."""
        while True:
            await self._wanted.wait()
            purse_s = self._filled(trio.current_time())
            if purse_s <= 0:
                await trio.sleep(REFILL_S - purse_s / SHARE)
                continue
            if not self._waiters:
                self._wanted = trio.Event()
                continue
            waiter = min(self._waiters, key=lambda each: (each.done, each.number))
            self._waiters.remove(waiter)
            self._virtual_s = max(self._virtual_s, waiter.tag)
            waiter.called.set()
            # In one pass of the loop the order is random: after two its first step is paid.
            await trio.lowlevel.checkpoint()
            await trio.lowlevel.checkpoint()

    def _filled(self, now: float) -> float:
        return min(self._purse_s + (now - self._counted_at) * SHARE, BURST_S)


class Pace:
    """What one connection has to do with the share."""

    def __init__(self, share: ClientsShare) -> None:
        self._share = share
        self._is_operator = False
        self._meter = Meter()
        self._turn_tag = 0.0
        self._waiting = trio.CancelScope()

    def begin(self) -> None:
        """Have the current task timed from now on, and those that it will start."""
        self._share.begin(self._meter)

    def serve(self, *, is_operator: bool) -> None:
        """Note who asks now: an operator neither pays nor waits, until the connection brings somebody else's request."""
        self._is_operator = is_operator
        self._meter.until = -math.inf if is_operator else math.inf
        if is_operator:
            self._waiting.cancel(reason="an operator asks")

    async def turn(self) -> None:
        """Wait for a turn, unless an operator asked last. Cancelling is safe."""
        if not self._is_operator:
            tag = self._meter.tag
            with trio.CancelScope() as self._waiting:
                self._turn_tag = await self._share.turn(tag, tag - self._turn_tag)
                self._meter.tag = self._turn_tag


def settle() -> None:
    """Have the current task, and those that it will start, timed for `SETTLING_S` more, if it is timed."""
    meter, now = METER.get(), trio.current_time()
    if meter is not None and meter.until > now:
        METER.set(Meter(until=now + SETTLING_S))

"""Services whose life a test directs, a supervisor over some, and a listener that writes down what it is told.

Owns: nothing of the runtime; it is what stands on both sides of it in its tests.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio

from traderd.runtime.service import Service
from traderd.runtime.simulation import SimEnv
from traderd.runtime.supervisor import Stage, Supervisor

CLEANUP_MAX_S = 60.0
"""Bounds the end of a stubborn service: far beyond every budget."""
DEADLINE_S = 30.0
"""The deadline of every stage of a house."""
STAGES = ("feed", "client", "sync")

Step = Callable[[], Awaitable[None]]


class HighestRandom(random.Random):
    """Always draws the limit, so that a jittered delay is a known number."""

    def uniform(self, a: float, b: float) -> float:
        return b


def known_delays() -> SimEnv:
    """Return a simulated outside in which every back-off waits its full length."""
    env = SimEnv(seed=1)
    env.rng = HighestRandom()
    return env


def raises(error: BaseException) -> Step:
    """Return a step that fails."""

    async def step() -> None:
        raise error

    return step


def pauses(seconds: float) -> Step:
    """Return a step that takes so long."""

    async def step() -> None:
        await trio.sleep(seconds)

    return step


def stubborn(seconds: float) -> Step:
    """Return a step that no cancellation ends for so long."""

    async def step() -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(seconds)

    return step


class Directed:
    """A service: each start takes the next of `plan` before it is ready, then it runs until told."""

    def __init__(self, name: str, diary: list[str], *plan: Step) -> None:
        self.name, self.plan = name, list(plan)
        self.starts = self.alive = 0
        self.cleanup: Step | None = None
        self._diary = diary
        self._told = trio.Event()
        self._error: BaseException | None = None

    def service(self, **options: Any) -> Service:
        return Service(name=self.name, run=self.run, **options)

    def fail(self, error: BaseException) -> None:
        self._error = error
        self._told.set()

    def end(self) -> None:
        self._told.set()

    async def run(self, context: Any, *, task_status: trio.TaskStatus[None]) -> None:
        self.starts += 1
        self.alive += 1
        self._told, self._error = trio.Event(), None
        self._diary.append(f"{self.name} begins")
        try:
            if self.plan:
                await self.plan.pop(0)()
            task_status.started()
            await self._told.wait()
            if self._error is not None:
                raise self._error
        finally:
            self._diary.append(f"{self.name} ends")
            try:
                if self.cleanup is not None:
                    with trio.move_on_after(CLEANUP_MAX_S, shield=True):
                        await self.cleanup()
            finally:
                self.alive -= 1


class Listener:
    """Writes down every word of the supervisor, in order, with the virtual time."""

    def __init__(self) -> None:
        self.diary: list[str] = []
        self.times: list[float] = []
        self.lost: list[tuple[str, str]] = []
        self._news = trio.Event()

    def service_changed(self, name: str, status: str, detail: str) -> None:
        self._note(f"{name} is {status}" + (f": {detail}" if detail else ""))

    def service_lost(self, service: Service, error: str) -> None:
        self.lost.append((service.name, error))
        self._note(f"{service.name} is lost")

    def entering(self, stage: str) -> None:
        self._note(f"-> {stage}")

    def failed(self, stage: str, error: str, attempt: int, retry_in_s: float) -> None:
        self._note(f"-> error {attempt} of {stage}, again in {retry_in_s:g} s: {error}")

    def arrived(self) -> None:
        self._note("-> ready")

    def stopping(self, reason: str) -> None:
        self._note(f"-> shutdown: {reason}")

    def states(self) -> list[str]:
        """Return what became a state: the way of the daemon, without the services."""
        return [line for line in self.diary if line.startswith("->")]

    def time_of(self, line: str) -> float:
        """Return when a line was told for the last time."""
        return max(at for at, told in zip(self.times, self.diary, strict=True) if told == line)

    async def wait_for(self, line: str, times: int = 1) -> None:
        """Wait until a line was told so many times."""
        with trio.fail_after(10_000):
            while self.diary.count(line) < times:
                self._news = trio.Event()
                await self._news.wait()

    def _note(self, line: str) -> None:
        self.diary.append(line)
        self.times.append(trio.current_time())
        self._news.set()


class House:
    """A supervisor over directed services and stages: feed, client, and sync, which needs the client."""

    def __init__(self, needs: dict[str, tuple[str, ...]] | None = None) -> None:
        self.listener = Listener()
        self.diary: list[str] = []
        """What the parts and their drains did, in order."""
        self.drains: dict[str, Callable[[Any], Awaitable[None]]] = {}
        self.needs = {"sync": ("client",)} if needs is None else needs
        names = ("store", "orders", *STAGES)
        self.parts = {name: Directed(name, self.diary) for name in names}
        self.store, self.orders, self.feed, self.client, self.sync = self.parts.values()
        self.supervisor: Supervisor

    def build(self) -> Supervisor:
        self.supervisor = Supervisor(
            env=known_delays(),
            services=[self._service("store"), self._service("orders")],
            stages=[
                Stage(
                    service=self._service(name),
                    deadline_s=DEADLINE_S,
                    needs=self.needs.get(name, ()),
                )
                for name in STAGES
            ],
            contexts=dict.fromkeys(self.parts, self.diary),
            listener=self.listener,
        )
        return self.supervisor

    def starts(self) -> tuple[int, ...]:
        """Return how often each stage was started."""
        return tuple(self.parts[name].starts for name in STAGES)

    def _service(self, name: str) -> Service:
        return self.parts[name].service(drain=self.drains.get(name))


def drains(name: str, *steps: Step) -> Callable[[Any], Awaitable[None]]:
    """Return a drain that writes itself down and then takes its steps."""

    async def drain(context: list[str]) -> None:
        context.append(f"{name} drains")
        for step in steps:
            await step()

    return drain


def tasks_now() -> int:
    """Return how many tasks exist below the root: a leak would show."""
    root = trio.lowlevel.current_root_task()
    assert root is not None
    waiting, count = [root], 0
    while waiting:
        task = waiting.pop()
        count += 1
        waiting += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    return count


@asynccontextmanager
async def running(house: House) -> AsyncIterator[Listener]:
    """Run a house until the block ends, stop it in order, and check that nothing is left of it.

    Errors arrive in groups.
    """
    before = tasks_now()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.build().run)
        yield house.listener
        house.supervisor.stop("the test is done")
    assert tasks_now() == before
    assert [part.alive for part in house.parts.values()] == [0] * len(house.parts)

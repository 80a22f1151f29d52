"""The climb: stages one after the other, recovery from the one that failed, ordered stop.

Owns: when each stage starts, what is cancelled when one fails, and how long is waited before climbing again.
A stage is a service that runs in its own cancel scope until something breaks. The daemon never restarts
its process to recover.
Must not: know what the stages are; the listener translates every step into a state with metadata.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

import attrs
import trio

from traderd.errors import describe_error
from traderd.runtime.env import Env
from traderd.runtime.retry import Backoff
from traderd.runtime.service import (
    STOP_BUDGET_S,
    Service,
    ServiceHost,
    ServiceListener,
)

CLIMB_FIRST_S: Final = 0.5
CLIMB_CAP_S: Final = 60.0
"""Bounds the wait before climbing again: an exchange that is back must not wait longer for us."""
SERVICE_START_DEADLINE_S: Final = 30.0
"""Bounds the start of one service: one that never gets ready is a failure with a name."""
DRAIN_BUDGET_S: Final = 3.0
"""Bounds the drains together, so that a stop ends within 5 s."""


@attrs.frozen(kw_only=True)
class Stage:
    """One step of the way up."""

    service: Service
    deadline_s: float
    """How long the stage may take to be ready."""
    needs: tuple[str, ...] = ()
    """Stages whose failure takes this one down too."""

    @property
    def name(self) -> str:
        """The stage's name is its service's."""
        return self.service.name


class SupervisorListener(ServiceListener, Protocol):
    """Turns the supervisor's steps into states."""

    def entering(self, stage: str) -> None:
        """Hear that a stage's work begins."""

    def failed(self, stage: str, error: str, attempt: int, retry_in_s: float) -> None:
        """Hear that a stage failed and when the climb goes on."""

    def arrived(self) -> None:
        """Hear that every stage stands."""

    def stopping(self, reason: str) -> None:
        """Hear that the stop begins."""


@attrs.frozen
class _Failure:
    stage: Stage
    error: str


@attrs.define(eq=False)
class _RunningStage:
    """The task of one stage."""

    stage: Stage
    scope: trio.CancelScope = attrs.Factory(trio.CancelScope)
    ended: trio.Event = attrs.Factory(trio.Event)


class Supervisor:
    """Starts services, climbs the stages, recovers, and stops everything in reverse order."""

    def __init__(
        self,
        *,
        env: Env,
        services: list[Service],
        stages: list[Stage],
        contexts: dict[str, Any],
        listener: SupervisorListener,
    ) -> None:
        """`services` are in start order; `contexts` holds each service's context by its name."""
        self._env, self._listener, self._stages = env, listener, stages
        self._contexts = contexts
        self._hosts = [
            ServiceHost(service, contexts[service.name], env=env, listener=listener)
            for service in services
        ]
        self._running: dict[str, _RunningStage] = {}
        self._failures_in, self._failures_out = trio.open_memory_channel[_Failure](len(stages) + 1)
        self._stop = trio.Event()
        self._stop_reason = ""

    def stop(self, reason: str) -> None:
        """Begin the ordered stop; `run` returns when it is done."""
        if not self._stop.is_set():
            self._stop_reason = reason
            self._stop.set()

    async def run(self) -> None:
        """Run until `stop`.  Cancelling skips the drains and ends everything at once."""
        async with trio.open_nursery() as nursery:
            for host in self._hosts:
                with trio.fail_after(SERVICE_START_DEADLINE_S):
                    await nursery.start(host.run)
            async with trio.open_nursery() as climbing:
                climbing.start_soon(self._climb_for_ever, nursery)
                await self._stop.wait()
                climbing.cancel_scope.cancel(reason=self._stop_reason)
            await self._stop_in_order()
            nursery.cancel_scope.cancel(reason=self._stop_reason)

    async def _climb_for_ever(self, nursery: trio.Nursery) -> None:
        backoff = Backoff(first_s=CLIMB_FIRST_S, cap_s=CLIMB_CAP_S, rng=self._env.rng)
        attempt = 0
        while True:
            failure = await self._climb(nursery)
            if failure is None:
                self._listener.arrived()
                attempt = 0
                backoff.reset()
                failure = await self._failures_out.receive()
            attempt += 1
            await self._take_down(failure.stage)
            delay_s = backoff.next_delay()
            self._listener.failed(failure.stage.name, failure.error, attempt, delay_s)
            await trio.sleep(delay_s)

    async def _climb(self, nursery: trio.Nursery) -> _Failure | None:
        for stage in self._stages:
            if stage.name in self._running:
                continue
            self._listener.entering(stage.name)
            failure = await self._start_stage(nursery, stage)
            if failure is not None:
                return failure
        try:
            # A lower stage may have failed while a higher one was starting.
            return self._failures_out.receive_nowait()
        except trio.WouldBlock:
            return None

    async def _start_stage(self, nursery: trio.Nursery, stage: Stage) -> _Failure | None:
        running = self._running[stage.name] = _RunningStage(stage)
        self._listener.service_changed(stage.name, "starting", "")
        try:
            with trio.fail_after(stage.deadline_s):
                await nursery.start(self._run_stage, running)
        except trio.TooSlowError:
            error = f"{stage.name} was not ready within {stage.deadline_s:g} s"
        except Exception as exc:  # noqa: BLE001 - any failure of a stage is a failure to recover from
            error = describe_error(exc)
        else:
            self._listener.service_changed(stage.name, "running", "")
            return None
        del self._running[stage.name]
        self._listener.service_changed(stage.name, "failed", error)
        return _Failure(stage, error)

    async def _run_stage(
        self, running: _RunningStage, *, task_status: trio.TaskStatus[None]
    ) -> None:
        stage, ready = running.stage, _Ready(task_status)
        try:
            with running.scope:
                await stage.service.run(self._contexts[stage.name], task_status=ready)
                self._report(running, "it ended although nobody stopped it")
        except Exception as exc:
            if not ready.done:
                raise
            self._report(running, describe_error(exc))
        finally:
            running.ended.set()

    def _report(self, running: _RunningStage, error: str) -> None:
        if self._running.get(running.stage.name) is running:
            self._failures_in.send_nowait(_Failure(running.stage, error))

    async def _take_down(self, failed: Stage) -> None:
        """Cancel the failed stage and those that need it, the highest first."""
        down = {failed.name}
        for stage in self._stages:
            if down.intersection(stage.needs):
                down.add(stage.name)
        for stage in reversed(self._stages):
            if stage.name in down:
                await self._stop_stage(stage.name)

    async def _stop_stage(self, name: str) -> None:
        running = self._running.pop(name, None)
        if running is None:
            return
        running.scope.cancel(reason=f"stage {name} is taken down")
        with trio.move_on_after(STOP_BUDGET_S):
            await running.ended.wait()
        self._listener.service_changed(name, "stopped", "")

    async def _stop_in_order(self) -> None:
        self._listener.stopping(self._stop_reason)
        with trio.move_on_after(DRAIN_BUDGET_S) as budget:
            for host in reversed(self._hosts):
                if host.service.drain is not None:
                    await self._drain(host)
        if budget.cancelled_caught:
            self._listener.service_changed("supervisor", "stopping", "a drain was cut short")
        for stage in reversed(self._stages):
            await self._stop_stage(stage.name)
        for host in reversed(self._hosts):
            await host.stop()

    async def _drain(self, host: ServiceHost) -> None:
        assert host.service.drain is not None
        try:
            await host.service.drain(host.context)
        except Exception as exc:  # noqa: BLE001
            # One drain that fails must not keep the others from running.
            self._listener.service_changed(host.service.name, "drain failed", describe_error(exc))


class _Ready:
    """A task status that remembers whether `started` was called."""

    def __init__(self, task_status: trio.TaskStatus[None]) -> None:
        self._task_status = task_status
        self.done = False

    def started(self, value: None = None) -> None:
        self.done = True
        self._task_status.started(value)

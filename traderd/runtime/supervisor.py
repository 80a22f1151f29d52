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
    drain_service,
)

CLIMB_FIRST_S: Final = 0.5
CLIMB_CAP_S: Final = 60.0
"""Bounds the wait before climbing again: an exchange that is back must not wait longer for us."""
HEALTHY_AFTER_S: Final = 60.0
"""How long everything must stand before the wait begins small again: an exchange that takes connections only
to drop them must not be asked twice a second."""
STOP_DEADLINE_S: Final = 4.5
"""Bounds the ordered stop from the word `stop` on; the half second to five is for closing journal and client."""
STOPS_NEED_S: Final = 1.75
"""What of that the drains leave for the stops: the stages' budget, and half a second for the services."""
QUICK_STOP_S: Final = 0.02
"""What a service that ends at once needs: kept for each that still waits its turn, however slow the others are."""


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


class _RunningStage:
    """The task of one stage, and the task status that it is given."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.scope = trio.CancelScope()
        self.ended = trio.Event()
        self.settled = trio.Event()
        """Set when it is ready, or when it ended before."""
        self.error: str | None = None
        """Set when it failed."""

    @property
    def stands(self) -> bool:
        """Tell whether it became ready and has not ended."""
        return self.settled.is_set() and not self.ended.is_set()

    def started(self, value: None = None) -> None:
        """Hear from the stage that it can really serve."""
        self.settled.set()


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
        self._started: list[ServiceHost] = []
        self._running: dict[str, _RunningStage] = {}
        self._stage_ended = trio.Event()
        self._stop = trio.Event()
        self._stop_reason = ""
        self._stop_ends_at = 0.0
        self._way_up = trio.CancelScope()
        self._way_up_ended = trio.Event()
        self._errors: list[Exception] = []
        """What ended the way up, raised when everything is stopped."""

    def stop(self, reason: str) -> None:
        """Begin the ordered stop; `run` returns when it is done, within STOP_DEADLINE_S."""
        if not self._stop.is_set():
            self._stop_reason = reason
            self._stop_ends_at = self._env.monotonic() + STOP_DEADLINE_S
            self._stop.set()

    def restart(self, name: str, reason: str) -> bool:
        """End a service or stage that does not do its work; it comes back the way that a crash does.

        Returns False when none of that name runs, or when the daemon stops anyhow.
        """
        if self._stop.is_set():
            return False
        running = self._running.get(name)
        if running is not None:
            return self._fail_stage(running, reason)
        return any(host.restart(reason) for host in self._started if host.service.name == name)

    def _fail_stage(self, running: _RunningStage, reason: str) -> bool:
        if not running.stands or running.error is not None:
            return False
        running.error = reason
        self._listener.service_changed(running.stage.name, "failed", reason)
        self._stage_ended.set()
        return True

    async def run(self) -> None:
        """Run until `stop`.  Cancelling skips the drains and ends everything at once.

        Raises:
            ExceptionGroup: the way up failed, for instance a service before its first start; everything
                that stood was drained and stopped in order before.
        """
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._go_up_until_stop, nursery)
                await self._stop.wait()
                await self._stop_in_order()
                nursery.cancel_scope.cancel(reason=self._stop_reason)
        finally:
            # Also when the stop was cut short: why it began must not be lost.
            if self._errors:
                raise ExceptionGroup(self._stop_reason, self._errors)

    async def _go_up_until_stop(self, nursery: trio.Nursery) -> None:
        try:
            with self._way_up:
                await self._go_up(nursery)
        except Exception as error:  # noqa: BLE001 - `run` raises it when the drains are done
            self._errors.append(error)
            self.stop(f"the way up failed: {describe_error(error)}")
        finally:
            self._way_up_ended.set()

    async def _go_up(self, nursery: trio.Nursery) -> None:
        for host in self._hosts:
            await nursery.start(host.run)
            self._started.append(host)
        backoff = Backoff(first_s=CLIMB_FIRST_S, cap_s=CLIMB_CAP_S, rng=self._env.rng)
        attempt = 0
        while True:
            failed = await self._climb(nursery)
            if failed is None:
                self._listener.arrived()
                arrived_at = self._env.monotonic()
                failed = await self._wait_failure()
                if self._env.monotonic() - arrived_at >= HEALTHY_AFTER_S:
                    attempt = 0
                    backoff.reset()
            attempt += 1
            await self._take_down(failed)
            delay_s = backoff.next_delay()
            self._listener.failed(failed.stage.name, failed.error or "", attempt, delay_s)
            await trio.sleep(delay_s)

    async def _climb(self, nursery: trio.Nursery) -> _RunningStage | None:
        """Start every stage that is down; returns the lowest one that failed, None when all stand."""
        for stage in self._stages:
            running = self._running.get(stage.name)
            if running is None:
                self._listener.entering(stage.name)
                running = await self._start_stage(nursery, stage)
                if running.ended.is_set() or running.error is not None:
                    # What broke under a stage explains its failure, so it comes first.
                    break
            if running.error is not None:
                return running
        # A lower stage may have failed while a higher one was starting.
        return self._lowest_failed()

    def _lowest_failed(self) -> _RunningStage | None:
        running = (self._running.get(stage.name) for stage in self._stages)
        return next((one for one in running if one is not None and one.error is not None), None)

    async def _wait_failure(self) -> _RunningStage:
        while (failed := self._lowest_failed()) is None:
            self._stage_ended = trio.Event()
            await self._stage_ended.wait()
        return failed

    async def _start_stage(self, nursery: trio.Nursery, stage: Stage) -> _RunningStage:
        running = self._running[stage.name] = _RunningStage(stage)
        self._listener.service_changed(stage.name, "starting", "")
        nursery.start_soon(self._run_stage, running, name=f"stage {stage.name}")
        with trio.move_on_after(stage.deadline_s):
            await running.settled.wait()
        if not running.settled.is_set():
            running.error = f"{stage.name} was not ready within {stage.deadline_s:g} s"
            self._listener.service_changed(stage.name, "failed", running.error)
        elif running.stands:
            self._listener.service_changed(stage.name, "running", "")
        return running

    async def _run_stage(self, running: _RunningStage) -> None:
        stage = running.stage
        error: str | None = None
        try:
            with running.scope:
                await stage.service.run(self._contexts[stage.name], task_status=running)
                if not running.scope.cancel_called:
                    error = "it ended although nobody stopped it"
        except* Exception as group:  # noqa: BLE001 - any failure of a stage is one to recover from
            error = describe_error(group)
        finally:
            self._note_end(running, error)

    def _note_end(self, running: _RunningStage, error: str | None) -> None:
        stage = running.stage
        if running.scope.cancel_called:
            if error is not None:
                failure = f"its cleanup failed: {error}"
                self._listener.service_changed(stage.name, "stopping", failure)
        elif error is not None:
            running.error = error
            self._listener.service_changed(stage.name, "failed", error)
            for name in self._needing(stage):
                above = self._running.get(name)
                if above is not None and not above.settled.is_set():
                    # It could only run into its deadline.
                    above.scope.cancel(reason=f"stage {stage.name} failed under it")
        running.ended.set()
        running.settled.set()
        self._stage_ended.set()

    def _needing(self, stage: Stage) -> list[str]:
        """Return the names of the stages that stand on this one, in the order of the climb."""
        down = [stage.name]
        for other in self._stages:
            if any(name in down for name in other.needs):
                down.append(other.name)
        return down[1:]

    async def _take_down(self, failed: _RunningStage) -> None:
        """Cancel the stages that need the failed one, the highest first, and then itself."""
        for name in (*reversed(self._needing(failed.stage)), failed.stage.name):
            await self._stop_stages([name], STOP_BUDGET_S)

    async def _stop_stages(self, names: list[str], budget_s: float) -> None:
        """Cancel stages at the same time, wait for all of them, and tell their ends in the order of `names`."""
        going = [self._running[name] for name in names if name in self._running]
        for running in going:
            running.scope.cancel(reason=f"stage {running.stage.name} is taken down")
        with trio.move_on_after(budget_s):
            for running in going:
                await running.ended.wait()
        for running in going:
            name = running.stage.name
            del self._running[name]
            if not running.ended.is_set():
                late = f"it did not end within {budget_s:.2g} s and is left behind"
                self._listener.service_changed(name, "stopping", late)
            elif running.error is None:
                self._listener.service_changed(name, "stopped", "")

    async def _stop_in_order(self) -> None:
        self._way_up.cancel(reason=self._stop_reason)
        with trio.move_on_after(STOP_BUDGET_S):
            await self._way_up_ended.wait()
        try:
            self._listener.stopping(self._stop_reason)
        except Exception as error:  # noqa: BLE001 - `run` raises it; the orders matter more than the word
            self._errors.append(error)
        await self._drain()
        names = [stage.name for stage in reversed(self._stages)]
        await self._stop_stages(names, min(STOP_BUDGET_S, self._stop_left_s()))
        for waiting, host in reversed(list(enumerate(self._started))):
            share_s = min(STOP_BUDGET_S, self._stop_left_s() - QUICK_STOP_S * waiting)
            await host.stop(budget_s=max(QUICK_STOP_S, share_s))

    def _stop_left_s(self) -> float:
        return max(0.0, self._stop_ends_at - self._env.monotonic())

    async def _drain(self) -> None:
        """Run the drains of what was started, newest first: stages stand on services.

        Together they leave STOPS_NEED_S of the stop; each gets an even share of what is left for them.
        """
        services = [host.service for host in self._started]
        services += [
            stage.service
            for stage in self._stages
            if stage.name in self._running and self._running[stage.name].stands
        ]
        going = [service for service in reversed(services) if service.drain is not None]
        for index, service in enumerate(going):
            share_s = max(0.0, self._stop_left_s() - STOPS_NEED_S) / (len(going) - index)
            await drain_service(
                service,
                self._contexts[service.name],
                budget_s=share_s,
                listener=self._listener,
            )

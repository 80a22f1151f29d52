"""A service: what a plugin contributes, and the host that keeps one alive.

Owns: the restart of one service with jittered back-off, its budget, and its quarantine. Each service has its
own cancel scope, so one that crashes or hangs never touches another.
Must not: know what a service does, or end the daemon.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final, Protocol

import attrs
import trio

from traderd.errors import FOREIGN_FAILURES, ConfigError, describe_error
from traderd.runtime.env import Env
from traderd.runtime.retry import Backoff

RESTARTS_MAX: Final = 5
RESTART_WINDOW_S: Final = 600.0
"""A service that crashes again after five restarts in ten minutes has a defect, not bad luck."""
RESTART_FIRST_S: Final = 0.5
RESTART_CAP_S: Final = 30.0
SERVICE_START_DEADLINE_S: Final = 30.0
"""Bounds each start of one service: one that never gets ready is a failure with a name."""
STOP_BUDGET_S: Final = 1.25
"""Bounds the end of one service after its scope was cancelled: a little more than the second that a connection
whose peer is silent may take to close."""


class OnCrash(enum.Enum):
    """What it means for the daemon when a service is past its restart budget."""

    RESTART = "restart"
    """Nothing depends on it: it stays quarantined and listed."""
    HALT = "halt"
    """Orders cannot be trusted without it: new risk stops."""
    DEGRADE = "degrade"
    """The daemon goes on and says so."""


class RunService(Protocol):
    """`task_status.started()` is called when the service can really serve."""

    async def __call__(self, context: Any, *, task_status: trio.TaskStatus[None]) -> None:
        """Run until cancelled."""


@attrs.frozen(kw_only=True)
class Service:
    """A named task with rules for its failure."""

    name: str
    run: RunService
    after: tuple[str, ...] = ()
    """Services that must have started before."""
    on_crash: OnCrash = OnCrash.RESTART
    restarts_max: int = attrs.field(default=RESTARTS_MAX, validator=attrs.validators.ge(0))
    """Restarts within RESTART_WINDOW_S; the next crash in that time is past the budget. 0: never again."""
    drain: Callable[[Any], Awaitable[None]] | None = None
    """Called once when the daemon stops, before any service is cancelled, newest service first."""
    stage: str | None = None
    """The supervisor's stage that this service *is*; None runs it beside the stages."""


class ServiceListener(Protocol):
    """Hears about services."""

    def service_changed(self, name: str, status: str, detail: str) -> None:
        """Hear the new status of a service or stage.

        One of starting, running, restarting, quarantined, failed (a stage, until it climbs again),
        stopping (the detail says what went wrong with its end) and stopped.
        """

    def service_lost(self, service: Service, error: str) -> None:
        """Hear that a service is past its restart budget."""


def in_start_order(services: Iterable[Service]) -> list[Service]:
    """Return the services sorted so that each comes after those it names.

    Raises:
        ConfigError: two have one name, one names a service that does not exist, or they form a circle.
    """
    by_name: dict[str, Service] = {}
    for service in services:
        if service.name in by_name:
            raise ConfigError(f"two services are called {service.name!r}; rename one")
        by_name[service.name] = service
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for service in by_name.values():
        for other in service.after:
            if other not in by_name:
                raise ConfigError(
                    f"service {service.name!r} wants to start after {other!r}, unknown"
                )
        sorter.add(service.name, *service.after)
    try:
        return [by_name[name] for name in sorter.static_order()]
    except CycleError as exc:
        raise ConfigError(f"services wait for each other: {' -> '.join(exc.args[1])}") from exc


async def drain_service(
    service: Service, context: object, *, budget_s: float, listener: ServiceListener
) -> None:
    """Run the drain of a service, if it has one; one that fails or takes too long is told and left.  Cancelling cuts it."""
    if service.drain is None:
        return
    with trio.move_on_after(budget_s) as budget:
        try:
            await service.drain(context)
        except* FOREIGN_FAILURES as group:
            # One drain that fails must not keep the others from running.
            failure = f"its drain failed: {describe_error(group)}"
            listener.service_changed(service.name, "stopping", failure)
    if budget.cancelled_caught:
        cut = f"its drain was cut after {round(budget_s, 1):g} s"
        listener.service_changed(service.name, "stopping", cut)


class ServiceHost:
    """Keeps one service running in its own cancel scope until it is stopped or out of budget."""

    def __init__(
        self, service: Service, context: object, *, env: Env, listener: ServiceListener
    ) -> None:
        self.service = service
        self.context = context
        self._env, self._listener = env, listener
        self._scope = trio.CancelScope()
        self._life = trio.CancelScope()
        """Of the present start; cancelled when it is to begin anew."""
        self._anew_because = ""
        self._running = False
        self._ended = trio.Event()
        self._crashes: deque[float] = deque(maxlen=service.restarts_max + 1)
        self._backoff = Backoff(first_s=RESTART_FIRST_S, cap_s=RESTART_CAP_S, rng=env.rng)

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Run the service; `started` is passed on from its first start.

        A service that fails before its first start raises: at start-up that is the caller's to judge.
        Cancelling ends it at once; `stop` is the way that is told.
        """
        self._tell("starting", "")
        first_start = _FirstStart(task_status, lambda: self._tell("running", ""))
        try:
            with self._scope:
                await self._keep_running(first_start)
        except* Exception as group:
            if not self._scope.cancel_called:
                raise
            # A cleanup that fails while its service is stopped must not break off the ordered stop.
            self._tell("stopping", f"its cleanup failed: {describe_error(group)}")
        finally:
            self._ended.set()
            if self._scope.cancel_called:
                self._tell("stopped", "")

    async def stop(self, *, budget_s: float = STOP_BUDGET_S) -> bool:
        """Cancel the service and wait for its end; returns False when it is past its budget.

        It must have been started.  Cancelling stops the waiting only.
        """
        self._scope.cancel(reason=f"service {self.service.name} is stopped")
        with trio.move_on_after(budget_s):
            await self._ended.wait()
        if not self._ended.is_set():
            self._tell("stopping", f"it did not end within {budget_s:.2g} s and is left behind")
        return self._ended.is_set()

    def restart(self, reason: str) -> bool:
        """End the present start, which counts as a crash; returns False when nothing runs that could be ended.

        One that does not end when it is cancelled is not started a second time beside itself: it stays `stopping`.
        """
        runs = self._running and not (self._scope.cancel_called or self._life.cancel_called)
        if runs:
            self._anew_because = reason
            self._tell("stopping", f"it is started anew: {reason}")
            self._life.cancel(reason=reason)
        return runs

    async def _keep_running(self, first_start: _FirstStart) -> None:
        while True:
            self._life, self._anew_because = trio.CancelScope(), ""
            error = "it ended although nobody stopped it"
            try:
                with self._life:
                    self._running = True
                    await self._run_once(first_start)
            except Exception as exc:
                if not first_start.done or self._scope.cancel_called:
                    raise
                error = describe_error(exc)
            finally:
                self._running = False
            error = self._anew_because or error
            # A service that swallowed its cancellation ends here, like any other.
            if self._scope.cancel_called or not await self._wait_for_restart(error):
                return

    async def _run_once(self, first_start: _FirstStart) -> None:
        name = self.service.name
        # A nursery of its own catches whatever the service spawns.
        async with trio.open_nursery() as nursery:
            with trio.move_on_after(SERVICE_START_DEADLINE_S) as deadline:
                await nursery.start(self._call, name=f"service {name}")
            if deadline.cancelled_caught:
                raise trio.TooSlowError(
                    f"service {name} was not ready within {SERVICE_START_DEADLINE_S:g} s"
                )
            first_start.started()

    async def _call(self, *, task_status: trio.TaskStatus[None]) -> None:
        await self.service.run(self.context, task_status=task_status)

    async def _wait_for_restart(self, error: str) -> bool:
        now = self._env.monotonic()
        if self._crashes and now - self._crashes[-1] >= RESTART_WINDOW_S:
            self._backoff.reset()
        self._crashes.append(now)
        in_window = now - self._crashes[0] < RESTART_WINDOW_S
        if in_window and len(self._crashes) > self.service.restarts_max:
            self._tell("quarantined", error)
            self._listener.service_lost(self.service, error)
            return False
        delay_s = self._backoff.next_delay()
        self._tell("restarting", f"in {delay_s:.1f} s: {error}")
        await trio.sleep(delay_s)
        return True

    def _tell(self, status: str, detail: str) -> None:
        self._listener.service_changed(self.service.name, status, detail)


class _FirstStart:
    """Passes the first `started` on to whoever waits, and tells of every one."""

    def __init__(self, task_status: trio.TaskStatus[None], tell: Callable[[], None]) -> None:
        self._task_status, self._tell = task_status, tell
        self.done = False

    def started(self) -> None:
        self._tell()
        if not self.done:
            self.done = True
            self._task_status.started()

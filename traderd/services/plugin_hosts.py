"""The services of plugins: each in a host of its own, beside those of the daemon.

Owns: that a plugin's service which cannot even start is tried again and then given up, while the daemon goes on, and that
those of one plugin can be drained, stopped and started by themselves; what they told as degraded goes with them.
Must not: decide which plugins run.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import attrs
import trio

from traderd.errors import ConfigError, describe_error
from traderd.runtime.plugin_record import PluginRecord
from traderd.runtime.service import Service, ServiceHost, drain_service, in_start_order
from traderd.services.context import Context
from traderd.services.plugin_context import PluginContext, plugin_context
from traderd.services.plugin_contract import begin_of_parts

DRAIN_BUDGET_S: Final = 2.0
"""Bounds the drain of one service of a plugin, when the plugin goes or the daemon stops."""
START_RETRY_S: Final = 1.0
"""How long after a failed first start the next try begins."""
FIRST_STARTS_MAX: Final = 3
"""Bounds the tries of a service that never became ready: whoever mended it reloads the plugin."""
WAIT_FOR_OTHERS_S: Final = 60.0
"""Bounds how long a service waits for those that it wants to start after."""
LOOK_EVERY_S: Final = 0.1


@attrs.define(eq=False)
class _Hosted:
    """One service of a plugin and the task that keeps it."""

    service: Service
    context: PluginContext
    host: ServiceHost | None = None
    scope: trio.CancelScope = attrs.Factory(trio.CancelScope)
    ended: trio.Event = attrs.Factory(trio.Event)
    stands: bool = False


class _Ready:
    """Hears that a service became ready."""

    def __init__(self, hosted: _Hosted) -> None:
        self._hosted = hosted

    def started(self, value: None = None) -> None:
        self._hosted.stands = True


class PluginHosts:
    """Every running service of a plugin."""

    def __init__(
        self, context: Context, nursery: trio.Nursery, built_in: Iterable[str] = ()
    ) -> None:
        """`nursery` is that of the service that owns this, its end ends them all; `built_in` names our own services."""
        self._context, self._nursery, self._built_in = context, nursery, tuple(built_in)
        self._hosted: dict[str, list[_Hosted]] = {}

    def problem(self, services: Iterable[Service], plugin: str) -> str:
        """Return why these services of a plugin cannot run beside the others, an empty text when they can."""
        services = list(services)
        names = [service.name for service in services]
        others = [
            *self._built_in,
            *(
                one.service.name
                for whose, many in self._hosted.items()
                if whose != plugin
                for one in many
            ),
        ]
        for service in services:
            if service.stage is not None:
                return f"its service {service.name} names a stage; only traderd's own services are stages"
            if service.name in others:
                return f"there is a service called {service.name} already; rename it"
            for after in service.after:
                if after not in names and after not in others:
                    return f"its service {service.name} wants to start after {after}, which is no service here"
        try:
            in_start_order(_among_themselves(services))
        except ConfigError as exc:
            return str(exc)
        return ""

    def start(self, record: PluginRecord, services: Iterable[Service]) -> None:
        """Start the services of a plugin; which of them become ready is told as of any service."""
        for service in in_start_order(_among_themselves(services)):
            context = plugin_context(self._context, record, service.name)
            hosted = _Hosted(_without_exit(service), context)
            self._hosted.setdefault(record.name, []).append(hosted)
            self._nursery.start_soon(self._keep, record, hosted, name=f"service {service.name}")

    async def stop(self, plugin: str) -> list[str]:
        """Drain and stop the services of a plugin, the newest first; returns their names.

        Cancelling leaves the rest to the end of the nursery.
        """
        going = self._hosted.pop(plugin, [])
        for hosted in reversed(going):
            await self._drain(hosted)
        for hosted in reversed(going):
            if hosted.host is not None and hosted.stands:
                await hosted.host.stop()
            hosted.scope.cancel(reason=f"plugin {plugin} is stopped")
        self._forget_parts(plugin)
        return [hosted.service.name for hosted in going]

    def _forget_parts(self, plugin: str) -> None:
        # Nobody is left who could say that they are well again; a new form tells what is not.
        for part in tuple(self._context.view.conditions.degraded):
            if part.startswith(begin_of_parts(plugin)):
                self._context.clear_degraded(part)

    async def drain_all(self) -> None:
        """Drain every service, the newest first, when the daemon stops.  Cancelling skips the rest."""
        everything = [hosted for many in self._hosted.values() for hosted in many]
        for hosted in reversed(everything):
            await self._drain(hosted)

    async def _drain(self, hosted: _Hosted) -> None:
        if hosted.stands:
            await drain_service(
                hosted.service,
                hosted.context,
                budget_s=DRAIN_BUDGET_S,
                listener=self._context.shared.lifecycle,
            )

    async def _keep(self, record: PluginRecord, hosted: _Hosted) -> None:
        try:
            with hosted.scope:
                await self._wait_for_others(hosted)
                for attempt in range(1, FIRST_STARTS_MAX + 1):
                    if await self._run(record, hosted, attempt):
                        return
                    await trio.sleep(START_RETRY_S)
        finally:
            hosted.ended.set()
            self._tell_end(hosted.service.name)

    def _tell_end(self, name: str) -> None:
        # Also when everything of this ends at once: whoever starts it again must not find that it still runs.
        changed = self._context.view.services.get(name)
        if changed is not None and changed.status in {"starting", "running", "restarting"}:
            self._context.shared.lifecycle.service_changed(name, "stopped", "")

    def restart(self, name: str, reason: str) -> bool:
        """End a service of a plugin that does not do its work; it comes back as after a crash.  False: none of that name runs."""
        everything = [hosted for many in self._hosted.values() for hosted in many]
        return any(
            hosted.host is not None and hosted.host.restart(reason)
            for hosted in everything
            if hosted.service.name == name
        )

    async def _run(self, record: PluginRecord, hosted: _Hosted, attempt: int) -> bool:
        """Run until it is stopped or out of budget; returns False when it failed before it was ever ready."""
        shared = self._context.shared
        hosted.host = ServiceHost(
            hosted.service, hosted.context, env=shared.env, listener=shared.lifecycle
        )
        error: str | None = None
        try:
            await hosted.host.run(task_status=_Ready(hosted))
        except* Exception as group:  # noqa: BLE001 - a foreign service may fail in any way
            error = describe_error(group)
        if error is None:
            return True
        is_last = attempt == FIRST_STARTS_MAX
        status = "quarantined" if is_last else "restarting"
        detail = f"it could not be started: {error}"
        shared.lifecycle.service_changed(hosted.service.name, status, detail)
        if is_last:
            shared.lifecycle.service_lost(hosted.service, error)
        return False

    async def _wait_for_others(self, hosted: _Hosted) -> None:
        with trio.move_on_after(WAIT_FOR_OTHERS_S):
            while missing := [one for one in hosted.service.after if not self._runs(one)]:
                del missing
                await trio.sleep(LOOK_EVERY_S)

    def _runs(self, name: str) -> bool:
        changed = self._context.view.services.get(name)
        return changed is not None and changed.status == "running"


def _without_exit(service: Service) -> Service:
    """Return a service whose `sys.exit()` is a failure of its own, like any exception."""

    async def run(context: Any, *, task_status: trio.TaskStatus[None]) -> None:
        try:
            await service.run(context, task_status=task_status)
        except* SystemExit as group:
            raise RuntimeError("it called sys.exit()") from group

    return attrs.evolve(service, run=run)


def _among_themselves(services: Iterable[Service]) -> list[Service]:
    """Return services that wait for each other only: those of the daemon are waited for when they start."""
    services = list(services)
    names = [service.name for service in services]
    return [
        attrs.evolve(service, after=tuple(one for one in service.after if one in names))
        for service in services
    ]

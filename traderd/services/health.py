"""Health: whether the daemon can do its work, checked every 30 s and when a part changes.

Owns: what counts as unhealthy (a critical part is down: journal, orders, the way up) against degraded (a
part is down that trading does not depend on).
Must not: repair anything; recovery is the supervisor's.
"""

from __future__ import annotations

import trio

from traderd.config import Config
from traderd.core.view import StateView
from traderd.model import events as ev
from traderd.model.states import WORKING, State
from traderd.plugin_api import Service, hookimpl
from traderd.runtime.inbox import Policy
from traderd.services.context import Context

CRITICAL_SERVICES = ("orders", "risk")

NOT_READY = "not ready yet"


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the health service."""
    return [Service(name="health", run=run)]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Check periodically and on change, until cancelled."""
    with context.subscribe(
        ev.StateChanged,
        ev.ServiceChanged,
        ev.FeedConnected,
        ev.FeedDisconnected,
        ev.DegradedRaised,
        ev.DegradedCleared,
        policy=Policy.LATEST,
        key=type,
    ) as changes:
        check(context)
        task_status.started()
        due = trio.current_time() + context.config.health.interval_s
        while True:
            with trio.move_on_at(due):
                await changes.receive()
            only_news = trio.current_time() < due
            if not only_news:
                due = trio.current_time() + context.config.health.interval_s
            check(context, only_news=only_news)


def check(context: Context, *, only_news: bool = False) -> None:
    """Check now and publish the result, with `only_news` when it differs from the last one."""
    critical = critical_problems(context.view, context.shared.journal.failed)
    problems = (*critical, *degraded_parts(context.view))
    result = ev.HealthChecked(at=context.now(), healthy=not critical, problems=problems)
    before = context.view.health
    if only_news and before is not None and before.problems == result.problems:
        return
    if before is not None:
        _tell_news(context, told_of(before.problems), told_of(problems))
    context.publish(result)


def told_of(problems: tuple[str, ...]) -> tuple[str, ...]:
    """Return the problems worth a log line: being on the way up is no news, its states are logged."""
    return tuple(problem for problem in problems if not problem.endswith(NOT_READY))


def _tell_news(context: Context, before: tuple[str, ...], now: tuple[str, ...]) -> None:
    if before == now:
        return
    if now:
        context.log.warning(f"health: {'; '.join(now)}")
    else:
        context.log.info("health: everything is well again")


def critical_problems(view: StateView, journal_failure: str | None) -> tuple[str, ...]:
    """Return what keeps the daemon from doing its work."""
    found = []
    if journal_failure is not None:
        found.append(f"journal: {journal_failure}")
    if view.state is State.ERROR:
        last = view.transitions[-1]
        found.append(f"state: {last.context}")
    elif view.state not in WORKING:
        found.append(f"state: {view.state.value}, {NOT_READY}")
    for name in CRITICAL_SERVICES:
        service = view.services.get(name)
        if service is not None and service.status in {"restarting", "quarantined"}:
            found.append(f"service {name}: {service.status}")
    return tuple(found)


def degraded_parts(view: StateView) -> tuple[str, ...]:
    """Return what is not well but does not stop trading."""
    found = [f"{part}: {reason}" for part, reason in view.conditions.degraded.items()]
    found += [
        f"halt {halt.halt_id}: {halt.reason}; `traderd clear-halt {halt.halt_id}` ends it"
        for halt in view.conditions.halts.values()
    ]
    for name, service in view.services.items():
        if name not in CRITICAL_SERVICES and service.status in {"restarting", "quarantined"}:
            found.append(f"service {name}: {service.status}")
    return tuple(found)

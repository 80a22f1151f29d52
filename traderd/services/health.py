"""Health: whether the daemon can do its work, checked every 30 s and when a part changes.

Owns: what counts as unhealthy (a critical part is down: the way up, bus, journal, orders) against degraded (a part is down that
trading does not depend on, or its books are too poor for strategies), and noticing a service that hangs.
Must not: repair anything; it asks the supervisor, whose restarts have a budget.
"""

from __future__ import annotations

import math
from typing import Final

import attrs
import trio

from traderd.config import Config
from traderd.core.lag_window import percentile
from traderd.core.view import StateView
from traderd.model import events as ev
from traderd.model.state_events import NOT_READY, PartHealth, PartStatus
from traderd.model.states import WORKING, State
from traderd.model.units import NS_PER_MS, NS_PER_S
from traderd.plugin_api import Service, hookimpl
from traderd.runtime.inbox import Policy
from traderd.runtime.machine import MachineReading
from traderd.services.context import Context
from traderd.services.health_parts import (
    CRITICAL_SERVICES,
    HealthReading,
    hung_inboxes,
    parts_of,
    troubled_services,
)

QUALITY: Final = "book quality"
"""What this problem begins with."""
MEASURED: Final = (QUALITY, "bus", "connection", "loop", "inboxes", "clock", "disk", "memory")
"""What the problems begin with that have numbers."""
POOR_SHARE_MAX: Final = 0.25
"""The share of the followed markets whose books may be graded below `risk.min_book_grade`. A few poor books are an
accident of their markets; a quarter of them has one cause: a late line, a slow machine, an exchange that lies."""
SECOND_CHECK_S: Final = 3.0
"""When the second check comes: what is measured over time, the loop's lag above all, has no number at the first one."""
POOR_FOR_S: Final = 5.0
"""For how long they may be: grades follow a reconnection within seconds, and that is no news."""


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
        watch = HealthWatch(context)
        await watch.look_at_machine()
        watch.check()
        task_status.started()
        due = trio.current_time() + min(SECOND_CHECK_S, context.config.health.interval_s)
        while True:
            with trio.move_on_at(min(due, watch.look_again_at)):
                await changes.receive()
            only_news = trio.current_time() < due
            if not only_news:
                due = trio.current_time() + context.config.health.interval_s
                await watch.look_at_machine()
                watch.restart_hung()
            watch.check(only_news=only_news)


@attrs.define(eq=False)
class HealthWatch:
    """Checks, and remembers what was said of it."""

    _context: Context
    _told: tuple[str, ...] = ()
    """The problems that the log has told and not called over."""
    _poor_since: float = math.inf
    """Since when too many books are too poor, on Trio's clock."""
    _machine: MachineReading | None = None

    @property
    def look_again_at(self) -> float:
        """When poor books become a problem if they stay poor; never when that is settled."""
        at = self._poor_since + POOR_FOR_S
        return at if trio.current_time() < at else math.inf

    async def look_at_machine(self) -> None:
        """Read memory and disk for the checks that follow."""
        context = self._context
        self._machine = await context.env.read_machine(context.config.state_path())

    def check(self, *, only_news: bool = False) -> None:
        """Check now and publish the result, with `only_news` when it differs from the last one."""
        context = self._context
        parts = parts_of(self.read())
        critical = critical_problems(context.view, context.shared.journal.failed)
        critical += tuple(f"{one.name}: {one.sentence}" for one in parts if _is_of_bus(one))
        measured = tuple(f"{one.name}: {one.sentence}" for one in parts if _is_degraded(one))
        problems = (*critical, *degraded_parts(context.view), *self._poor_books(), *measured)
        result = ev.HealthChecked(
            at=context.now(), healthy=not critical, problems=problems, parts=parts
        )
        before = context.view.health
        if only_news and before is not None and _gist(before.problems) == _gist(problems):
            return
        self._tell_news(problems)
        context.publish(result)

    def restart_hung(self) -> None:
        """Have the supervisor restart every service that is busy with one batch for too long while more waits."""
        for inbox in hung_inboxes(self.read()):
            reason = f"it hangs: one batch has kept it busy for {inbox.busy_s:.0f} s, and {inbox.depth} events wait"
            if self._context.shared.levers.restart_any(inbox.name, reason):
                self._context.log.error(f"service {inbox.name} is restarted: {reason}")

    def read(self) -> HealthReading:
        """Return what a check goes by now."""
        context, now = self._context, self._context.now()
        journal, meter = context.shared.journal, context.shared.feed_meter
        lag_ns, last = percentile(meter.loop_lags, 100), context.view.market_data.last_message_at
        return HealthReading(
            view=context.view,
            settings=context.config.health,
            trading=context.config.trading_enabled,
            journal_failure=journal.failed,
            journal_pending=journal.statistics().pending,
            inboxes=context.shared.bus.statistics(),
            loop_lag_ms=None if lag_ns is None else lag_ns / NS_PER_MS,
            clock_offset_ms=context.venue.rest.clock_offset_ms,
            silence_s=max((one.silent_s for one in meter.connections()), default=None),
            market_silence_s=None if last is None else max(0, now - last) / NS_PER_S,
            machine=self._machine,
        )

    def _poor_books(self) -> tuple[str, ...]:
        problem, now = poor_books(self._context.view), trio.current_time()
        self._poor_since = math.inf if problem is None else min(self._poor_since, now)
        return () if problem is None or now < self._poor_since + POOR_FOR_S else (problem,)

    def _tell_news(self, problems: tuple[str, ...]) -> None:
        log, now = self._context.log, told_of(problems)
        is_on_the_way_up = len(now) < len(problems)
        if is_on_the_way_up and all(problem in _gist(self._told) for problem in _gist(now)):
            # Each try of an outage is no news, and the outage is over only when the daemon is back at work.
            return
        if now:
            if _gist(now) != _gist(self._told):
                log.warning(f"health: {'; '.join(now)}")
            self._told = now
        elif self._told:
            log.info("health: everything is well again")
            self._told = ()


def told_of(problems: tuple[str, ...]) -> tuple[str, ...]:
    """Return the problems worth a log line: being on the way up is no news, its states are logged."""
    return tuple(problem for problem in problems if not problem.endswith(NOT_READY))


def _gist(problems: tuple[str, ...]) -> tuple[str, ...]:
    # The numbers of what is measured change from check to check and are no news.
    return tuple(
        next((name for name in MEASURED if problem.startswith(f"{name}: ")), problem)
        for problem in problems
    )


def _is_of_bus(part: PartHealth) -> bool:
    return part.name == "bus" and part.status is PartStatus.FAILED


def _is_degraded(part: PartHealth) -> bool:
    return part.status is PartStatus.DEGRADED


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
    services = troubled_services(view)
    found += [services[name] for name in CRITICAL_SERVICES if name in services]
    return tuple(found)


def degraded_parts(view: StateView) -> tuple[str, ...]:
    """Return what is not well but does not stop trading."""
    found = [f"{part}: {reason}" for part, reason in view.conditions.degraded.items()]
    found += [
        f"halt {halt.halt_id}: {halt.reason}; `traderd clear-halt {halt.halt_id}` ends it"
        for halt in view.conditions.halts.values()
    ]
    found += [
        words for name, words in troubled_services(view).items() if name not in CRITICAL_SERVICES
    ]
    return tuple(found)


def poor_books(view: StateView) -> str | None:
    """Return what is wrong when more than POOR_SHARE_MAX of the books are too poor for strategies, else None."""
    poor, followed = view.books_below_grade(), len(view.followed)
    if poor <= POOR_SHARE_MAX * followed:
        return None
    minimum = view.limits.min_book_grade.value
    return (
        f"{QUALITY}: {poor} of {followed} books are graded below {minimum} (risk.min_book_grade), so strategies take no "
        "new risk on them; `traderd markets` shows the grades, `traderd book TICKER` the reason"
    )

"""What people and plugin reloads do with running strategies: quarantine, release, parameters, replacement.

Owns: the way of a strategy in and out of service, and that its orders never stay behind unwatched: those of one that is
taken out are cancelled, those of one that is replaced are adopted by the new code, because they carry its name.
Must not: ask a strategy about a market, or send for it.
"""

from __future__ import annotations

from typing import Any, Final

import trio

from traderd.core.strategy_parameters import changed
from traderd.errors import FOREIGN_FAILURES, BadInput, ConfigError
from traderd.model import events as ev
from traderd.model.commands import CancelOrders, Command, Outcome, denied, done
from traderd.model.ids import StrategyName
from traderd.model.strategy_commands import (
    ReleaseStrategy,
    ReplaceStrategy,
    SetStrategyParameter,
)
from traderd.model.strategy_events import TenantStatus
from traderd.plugin_api import StrategySpec
from traderd.services.actor_tune import IS_SECRET, StrategyTuning, put_parameters, try_parameters
from traderd.services.context import Context
from traderd.services.order_policies import degraded_part
from traderd.services.tenant import Tenant
from traderd.services.tenant_make import make_tenant

DRAIN_S: Final = 10.0
"""Bounds the wait for commands in flight; what is not answered by then goes on and is answered without the old code."""
COMMANDS: Final = (SetStrategyParameter, ReleaseStrategy, ReplaceStrategy)
SECRET: Final = (
    f"nothing was changed: {{setting}} {IS_SECRET}; "
    "put it into traderd.toml or a .env file that only you can read, and restart the daemon"
)
NOT_ENABLED: Final = (
    "it is not enabled: set strategies.{name}.enabled = true and restart the daemon"
)


class TenantKeeper:
    """Keeps the tenants: the only place where one is added, changed, taken out or let in again."""

    def __init__(
        self, context: Context, tenants: dict[StrategyName, Tenant], nursery: trio.Nursery
    ) -> None:
        """`nursery` is the service's: each tenant lives in a nursery of its own inside it."""
        self._context, self.tenants, self._nursery = context, tenants, nursery
        self.tuning = StrategyTuning(context, tenants, self.quarantine, self.report)

    async def start_all(self) -> None:
        """Start every tenant.  Cancelling ends those that were started."""
        for tenant in self.tenants.values():
            await self._nursery.start(self._live, tenant)
            does = "runs" if tenant.runs else "stays quarantined"
            self._context.log.info(f"strategy {tenant.name} {does}", strategy=tenant.name)

    def report(self) -> None:
        """Tell how all strategies do."""
        now = self._context.env.monotonic()
        reports = tuple(tenant.report(now) for tenant in self.tenants.values())
        self._context.publish(ev.StrategiesReported(at=self._context.now(), reports=reports))

    async def carry_out(self, command: Command) -> Outcome:
        """Carry out one of COMMANDS; cancelling a replacement half way leaves the old strategy or the new one."""
        match command:
            case SetStrategyParameter():
                return self._set(command)
            case ReleaseStrategy():
                return self._release(command)
            case ReplaceStrategy():
                return await self._replace(command)
            case _:
                raise AssertionError(f"{type(command).__name__} is not about strategies")

    # --- quarantine -------------------------------------------------------------------------------

    def quarantine(self, tenant: Tenant, reason: str) -> None:
        """Take a strategy out of service and its orders down: nobody watches over them any more."""
        if tenant.status is TenantStatus.QUARANTINED:
            return
        tenant.status = TenantStatus.QUARANTINED
        tenant.reason = f"{reason}; correct it, then run: traderd strategies release {tenant.name}"
        tenant.timers.clear()
        context = self._context
        part = degraded_part(tenant.name)
        context.publish(ev.DegradedRaised(at=context.now(), part=part, reason=tenant.reason))
        self.report()
        self._nursery.start_soon(
            self._cancel_orders, tenant.name, f"is quarantined: {tenant.reason}"
        )

    async def _cancel_orders(self, name: StrategyName, why: str) -> None:
        outcome = await self._context.send(CancelOrders(strategy=name))
        self._context.log.error(
            f"strategy {name} {why}; its orders: {outcome.sentence}", strategy=name
        )

    def _release(self, command: ReleaseStrategy) -> Outcome:
        tenant = self.tenants.get(command.strategy)
        if tenant is None:
            return self._unknown(command.strategy)
        if tenant.status is not TenantStatus.QUARANTINED:
            return denied(f"strategy {tenant.name} is {tenant.status.value}, not quarantined")
        context = self._context
        context.publish(
            ev.StrategyReleased(
                at=context.now(), strategy=tenant.name, author=command.author, by=command.by
            )
        )
        self._let_in(tenant)
        context.log.warning(
            f"strategy {tenant.name} is released by {_who(command)}", strategy=tenant.name
        )
        return done(f"strategy {tenant.name} runs again")

    def _let_in(self, tenant: Tenant) -> None:
        tenant.status, tenant.reason = TenantStatus.RUNNING, ""
        tenant.failures.clear()
        tenant.failures_everywhere = 0
        tenant.times.forgive()
        self._context.clear_degraded(degraded_part(tenant.name))
        self.report()

    # --- parameters -------------------------------------------------------------------------------

    def _set(self, command: SetStrategyParameter) -> Outcome:
        tenant = self.tenants.get(command.strategy)
        if tenant is None:
            return self._unknown(command.strategy)
        if tenant.status is TenantStatus.DRAINING:
            return denied(
                f"nothing was changed: strategy {tenant.name} is being replaced; try again when it runs"
            )
        context, prefix = self._context, f"{tenant.section}."
        if command.name in tenant.hidden(tenant.parameters):
            return denied(SECRET.format(setting=f"{prefix}{command.name}"))
        was = tenant.shown(tenant.parameters).get(command.name)
        try:
            new = changed(tenant.parameters, command.name, command.value, prefix=prefix)
            if command.name in tenant.hidden(new):
                return denied(SECRET.format(setting=f"{prefix}{command.name}"))
            try_parameters(tenant, new)
            put_parameters(
                context, tenant, new, [command.name], author=command.author, by=command.by
            )
        except BadInput as exc:
            return denied(tenant.masked(f"nothing was changed: {exc}"))
        except FOREIGN_FAILURES as exc:  # a strategy may fail in any way
            words = tenant.masked(str(exc))
            self.quarantine(tenant, f"it failed to take {command.name} over: {words}")
            return denied(f"strategy {tenant.name} failed to take it over: {words}")
        value = tenant.shown(new)[command.name]
        self.report()
        sentence = f"{prefix}{command.name} is {value} now, it was {was}"
        context.log.warning(f"{sentence} (by {_who(command)})", strategy=tenant.name)
        return done(f"{sentence}; until the daemon ends: put it into traderd.toml to keep it")

    # --- replacement ------------------------------------------------------------------------------

    async def _replace(self, command: ReplaceStrategy) -> Outcome:
        name, old = command.strategy, self.tenants.get(command.strategy)
        if command.spec is None:
            return (
                denied(f"no strategy {name} runs")
                if old is None
                else await self._remove(old, command)
            )
        try:
            new = self._make(command.spec, name)
        except ConfigError as exc:
            kept = "" if old is None else "; the one that runs goes on"
            return denied(f"strategy {name} was not replaced: {exc}{kept}")
        if new is None:
            return done(f"strategy {name}: " + NOT_ENABLED.format(name=name))
        self._context.shared.strategies[name] = command.spec
        if old is None:
            self.tenants[name] = new
            await self._nursery.start(self._live, new)
            return self._replaced(command, f"strategy {name} was started", 0)
        in_flight = sum(old.busy.values())
        await self._drain(old)
        _take_over(old, new)
        self._let_in(old)
        words = f"{in_flight} commands were in flight"
        return self._replaced(
            command, f"strategy {name} was replaced", self._live_orders(name), words
        )

    async def _remove(self, tenant: Tenant, command: ReplaceStrategy) -> Outcome:
        name, context = tenant.name, self._context
        await self._drain(tenant)
        outcome = await context.send(CancelOrders(strategy=name))
        # A replacement that was broken off may have gone on and taken it already.
        self.tenants.pop(name, None)
        context.shared.strategies.pop(name, None)
        if tenant.scope is not None:
            tenant.scope.cancel(reason=f"strategy {name} is taken away")
        context.clear_degraded(degraded_part(name))
        words = f"its orders: {outcome.sentence}"
        return self._replaced(command, f"strategy {name} was taken away", 0, words, removed=True)

    def _make(self, spec: Any, name: StrategyName) -> Tenant | None:
        if not isinstance(spec, StrategySpec) or spec.name != name:
            raise ConfigError(f"what is offered is no strategy called {name}")
        tuned = self._context.view.ticks.tuned.get(name, {})
        log = self._context.log.bind(strategy=name)
        return make_tenant(
            self._context.config, spec, tuned=tuned, log=log, notes=self._context.strategy_notes
        )

    async def _drain(self, tenant: Tenant) -> None:
        """Stop asking and wait for what is in flight, DRAIN_S at most.  Cancelling lets it be asked again."""
        before = tenant.status
        tenant.status = TenantStatus.DRAINING
        self.report()
        try:
            with trio.move_on_after(DRAIN_S):
                await tenant.idle.wait()
        except trio.Cancelled:
            tenant.status = before
            raise

    def _replaced(
        self,
        command: ReplaceStrategy,
        what: str,
        adopted: int,
        detail: str = "",
        *,
        removed: bool = False,
    ) -> Outcome:
        context = self._context
        context.publish(
            ev.StrategyReplaced(
                at=context.now(),
                strategy=command.strategy,
                why=command.why,
                adopted=adopted,
                removed=removed,
                author=command.author,
                by=command.by,
            )
        )
        self.report()
        facts = [detail] if detail else []
        facts += [] if removed else [f"{adopted} live orders adopted"]
        why = f" ({command.why})" if command.why else ""
        sentence = f"{what}{why}: {', '.join(facts)}"
        context.log.info(sentence, strategy=command.strategy)
        return done(sentence)

    def _live_orders(self, name: StrategyName) -> int:
        orders = self._context.view.own_live_orders()
        return sum(order.attribution.strategy == name for order in orders)

    # --- the tenant's own nursery -----------------------------------------------------------------

    async def _live(self, tenant: Tenant, *, task_status: trio.TaskStatus[None]) -> None:
        """Hold the nursery in which a strategy's commands are sent; one that fails is quarantined and lives on."""
        with trio.CancelScope() as tenant.scope:
            while True:
                try:
                    async with trio.open_nursery() as tenant.nursery:
                        task_status.started()
                        task_status = trio.TASK_STATUS_IGNORED
                        await trio.sleep_forever()
                except* Exception as group:
                    self._context.log.error(
                        f"strategy {tenant.name}: its commands failed: {group.exceptions[0]!r}",
                        strategy=tenant.name,
                        exc_info=group,
                    )
                    self.quarantine(tenant, f"its commands failed: {group.exceptions[0]!r}")

    def _unknown(self, name: StrategyName) -> Outcome:
        known = ", ".join(self.tenants) or "none"
        return denied(f"no strategy {name} runs; there are: {known}")


def _take_over(old: Tenant, new: Tenant) -> None:
    # The tenant stays, with its nursery and its counts; what belonged to the old code goes.
    old.spec, old.strategy, old.parameters = new.spec, new.strategy, new.parameters
    old.context, old.settings, old.times = new.context, new.settings, new.times
    old.share = new.share
    old.budget.per_s = new.budget.per_s
    old.timers.clear()
    old.due_at.clear()


def _who(command: SetStrategyParameter | ReleaseStrategy) -> str:
    return " ".join(filter(None, (f"a {command.author.value}", command.by)))

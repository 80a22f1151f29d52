"""Plugins as tenants of a running daemon: their services, their strikes, and the verbs reload, disable and enable.

Owns: the order in which a plugin is exchanged. The new form is checked whole before the old one is touched; strategies change
through the actor, which lets the new one adopt the orders; rules change in one step; then services.
Must not: judge a plugin (the manager does), or touch those that are part of traderd.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import trio

from traderd.config import Config
from traderd.errors import StoreError
from traderd.model import commands as cm
from traderd.model import events as ev
from traderd.model.ids import StrategyName
from traderd.model.plugin_commands import DisablePlugin, EnablePlugin, ReloadPlugin
from traderd.model.strategy_commands import ReplaceStrategy
from traderd.model.units import format_time
from traderd.plugin_api import Service, hookimpl
from traderd.runtime.plugin_record import PluginRecord, PluginState, PreparedPlugin
from traderd.services.context import Context
from traderd.services.plugin_desk import PluginDesk
from traderd.services.plugin_hosts import PluginHosts
from traderd.store.plugin_switches import Switch, write_switch

STRATEGIES: Final = "strategies"
PART: Final = "plugin:"
"""How the degraded part of a quarantined plugin begins; its name follows."""
NOTES_PART: Final = "plugin_notes"
EXTRA: Final = "plugins"


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the host of all plugins."""
    return [Service(name="plugins", run=run, drain=drain)]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Run the services of plugins and serve the verbs until cancelled, which ends them all."""
    desk = context.shared.plugin_desk
    async with trio.open_nursery() as nursery:
        tenants = Tenants(context, desk, nursery)
        context.shared.extras[EXTRA] = tenants
        tenants.start_all()
        nursery.start_soon(tenants.watch_strikes)
        nursery.start_soon(tenants.watch_notes)
        with context.shared.commands.serve(ReloadPlugin, DisablePlugin, EnablePlugin) as requests:
            task_status.started()
            # One after the other: two reloads at once would mix two forms of a plugin.
            async for request in requests:
                with request as command:
                    async with tenants.exchange:
                        if request.stands():
                            request.answer(await tenants.carry_out(command, request.refusal))


async def drain(context: Context) -> None:
    """Drain what plugins run.  Cancelling skips the rest."""
    tenants = context.shared.extras.get(EXTRA)
    if tenants is not None:
        await tenants.hosts.drain_all()


class Tenants:
    """The plugins that are not ours."""

    def __init__(self, context: Context, desk: PluginDesk, nursery: trio.Nursery) -> None:
        """`nursery` is the service's: the services of plugins run in it."""
        self._context, self._desk = context, desk
        self.exchange = trio.Lock()
        """Held while a plugin comes or goes: a quarantine must not take away what a reload just put in its place."""
        built_in = desk.plugins.built_in_services(context.config)
        self.hosts = PluginHosts(context, nursery, [service.name for service in built_in])
        context.shared.levers.restart_tenant = self.hosts.restart

    def start_all(self) -> None:
        """Start the services of every plugin that runs."""
        for record in tuple(self._desk.plugins.records.values()):
            if record.is_ours or record.state is not PluginState.RUNNING:
                continue
            services = self._desk.plugins.services_of(record.name, self._context.config)
            problem = self.hosts.problem(services, record.name)
            if problem:
                self._context.log.error(
                    f"plugin {record.name}: {problem}; its services do not run", plugin=record.name
                )
                record.quarantine(problem)
                self._tell_quarantine(record)
            else:
                self.hosts.start(record, services)

    async def carry_out(self, command: Any, refusal: Callable[[], cm.Outcome | None]) -> cm.Outcome:
        """Carry out one verb, unless `refusal` says why not when all is read.  Cancelling breaks it off between two steps."""
        name = command.plugin
        record = self._desk.plugins.records.get(name)
        if record is not None and record.is_ours:
            return cm.denied(
                f"{name} is a part of traderd; only plugins can be reloaded or disabled"
            )
        if isinstance(command, DisablePlugin):
            return await self._disable(command, record)
        if isinstance(command, EnablePlugin):
            return await self._enable(command, record)
        if record is not None and record.state is PluginState.OFF:
            return cm.denied(f"plugin {name} is off; run `traderd plugins enable {name}`")
        return await self._reload(command, ev.PluginChange.RELOADED, refusal)

    # --- reload -----------------------------------------------------------------------------------

    async def _reload(
        self, command: Any, change: ev.PluginChange, refusal: Callable[[], cm.Outcome | None]
    ) -> cm.Outcome:
        name, plugins = command.plugin, self._desk.plugins
        before = plugins.records.get(name)
        try:
            prepared = await self._context.env.run_blocking(
                plugins.prepare, name, self._context.config
            )
        except Exception as exc:  # noqa: BLE001 - a foreign module may fail in any way; what runs goes on
            return self._refused(command, before, str(exc), getattr(exc, "line", None))
        if (changed := refusal()) is not None:
            plugins.drop(prepared)
            return changed
        services = list(prepared.offered["traderd_services"])
        if problem := self.hosts.problem(services, name):
            plugins.drop(prepared)
            return self._refused(command, before, problem)
        coming = [spec.name for spec in prepared.offered["traderd_strategies"]]
        with self._desk.expecting(name, coming):
            words, problem = await self._replace_strategies(command, before, prepared)
        if problem:
            plugins.drop(prepared)
            return self._refused(command, before, problem)
        # From here on nothing can fail: the new form and its rules are in use at once.
        plugins.use(prepared, self._context.config)
        self._desk.refresh(self._context.config)
        stopped = await self.hosts.stop(name)
        self.hosts.start(prepared.record, services)
        self._clear_quarantine(name)
        if services or stopped:
            started = ", ".join(service.name for service in services) or "none"
            words.append(f"services stopped: {', '.join(stopped) or 'none'}, started: {started}")
        if rules := prepared.record.offers.get("risk rules"):
            words.append(f"risk rules in force: {', '.join(rules)}")
        verb = "loaded" if before is None else change.value
        sentence = f"plugin {name} was {verb} from {prepared.record.where}" + (
            f": {'; '.join(words)}" if words else ""
        )
        return self._done(command, change, sentence)

    async def _replace_strategies(
        self, command: Any, before: PluginRecord | None, prepared: PreparedPlugin
    ) -> tuple[list[str], str]:
        """Exchange the strategies through the actor; returns its sentences, and why it did not go."""
        known = self._context.shared.strategies
        new = {spec.name: spec for spec in prepared.offered["traderd_strategies"]}
        old = [] if before is None else list(before.offers.get(STRATEGIES, ()))
        words: list[str] = []
        changed: list[tuple[str, Any]] = []
        for name in dict.fromkeys((*new, *old)):
            earlier = known.get(name)
            outcome = await self._replace(command, name, new.get(name))
            if outcome.answer is cm.Answer.DENIED and name not in new:
                # It did not run, so nothing is to be taken away.
                known.pop(name, None)
                continue
            if outcome.answer is cm.Answer.DENIED:
                # What was exchanged goes back: half of a new file is nobody's intention.
                for changed_name, spec in reversed(changed):
                    await self._replace(command, changed_name, spec)
                return words, outcome.sentence
            changed.append((name, earlier))
            words.append(outcome.sentence)
        return words, ""

    async def _replace(self, command: Any, name: str, spec: Any) -> cm.Outcome:
        why = f"plugin {command.plugin} {_verb_of(command)}"
        return await self._exchange(name, spec, why, command.author, command.by)

    async def _exchange(
        self, name: str, spec: Any, why: str, author: ev.Author, by: str = ""
    ) -> cm.Outcome:
        strategies, strategy = self._context.shared.strategies, StrategyName(name)
        outcome = await self._context.send(
            ReplaceStrategy(strategy=strategy, spec=spec, why=why, author=author, by=by)
        )
        if outcome.answer is cm.Answer.DENIED:
            return outcome
        # Also when no actor runs now: it begins with what is here.
        if spec is None:
            strategies.pop(name, None)
        else:
            strategies[name] = spec
        if outcome.answer is not cm.Answer.DONE:
            # Told from here, so that the orders of one that is taken away are taken down all the same.
            self._context.publish(
                ev.StrategyReplaced(
                    at=self._context.now(),
                    strategy=strategy,
                    why=why,
                    adopted=0,
                    removed=spec is None,
                    author=author,
                    by=by,
                )
            )
        return outcome

    def _refused(
        self, command: Any, before: PluginRecord | None, why: str, line: int | None = None
    ) -> cm.Outcome:
        name = command.plugin
        where = "" if line is None else f" (line {line})" if f"line {line})" not in why else ""
        goes_on = (
            "the form that runs goes on unchanged"
            if before is not None and before.state is PluginState.RUNNING
            else "nothing was changed"
        )
        sentence = f"plugin {name} was not reloaded: {why}{where}; {goes_on}"
        self._context.log.error(sentence, plugin=name)
        self._publish(command, ev.PluginChange.RELOAD_REFUSED, sentence)
        return cm.denied(sentence)

    # --- disable and enable -----------------------------------------------------------------------

    async def _disable(self, command: DisablePlugin, record: PluginRecord | None) -> cm.Outcome:
        name, plugins = command.plugin, self._desk.plugins
        if record is None:
            known = ", ".join(plugins.foreign_names(name))
            return cm.denied(f"there is no plugin {name}; known are: {known or 'none'}")
        if record.state is PluginState.OFF:
            return cm.done(f"plugin {name} is off already")
        switch = Switch(by=command.by or command.author.value, at=format_time(self._context.now()))
        if problem := await self._switch(name, switch):
            return cm.Outcome(answer=cm.Answer.UNAVAILABLE, sentence=problem)
        words = [
            (await self._replace(command, strategy, None)).sentence
            for strategy in record.offers.get(STRATEGIES, ())
        ]
        stopped = await self.hosts.stop(name)
        if stopped:
            words.append(f"services stopped: {', '.join(stopped)}")
        if rules := record.offers.get("risk rules"):
            words.append(f"its risk rules forbid nothing any more: {', '.join(rules)}")
        plugins.switch_off(name, switch.sentence)
        self._desk.refresh(self._context.config)
        self._clear_quarantine(name)
        sentence = f"plugin {name} is disabled, also after a restart" + (
            f": {'; '.join(words)}" if words else ""
        )
        return self._done(command, ev.PluginChange.DISABLED, sentence)

    async def _enable(self, command: EnablePlugin, record: PluginRecord | None) -> cm.Outcome:
        name = command.plugin
        if record is not None and record.state is PluginState.RUNNING:
            return cm.done(f"plugin {name} runs already")
        if problem := await self._switch(name, None):
            return cm.Outcome(answer=cm.Answer.UNAVAILABLE, sentence=problem)
        # The switch is on the disk: it has begun.
        return await self._reload(command, ev.PluginChange.ENABLED, _begun)

    async def _switch(self, name: str, switch: Switch | None) -> str:
        try:
            await self._context.env.run_blocking(write_switch, self._desk.directory, name, switch)
        except StoreError as exc:
            return f"{exc}; nothing was changed"
        return ""

    # --- strikes ----------------------------------------------------------------------------------

    async def watch_strikes(self) -> None:
        """Tell failures of plugins, and take quarantined ones out of use, until cancelled."""
        for record in tuple(self._desk.plugins.records.values()):
            # Also when this service ended half way through, or never got as far.
            if record.state is PluginState.QUARANTINED and self._strategies_left(record):
                await self._take_out(record)
        while True:
            for record, reason, is_last in await self._desk.strikes.take():
                self._context.log.error(f"plugin {record.name}: {reason}", plugin=record.name)
                if is_last:
                    await self._quarantine(record)

    async def watch_notes(self) -> None:
        """Tell when the notes of plugins can no longer be written."""
        failure = await self._desk.notes.wait_failed()
        self._context.log.error(failure)
        self._context.publish(
            ev.DegradedRaised(at=self._context.now(), part=NOTES_PART, reason=failure)
        )

    async def _quarantine(self, record: PluginRecord) -> None:
        if self._is_in_use(record):
            self._tell_quarantine(record)
        await self._take_out(record)

    async def _take_out(self, record: PluginRecord) -> None:
        async with self.exchange:
            if not self._is_in_use(record):
                # A mended form took its place meanwhile.
                return
            for strategy in self._strategies_left(record):
                why = f"plugin {record.name} is quarantined"
                outcome = await self._exchange(strategy, None, why, ev.Author.MACHINE)
                # Also one that did not run: nobody is to start it.
                self._context.shared.strategies.pop(strategy, None)
                self._context.log.error(outcome.sentence, plugin=record.name)
            await self.hosts.stop(record.name)

    def _is_in_use(self, record: PluginRecord) -> bool:
        return self._desk.plugins.records.get(record.name) is record

    def _strategies_left(self, record: PluginRecord) -> list[str]:
        known = self._context.shared.strategies
        return [name for name in record.offers.get(STRATEGIES, ()) if name in known]

    def _tell_quarantine(self, record: PluginRecord) -> None:
        sentence = f"plugin {record.name} is quarantined: {record.sentence}"
        self._context.log.error(sentence, plugin=record.name)
        at = self._context.now()
        self._context.publish(
            ev.PluginChanged(
                at=at,
                plugin=record.name,
                change=ev.PluginChange.QUARANTINED,
                detail=record.reason,
                author=ev.Author.MACHINE,
            ),
            ev.DegradedRaised(at=at, part=f"{PART}{record.name}", reason=record.sentence),
        )

    def _clear_quarantine(self, name: str) -> None:
        self._context.clear_degraded(f"{PART}{name}")

    # --- telling ----------------------------------------------------------------------------------

    def _done(self, command: Any, change: ev.PluginChange, sentence: str) -> cm.Outcome:
        self._context.log.info(sentence, plugin=command.plugin, by=command.by)
        self._publish(command, change, sentence)
        return cm.done(sentence)

    def _publish(self, command: Any, change: ev.PluginChange, detail: str) -> None:
        self._context.publish(
            ev.PluginChanged(
                at=self._context.now(),
                plugin=command.plugin,
                change=change,
                detail=detail,
                author=command.author,
                by=command.by,
            )
        )


def _verb_of(command: Any) -> str:
    match command:
        case DisablePlugin():
            return "is disabled"
        case EnablePlugin():
            return "is enabled"
        case _:
            return "is reloaded"


def _begun() -> None:
    """Refuse nothing: what has begun is finished."""

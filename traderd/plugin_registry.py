"""Every plugin there is: its record, the module in use, what it offers, and how one takes the place of another.

Owns: that one which does not fit is left out alone and listed, that no name is offered twice, and that risk rules fail closed.
Must not: look for plugins beyond one named file, or run anything that a plugin describes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import attrs
import pluggy

from traderd.config import Config
from traderd.config_secrets import all_secret_texts
from traderd.plugin_api import RiskRule, Service, StrategySpec
from traderd.plugin_checks import PluginFault, arguments_of, nearest_first
from traderd.plugin_files import MODULE_PREFIX, modules_in, put_back, untrusted
from traderd.plugin_offers import (
    OFFERS,
    RISK_RULES_HOOK,
    SERVICES_HOOK,
    STRATEGIES_HOOK,
    ask,
    check_names,
    names_of,
)
from traderd.plugin_opening import fail, found_record, open_drop_in, switch_off
from traderd.runtime.log_text import mask_texts
from traderd.runtime.plugin_record import Guard, Origin, PluginRecord, PluginState, PreparedPlugin


@attrs.frozen
class FailedPlugin:
    """A plugin that was left out, and why."""

    where: str
    reason: str


def _as_it_is(hook: str, item: Any) -> Any:
    return item


def _no_clock() -> float:
    return 0.0


def _tell_nobody(record: PluginRecord, reason: str, is_last: bool) -> None:
    pass


@attrs.define(eq=False)
class PluginManager:
    """Every plugin that was found, loaded or refused."""

    _manager: pluggy.PluginManager
    directories: tuple[Path, ...] = ()
    """Where drop-ins are looked for, nearest first."""
    records: dict[str, PluginRecord] = attrs.Factory(dict)
    """By name, in the order of loading."""
    refused: list[PluginRecord] = attrs.Factory(list)
    """Files and directories that are no plugin of their name: untrusted, or hidden by one that was found first."""
    clock: Callable[[], float] = _no_clock
    """The monotonic clock by which calls are measured."""
    on_strike: Callable[[PluginRecord, str, bool], None] = _tell_nobody
    """Told of every failure of a plugin while it is called."""
    hidden: tuple[str, ...] = ()
    """Texts that no words of a plugin may show: the configuration's secrets, which plugins may read."""
    _answers: dict[tuple[str, str], tuple[dict[str, Any], list[Any]]] = attrs.Factory(dict)
    """By plugin and hook, what it was asked with and what it offered: the rules of a plugin must not go because another
    one came."""
    wrap_item: Callable[[str, Any], Any] = _as_it_is
    """Given what a plugin that is not ours offers through a hook, returns what is used in its place: for who watches it."""
    _guarded: dict[str, tuple[RiskRule, RiskRule]] = attrs.Factory(dict)
    """By name, each rule of a plugin and its guarded form: its measurements go on."""

    @property
    def failed(self) -> list[FailedPlugin]:
        """What was left out, in the order in which it was found."""
        return [
            FailedPlugin(one.where, one.sentence)
            for one in self.listed()
            if one.state is PluginState.FAILED
        ]

    def names(self) -> tuple[str, ...]:
        """Return the names of the plugins in use, in the order of loading."""
        return tuple(
            name for name, plugin in self._manager.list_name_plugin() if plugin is not None
        )

    def listed(self) -> list[PluginRecord]:
        """Return everything that was found, usable or not."""
        return [*self.refused, *self.records.values()]

    # --- what they offer --------------------------------------------------------------------------

    def services(self, config: Config) -> list[Service]:
        """Return every service of this configuration, those of plugins last."""
        return self.collect(SERVICES_HOOK, config=config)

    def built_in_services(self, config: Config) -> list[Service]:
        """Return our own services: nothing works without them."""
        offered = self.offered(SERVICES_HOOK, config=config)
        return [service for record, service in offered if record.is_ours]

    def services_of(self, name: str, config: Config) -> list[Service]:
        """Return the services of one plugin."""
        offered = self.offered(SERVICES_HOOK, config=config)
        return [service for record, service in offered if record.name == name]

    def strategies(self) -> dict[str, StrategySpec]:
        """Return every strategy on offer, by name."""
        return {spec.name: spec for spec in self.collect(STRATEGIES_HOOK)}

    def risk_rules(self, config: Config) -> tuple[RiskRule, ...]:
        """Return every risk rule of a plugin, in the order of loading.

        They fail closed: one that raises denies, and so does a plugin with rules that cannot be used, until it is mended or a
        person disables it.
        """
        rules = [
            self._guard_rule(record, rule)
            for record, rule in self.offered(RISK_RULES_HOOK, config=config)
        ]
        return (*rules, *(_closed(one) for one in self.records.values() if _is_missed(one)))

    def collect(self, hook: str, **arguments: Any) -> list[Any]:
        """Return what all plugins offer through one hook; one whose hook fails is left out and listed."""
        return [item for _, item in self.offered(hook, **arguments)]

    def ask_all(self, config: Config) -> None:
        """Ask every plugin for everything, so that one which fails is left out whole."""
        self.hidden = all_secret_texts(config)
        for hook in OFFERS:
            self.offered(hook, **_arguments(hook, config))

    def offered(self, hook: str, **arguments: Any) -> list[tuple[PluginRecord, Any]]:
        """Return what all plugins offer through one hook, with whose it is."""
        found: list[tuple[PluginRecord, Any]] = []
        owners: dict[str, str] = {}
        for name, plugin in self._manager.list_name_plugin():
            if plugin is None:
                continue
            record = self.records[name]
            try:
                items = self._ask(name, plugin, hook, arguments)
                check_names(hook, items, owners)
            except PluginFault as fault:
                if record.is_ours:
                    # A defect of ours, and not for a person to read as a plugin's.
                    raise fault.__cause__ or fault from None
                self.leave_out(record, fault)
                continue
            _note_offers(record, hook, items)
            owners.update(dict.fromkeys(names_of(hook, items), name))
            found += [(record, item) for item in items]
        return found

    def _ask(self, name: str, plugin: Any, hook: str, arguments: dict[str, Any]) -> list[Any]:
        known = self._answers.get((name, hook))
        if known is not None and known[0] == arguments:
            return known[1]
        items = self._wrapped(name, hook, ask(plugin, hook, arguments))
        self._answers[name, hook] = (arguments, items)
        return items

    def _wrapped(self, name: str, hook: str, items: Iterable[Any]) -> list[Any]:
        if self.records[name].is_ours:
            return list(items)
        return [self.wrap_item(hook, item) for item in items]

    def _guard_rule(self, record: PluginRecord, rule: RiskRule) -> RiskRule:
        known = self._guarded.get(rule.name)
        if known is not None and known[0] is rule:
            return known[1]
        check = self.guard(record).wrap(
            f"risk rule {rule.name}",
            rule.check,
            check=_no_sentence,
            when_quarantined=lambda: _closed_sentence(record),
        )
        guarded = attrs.evolve(rule, check=check)
        self._guarded[rule.name] = (rule, guarded)
        return guarded

    def guard(self, record: PluginRecord) -> Guard:
        """Return what measures and counts the calls of one plugin."""
        return Guard(
            record=record,
            clock=lambda: self.clock(),
            on_strike=lambda whose, why, is_last: self.on_strike(whose, why, is_last),
            masked=lambda words: mask_texts(words, self.hidden),
        )

    # --- coming and going -------------------------------------------------------------------------

    def add(self, record: PluginRecord, module: Any) -> None:
        """Take a plugin that fits into use, in the place of an older form of itself.

        Raises:
            PluginFault: pluggy finds a hook that it does not know.
        """
        self.remove(record.name)
        try:
            self._manager.register(module, name=record.name)
            self._manager.check_pending()
        except (ValueError, pluggy.PluginValidationError) as exc:
            self.remove(record.name)
            raise PluginFault(f"its hooks do not fit: {exc}") from exc
        self.records[record.name] = record

    def use(self, prepared: PreparedPlugin, config: Config) -> None:
        """Take a prepared plugin into use; what it offered is not asked for again."""
        name = prepared.record.name
        self.add(prepared.record, prepared.module)
        for hook, items in prepared.offered.items():
            wrapped = self._wrapped(name, hook, items)
            self._answers[name, hook] = (_arguments(hook, config), wrapped)

    def drop(self, prepared: PreparedPlugin) -> None:
        """Give a prepared plugin up: the one in use is found under its name again."""
        put_back(f"{MODULE_PREFIX}{prepared.record.name}", prepared.module_before)

    def switch_off(self, name: str, by: str) -> None:
        """Take a plugin out of use because a person said so."""
        self.remove(name)
        switch_off(self.records[name], by)

    def remove(self, name: str) -> None:
        """Take a plugin out of use; its record stays."""
        plugin = self._manager.get_plugin(name)
        if plugin is not None:
            self._manager.unregister(plugin)
        for hook in OFFERS:
            self._answers.pop((name, hook), None)

    def list_failed(self, record: PluginRecord, fault: PluginFault) -> None:
        """List a plugin that does not fit; when its name is taken, beside the one that has it."""
        fail(record, fault)
        if record.name in self.records:
            self.refused.append(record)
        else:
            self.records[record.name] = record

    def leave_out(self, record: PluginRecord, fault: PluginFault) -> None:
        """Take a plugin out of use that turned out not to fit."""
        self.remove(record.name)
        fail(record, fault)

    def prepare(self, name: str, config: Config) -> PreparedPlugin:
        """Import a drop-in anew and ask it for everything, without touching the one in use.  Blocks on the disk.

        Raises:
            PluginFault: it does not fit, or there is no file of this name; what is in use stays as it is.
        """
        record = found_record(self.file_of(name))
        key = f"{MODULE_PREFIX}{record.name}"
        before = sys.modules.get(key)
        module = open_drop_in(record)
        offered: dict[str, tuple[Any, ...]] = {}
        try:
            for hook in OFFERS:
                items = ask(module, hook, _arguments(hook, config))
                check_names(hook, items, self._owners(hook, besides=name))
                _note_offers(record, hook, items)
                offered[hook] = tuple(items)
        except BaseException:
            put_back(key, before)
            raise
        return PreparedPlugin(record=record, module=module, offered=offered, module_before=before)

    def _owners(self, hook: str, *, besides: str) -> dict[str, str]:
        owners: dict[str, str] = {}
        for record in self.records.values():
            if record.name != besides and record.state is not PluginState.OFF:
                owners |= dict.fromkeys(record.offers.get(OFFERS[hook][1], ()), record.name)
        return owners

    def foreign_names(self, like: str) -> list[str]:
        """Return the plugins that are not parts of traderd, those first whose name looks most like this one."""
        return nearest_first(like, [one.name for one in self.records.values() if not one.is_ours])

    def file_of(self, name: str) -> Path:
        """Return the file of a drop-in, in use or not; raises PluginFault when there is none."""
        known = self.records.get(name)
        if known is not None and known.origin not in {Origin.DROP_IN, Origin.EXAMPLE}:
            raise PluginFault(
                f"plugin {name} is {known.origin.value}",
                "only a module in a directory of plugins can be loaded anew; restart the daemon",
            )
        found: dict[str, Path] = {}
        for directory in self.directories:
            for path in modules_in(directory):
                if not untrusted(directory)[0]:
                    found.setdefault(path.stem, path)
        if name in found:
            return found[name]
        raise PluginFault(
            f"there is no plugin {name}",
            f"looked for {name}.py in {', '.join(map(str, self.directories))}; what can be reloaded: "
            f"{', '.join(nearest_first(name, found)) or 'none'}",
        )


def _arguments(hook: str, config: Config) -> dict[str, Any]:
    return {"config": config} if "config" in arguments_of(hook) else {}


def _note_offers(record: PluginRecord, hook: str, items: Iterable[Any]) -> None:
    names = names_of(hook, items)
    if names:
        record.offers[OFFERS[hook][1]] = names


def _no_sentence(answer: object) -> str:
    if answer is None or isinstance(answer, str):
        return ""
    return f"must return a text or None, it returned {type(answer).__name__}"


def _is_missed(record: PluginRecord) -> bool:
    return record.state is PluginState.FAILED and RISK_RULES_HOOK in record.hooks


def _closed(record: PluginRecord) -> RiskRule:
    return RiskRule(name=record.name, check=lambda _: _closed_sentence(record))


def _closed_sentence(record: PluginRecord) -> str:
    return (
        f"plugin {record.name} has risk rules and is {record.state.value}, so nothing passes: {record.reason}; mend it and run "
        f"`traderd plugins reload {record.name}`, or go on without it: `traderd plugins disable {record.name}`"
    )

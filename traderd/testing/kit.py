"""The conformance kit: one plugin is loaded, run twice in a simulated market, and judged.

Owns: which checks there are and what each of them demands.
Must not: know how the market goes (`world`), or how a plugin is watched (`watch`).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from time import (
    perf_counter,  # sim-ok: a callback costs real time, the virtual clock stands still meanwhile
)
from typing import Any, Final

import attrs
import msgspec

from traderd.config import Config
from traderd.errors import ConfigError, TraderdError
from traderd.plugin_checks import PluginFault
from traderd.plugin_files import drop_in_directories
from traderd.plugin_manager import load_plugins
from traderd.plugin_offers import (
    METRICS_HOOK,
    OBSERVATIONS_HOOK,
    OFFERS,
    RISK_RULES_HOOK,
    SERVICES_HOOK,
    STRATEGIES_HOOK,
)
from traderd.plugin_opening import found_record
from traderd.plugin_registry import PluginManager
from traderd.runtime.plugin_record import PluginState
from traderd.services.tenant_make import make_tenants
from traderd.testing.report import Report
from traderd.testing.watch import Watch
from traderd.testing.world import Trace, run_world

BUDGET_S: Final = 0.05
"""Bounds one callback on an idle machine: everything else waits meanwhile, and ten strategies share a second."""
CALLED: Final = frozenset({STRATEGIES_HOOK, RISK_RULES_HOOK, METRICS_HOOK, OBSERVATIONS_HOOK})
"""Hooks whose offers are called in the course of every check."""
SIMULATED: Final = Config()


def find_file(plugin: str, directory: Path) -> Path:
    """Return the file that a person means: a path, or the name of a plugin that is found from `directory`.

    Raises:
        ConfigError: there is none.
    """
    path = Path(plugin)
    if path.suffix == ".py" or path.is_file():
        if path.is_file():
            return path.absolute()
        raise ConfigError(f"there is no file {plugin}")
    for folder in drop_in_directories(directory):
        if (folder / f"{plugin}.py").is_file():
            return folder / f"{plugin}.py"
    raise ConfigError(
        f"there is no plugin {plugin}; give its file, or a name that `traderd plugins list` shows"
    )


def check_plugin(path: Path, *, minutes: int = 5, seed: int = 1) -> Report:
    """Try one plugin file in a simulated market and return what was found; nothing outside this process is touched.

    Args:
        path: the file.
        minutes: how long the market runs, at least 3.
        seed: of the market.
    """
    report = Report(plugin=str(path))
    traces, watches = [], []
    for _ in range(2):
        watch = Watch(path=str(path), clock=perf_counter)
        with watch.on():
            plugins = load_alone(path, watch)
            if not _fits(plugins, path, report):
                return report
            if problem := _parameters_problem(plugins):
                report.add("parameters", [problem], "")
                return report
            traces.append(
                run_world(plugins, settings=_settings(plugins), minutes=minutes, seed=seed)
            )
        watches.append(watch)
    report.add("parameters", [], "valid with their defaults")
    _judge(report, plugins, traces, watches, minutes)
    return report


def load_alone(path: Path, watch: Watch) -> PluginManager:
    """Return traderd's own plugins and this one, watched."""
    plugins = load_plugins([])
    plugins.wrap_item = partial(_watched, watch)
    plugins.directories = (path.parent,)
    try:
        plugins.use(plugins.prepare(path.stem, SIMULATED), SIMULATED)
    except PluginFault as fault:
        plugins.list_failed(found_record(path), fault)
    return plugins


def _fits(plugins: PluginManager, path: Path, report: Report) -> bool:
    faults = [
        f"{one.place}: {one.sentence}"
        for one in plugins.listed()
        if one.where == str(path) and one.state is PluginState.FAILED
    ]
    report.checks.clear()
    report.add("hooks", faults, "" if faults else ", ".join(plugins.records[path.stem].hooks))
    return not faults


def _settings(plugins: PluginManager) -> dict[str, Any]:
    return {f"strategies.{name}.enabled": True for name in plugins.strategies()}


def _parameters_problem(plugins: PluginManager) -> str:
    specs = plugins.strategies()
    enabled: dict[str, dict[str, Any]] = {name: {"enabled": True} for name in specs}
    try:
        make_tenants(msgspec.structs.replace(SIMULATED, strategies=enabled), specs)
    except TraderdError as exc:
        return str(exc)
    return ""


def _watched(watch: Watch, hook: str, item: Any) -> Any:
    if hook == STRATEGIES_HOOK:
        return watch.spec(item)
    if hook == RISK_RULES_HOOK:
        return attrs.evolve(item, check=watch.callback(f"risk rule {item.name}", item.check))
    if hook in {METRICS_HOOK, OBSERVATIONS_HOOK}:
        return attrs.evolve(item, read=watch.callback(f"{item.name}", item.read))
    return item


def _judge(
    report: Report,
    plugins: PluginManager,
    traces: list[Trace],
    watches: list[Watch],
    minutes: int,
) -> None:
    trace, watch = traces[0], watches[0]
    record = next(one for one in plugins.records.values() if not one.is_ours)
    told = [
        str(line["event"])
        for line in trace.lines
        if line["level"] in {"error", "warning"} and line.get("plugin") == record.name
    ]
    strikes = [reason for _, reason in record.strikes]
    services = record.offers.get(OFFERS[SERVICES_HOOK][1], ())
    told += [
        f"{line['event']}: {line.get('detail', '')}"
        for line in trace.lines
        if line["level"] == "warning" and line.get("service") in services
    ]
    report.add(
        "the market's course",
        trace.faults,
        f"{minutes} simulated minutes: {', '.join(trace.steps)}; {trace.orders} orders, {trace.fills} fills",
    )
    report.add(
        "no exception", watch.raised + (strikes or told), f"{sum(watch.calls.values())} calls"
    )
    slow = [
        f"{name} took {1_000 * worst:.0f} ms, {1_000 * BUDGET_S:.0f} ms are bearable"
        for name, worst in watch.worst_s.items()
        if min(one.worst_s.get(name, 0.0) for one in watches) > BUDGET_S
    ]
    worst = ", ".join(f"{name} {1_000 * one:.1f} ms" for name, one in watch.worst_s.items())
    report.add("time of calls", slow, f"at worst {worst}" if worst else "nothing was called")
    report.add("commands", watch.invalid, f"{watch.commands} valid commands")
    if CALLED.isdisjoint(record.hooks):
        _judge_behaviour(report, traces, watch)
        return
    silent = [] if watch.calls else ["nothing of it was ever called"]
    report.add("called", silent, ", ".join(f"{name} {n} times" for name, n in watch.calls.items()))
    _judge_behaviour(report, traces, watch)


def _judge_behaviour(report: Report, traces: list[Trace], watch: Watch) -> None:
    report.add("threads, sockets, processes", watch.forbidden, "none")
    printed = watch.printed.getvalue().strip()
    words = [f"it wrote {printed[:80]!r}; use context.log"] if printed else []
    report.add("standard output", words, "nothing written")
    differs = (
        []
        if traces[0].fingerprint == traces[1].fingerprint
        else [
            f"two runs with one seed differ ({traces[0].events} and {traces[1].events} facts): it uses chance, a clock or "
            "the order of a set; use observation.at and the context's timers"
        ]
    )
    facts = f"{traces[0].events} facts, {traces[0].fingerprint[:12]}"
    report.add("the same twice", differs, facts)

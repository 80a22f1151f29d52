"""From the hooks of plugins to the lists that their hosts read: notifiers, routes, metrics, observation features.

Owns: whose each of them is, that pure functions go through the plugin's guard, and that what fails in the others counts as a
strike as well. After a reload the lists are filled again.
Must not: run anything that a plugin describes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import structlog

from traderd.config import Config
from traderd.config_secrets import all_secret_texts
from traderd.plugin_offers import METRICS_HOOK, NOTIFIERS_HOOK, OBSERVATIONS_HOOK, ROUTES_HOOK
from traderd.plugin_registry import PluginManager
from traderd.runtime.plugin_record import PluginRecord, PluginState
from traderd.services.extensions import Extensions, Fault, Owned

Wrap = Callable[[PluginRecord, Any], Any]


def refill(extensions: Extensions, plugins: PluginManager, config: Config) -> None:
    """Read every list anew from the plugins in use; one whose hook fails is left out and listed."""
    extensions.faults.on_fault = _report(plugins)
    extensions.faults.hidden = all_secret_texts(config)
    for name, record in plugins.records.items():
        if extensions.forms.get(name, record) is not record:
            # What failed in the form before is mended, or fails again.
            extensions.faults.forget(name)
    extensions.forms = dict(plugins.records)

    def metric(record: PluginRecord, item: Any) -> Any:
        wrap = plugins.guard(record).wrap
        read = wrap(f"metric {item.name}", item.read, when_quarantined=lambda: None)
        return attrs.evolve(item, read=read)

    def feature(record: PluginRecord, item: Any) -> Any:
        wrap = plugins.guard(record).wrap
        read = wrap(
            f"observation feature {item.name}",
            item.read,
            check=_no_integer,
            when_quarantined=lambda: 0,
        )
        return attrs.evolve(item, read=read)

    extensions.replace(
        notifiers=_owned(plugins, NOTIFIERS_HOOK, {"config": config}),
        routes=_owned(plugins, ROUTES_HOOK, {"config": config}),
        metrics=_owned(plugins, METRICS_HOOK, {"config": config}, metric),
        features=_owned(plugins, OBSERVATIONS_HOOK, {}, feature),
    )


def _owned(
    plugins: PluginManager, hook: str, arguments: dict[str, Any], wrap: Wrap = lambda _, item: item
) -> list[Owned]:
    return [
        Owned(record.name, wrap(record, item), _in_use(record))
        for record, item in plugins.offered(hook, **arguments)
    ]


def _in_use(record: PluginRecord) -> Callable[[], bool]:
    return lambda: record.state is PluginState.RUNNING


def _no_integer(answer: object) -> str:
    if isinstance(answer, int) and not isinstance(answer, bool):
        return ""
    return f"must return a whole number, it returned {type(answer).__name__}"


def _report(plugins: PluginManager) -> Callable[[Fault, bool], None]:
    log = structlog.get_logger("traderd")

    def report(fault: Fault, is_strike: bool) -> None:
        where = f" at {fault.where}" if fault.where else ""
        if fault.count == 1:
            # Later ones are counted and listed: a metric is read every few seconds.
            log.error(
                f"plugin {fault.plugin}: its {fault.what} failed{where}: {fault.error}; the daemon goes on without it",
                plugin=fault.plugin,
            )
        record = plugins.records.get(fault.plugin)
        if record is None or not is_strike:
            return
        plugins.guard(record).strike(f"{fault.what} failed{where}: {fault.error}")

    return report

"""Loading plugins: the built-in services, entry points, and drop-in modules, all through one manager.

Owns: the order in which they are looked for and loaded. One that does not fit is listed with the reason and the cure, and the
others go on; nothing that is not ours stops the daemon.
Must not: run anything that a plugin describes.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pluggy

from traderd import hookspecs
from traderd.plugin_api import PROJECT_NAME
from traderd.plugin_checks import PluginFault, check_hooks, hooks_in, import_fault
from traderd.plugin_files import drop_in_directories, modules_in, untrusted
from traderd.plugin_offers import RISK_RULES_HOOK
from traderd.plugin_opening import fail, found_record, open_drop_in, switch_off, version_of
from traderd.plugin_registry import FailedPlugin, PluginManager
from traderd.runtime.plugin_record import Origin, PluginRecord

__all__ = [
    "BUILT_IN_PLUGINS",
    "FailedPlugin",
    "PluginManager",
    "drop_in_directories",
    "load_plugins",
]

BUILT_IN_PLUGINS: Final = (
    "traderd.services.notifier",
    "traderd.services.paper_exchange",
    "traderd.services.market_data",
    "traderd.services.book_audit",
    "traderd.services.trading_client",
    "traderd.services.sync",
    "traderd.services.fees",
    "traderd.services.risk",
    "traderd.services.risk_watch",
    "traderd.services.kill",
    "traderd.services.flatten",
    "traderd.services.orders",
    "traderd.services.positions",
    "traderd.services.order_log",
    "traderd.services.status",
    "traderd.services.health",
    "traderd.services.journal_compaction",
    "traderd.services.reload",
    "traderd.services.crash_guard",
    "traderd.services.stalls",
    "traderd.services.actor",
    "traderd.services.web",
    "traderd.services.plugins",
    "traderd.services.watchdog",
)
ENTRY_POINT_GROUP: Final = PROJECT_NAME


def load_plugins(
    directories: Iterable[Path], *, disabled: Mapping[str, str] | None = None
) -> PluginManager:
    """Load built-ins, entry points and drop-ins; what cannot be used is listed and does not stop the others.

    Args:
        directories: where drop-ins are looked for, nearest first.
        disabled: plugins that a person switched off, each with who and when: they are listed, and not imported.
    """
    manager = pluggy.PluginManager(PROJECT_NAME)
    manager.add_hookspecs(hookspecs)
    plugins = PluginManager(manager, tuple(directories))
    for name in BUILT_IN_PLUGINS:
        _add_built_in(plugins, importlib.import_module(name), name)
    off = disabled or {}
    for entry_point in metadata.entry_points(group=ENTRY_POINT_GROUP):
        record = PluginRecord(
            name=entry_point.name,
            where=entry_point.value,
            origin=Origin.INSTALLED,
            version="" if entry_point.dist is None else entry_point.dist.version,
        )
        _load(plugins, record, off, partial(_open_installed, entry_point))
    seen: list[Path] = []
    for directory in plugins.directories:
        # The working directory may be the one of the settings.
        if directory.resolve() not in seen:
            seen.append(directory.resolve())
            _load_directory(plugins, directory, off)
    return plugins


def _add_built_in(plugins: PluginManager, module: ModuleType, where: str) -> None:
    record = PluginRecord(name=where.rpartition(".")[2], where=where, origin=Origin.BUILT_IN)
    record.hooks = check_hooks(module)
    plugins.add(record, module)


def _load_directory(plugins: PluginManager, directory: Path, off: Mapping[str, str]) -> None:
    if not directory.is_dir():
        return
    reason, cure = untrusted(directory)
    if reason:
        record = PluginRecord(name=directory.name, where=str(directory), origin=Origin.DROP_IN)
        fail(record, PluginFault(reason, cure))
        plugins.refused.append(record)
        _miss_rules(plugins, directory, off, PluginFault(f"its directory: {reason}", cure))
        return
    for path in modules_in(directory):
        record = found_record(path)
        if record.origin is Origin.EXAMPLE and record.name in plugins.records:
            # A person's own module of that name is meant.
            continue
        _load(plugins, record, off, open_drop_in)


def _miss_rules(
    plugins: PluginManager, directory: Path, off: Mapping[str, str], fault: PluginFault
) -> None:
    """List the modules with risk rules of a directory that is refused: a rule that is gone unseen would let everything pass."""
    for path in modules_in(directory):
        try:
            hooks = hooks_in(path.read_bytes())
        except OSError:
            # Nobody can say that it has none.
            hooks = (RISK_RULES_HOOK,)
        if RISK_RULES_HOOK in hooks and path.stem not in off:
            record = found_record(path)
            record.hooks = hooks
            plugins.list_failed(record, fault)


def _open_installed(entry_point: metadata.EntryPoint, record: PluginRecord) -> Any:
    module = entry_point.load()
    record.hooks = check_hooks(module)
    record.version = record.version or version_of(module)
    return module


def _load(
    plugins: PluginManager,
    record: PluginRecord,
    off: Mapping[str, str],
    open_plugin: Callable[[PluginRecord], Any],
) -> None:
    """Add a plugin; `open_plugin` imports and checks it, and fills its record."""
    if record.name in plugins.records:
        taken = f"a plugin called {record.name} is loaded already"
        plugins.list_failed(record, PluginFault(taken, "rename the file"))
        return
    if record.name in off:
        switch_off(record, off[record.name])
        plugins.records[record.name] = record
        return
    try:
        plugins.add(record, open_plugin(record))
    except PluginFault as fault:
        plugins.list_failed(record, fault)
    except (Exception, SystemExit) as exc:  # noqa: BLE001 - a foreign module may fail in any way; it is listed
        plugins.list_failed(record, import_fault(exc, Path(record.where)))

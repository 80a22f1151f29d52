"""Loading plugins: the built-in services, entry points, and drop-in modules, all through one manager.

Owns: where drop-in modules are looked for, and that a module is refused whole when it fails to import, when its
hooks do not fit or fail, or when others could have written it. What is refused is named, and the others go on.
Must not: run anything that a plugin describes.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import attrs
import platformdirs
import pluggy

from traderd import hookspecs
from traderd.config import Config
from traderd.errors import ConfigError
from traderd.plugin_api import PROJECT_NAME, RiskRule, Service, StrategySpec

BUILT_IN_PLUGINS: Final = (
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
    "traderd.services.actor",
    "traderd.services.web",
    "traderd.services.watchdog",
)
ENTRY_POINT_GROUP: Final = PROJECT_NAME
HOOKS: Final = tuple(name for name in vars(hookspecs) if name.startswith("traderd_"))
ROOT: Final = 0
"""The user whom everything on a machine trusts anyhow."""


@attrs.frozen
class FailedPlugin:
    """A drop-in module that was left out, and why."""

    where: str
    reason: str


@attrs.define(eq=False)
class PluginManager:
    """Every plugin that was found, loaded or refused."""

    _manager: pluggy.PluginManager
    failed: list[FailedPlugin]
    """Grows when a drop-in fails later than at its import."""
    _drop_ins: dict[str, Path] = attrs.Factory(dict)

    def services(self, config: Config) -> list[Service]:
        """Return every service that the plugins contribute under this configuration."""
        return self._collect("traderd_services", Service, config=config)

    def strategies(self) -> dict[str, StrategySpec]:
        """Return every strategy on offer, by name.

        Raises:
            ConfigError: two plugins offer the same name.
        """
        specs: dict[str, StrategySpec] = {}
        for spec in self._collect("traderd_strategies", StrategySpec):
            if spec.name in specs:
                raise ConfigError(f"two plugins offer a strategy called {spec.name!r}; rename one")
            specs[spec.name] = spec
        return specs

    def risk_rules(self, config: Config) -> tuple[RiskRule, ...]:
        """Return every risk rule of a plugin, in the order of loading.

        Raises:
            ConfigError: two plugins offer the same name.
        """
        rules: dict[str, RiskRule] = {}
        for rule in self._collect("traderd_risk_rules", RiskRule, config=config):
            if rule.name in rules:
                raise ConfigError(f"two plugins offer a risk rule called {rule.name!r}; rename one")
            rules[rule.name] = rule
        return tuple(rules.values())

    def names(self) -> tuple[str, ...]:
        """Return the names of the loaded plugins, in the order of loading."""
        return tuple(
            name for name, plugin in self._manager.list_name_plugin() if plugin is not None
        )

    def add_drop_in(self, path: Path) -> None:
        """Note which file a loaded drop-in came from."""
        self._drop_ins[path.stem] = path

    def _collect(self, hook: str, kind: type, **arguments: Any) -> list[Any]:
        """Call the hook of one plugin after the other, so that one that fails is left out alone."""
        found: list[Any] = []
        plugins = [plugin for _, plugin in self._manager.list_name_plugin() if plugin is not None]
        for plugin in plugins:
            others = [other for other in plugins if other is not plugin]
            caller = self._manager.subset_hook_caller(hook, others)
            try:
                # At most one answer, because there is one plugin.
                offered = [item for answer in caller(**arguments) for item in answer]
                if not all(isinstance(item, kind) for item in offered):
                    raise TypeError(f"{hook} must return a list of {kind.__name__}")
            except Exception as exc:  # noqa: BLE001 - a foreign hook may fail in any way; it is listed
                self._leave_out(plugin, exc)
            else:
                found += offered
        return found

    def _leave_out(self, plugin: object, error: Exception) -> None:
        name = self._manager.get_name(plugin) or ""
        if name not in self._drop_ins:
            # A built-in or installed plugin that fails is a defect or a broken installation: not for us.
            raise error
        self._manager.unregister(plugin)
        reason = f"its hook failed: {type(error).__name__}: {error}"
        self.failed.append(FailedPlugin(str(self._drop_ins[name]), reason))


def drop_in_directories(directory: Path) -> tuple[Path, ...]:
    """Return where drop-in modules are looked for, nearest first."""
    return (
        directory / "plugins",
        platformdirs.user_config_path("traderd") / "plugins",
        Path("/etc/traderd/plugins"),
    )


def load_plugins(directories: Iterable[Path]) -> PluginManager:
    """Load built-ins, entry points and drop-ins.

    A drop-in that cannot be used is listed in `failed` and does not stop the others.

    Raises:
        ConfigError: a built-in or an installed plugin has a misspelled hook.
    """
    manager = pluggy.PluginManager(PROJECT_NAME)
    manager.add_hookspecs(hookspecs)
    for name in BUILT_IN_PLUGINS:
        manager.register(importlib.import_module(name), name=name.rpartition(".")[2])
    manager.load_setuptools_entrypoints(ENTRY_POINT_GROUP)
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as exc:
        raise ConfigError(f"an installed plugin does not fit this traderd: {exc}") from exc
    plugins = PluginManager(manager, [])
    for directory in directories:
        for path in _modules_in(directory, plugins.failed):
            reason = _register_drop_in(manager, path)
            if reason:
                plugins.failed.append(FailedPlugin(str(path), reason))
            else:
                plugins.add_drop_in(path)
    return plugins


def _modules_in(directory: Path, failed: list[FailedPlugin]) -> list[Path]:
    if not directory.is_dir():
        return []
    if reason := _untrusted(directory):
        failed.append(FailedPlugin(str(directory), reason))
        return []
    return sorted(path for path in directory.glob("*.py") if not path.name.startswith("_"))


def _untrusted(path: Path) -> str:
    """Return why others could have written this file or directory; an empty text when they could not."""
    status = path.stat()
    if status.st_uid not in (ROOT, os.getuid()):
        return (
            f"it belongs to user {status.st_uid}, who is neither root nor the user that runs traderd; "
            f"look at what is in it, then run: chown {os.getuid()} {path}"
        )
    if status.st_mode & stat.S_IWOTH:
        return f"others can write to it; run: chmod go-w {path}"
    # With umask 002, every user has a group of their own, and it can write to all of the user's files.
    if status.st_mode & stat.S_IWGRP and status.st_gid != os.getgid():
        return f"its group {status.st_gid} can write to it; run: chmod g-w {path}"
    return ""


def _register_drop_in(manager: pluggy.PluginManager, path: Path) -> str:
    """Register one module; returns why it was refused, an empty text when it was not."""
    if manager.has_plugin(path.stem):
        return f"a plugin called {path.stem} is loaded already; rename the file"
    try:
        if reason := _untrusted(path):
            return reason
        module = _import_file(path)
    except (Exception, SystemExit) as exc:  # noqa: BLE001 - a foreign module may fail in any way; it is listed
        line = exc.lineno if isinstance(exc, SyntaxError) else None
        return f"it cannot be imported: {type(exc).__name__}: {exc}" + (
            f" (line {line})" if line else ""
        )
    try:
        manager.register(module, name=path.stem)
        manager.check_pending()
    except (ValueError, pluggy.PluginValidationError) as exc:
        if manager.is_registered(module):
            manager.unregister(module)
        return f"its hooks do not fit: {exc}; known hooks are {', '.join(HOOKS)}"
    for hook in HOOKS:
        if inspect.iscoroutinefunction(getattr(module, hook, None)):
            manager.unregister(module)
            return f"its hook {hook} is `async def`; hooks are plain functions that describe"
    if not manager.get_hookcallers(module):
        manager.unregister(module)
        return f"it has no hook; decorate {' or '.join(HOOKS)} with @hookimpl"
    return ""


def _import_file(path: Path) -> ModuleType:
    name = f"traderd_dropin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses, attrs and pickles look their module up by its name, so it must be there by then.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module

"""Loading plugins: the built-in services, entry points, and drop-in modules, all through one manager.

Owns: where drop-in modules are looked for, and that a module is refused whole when its hooks are misspelled,
when it fails to import, or when others could have written it.
Must not: run anything that a plugin describes.
"""

from __future__ import annotations

import importlib
import importlib.util
import stat
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Final

import attrs
import platformdirs
import pluggy

from traderd import hookspecs
from traderd.config import Config
from traderd.errors import ConfigError
from traderd.plugin_api import PROJECT_NAME, Service, StrategySpec

BUILT_IN_PLUGINS: Final = (
    "traderd.services.paper_exchange",
    "traderd.services.market_data",
    "traderd.services.trading_client",
    "traderd.services.sync",
    "traderd.services.risk",
    "traderd.services.orders",
    "traderd.services.positions",
    "traderd.services.status",
    "traderd.services.health",
    "traderd.services.actor",
    "traderd.services.web",
)
ENTRY_POINT_GROUP: Final = PROJECT_NAME


@attrs.frozen
class FailedPlugin:
    """A drop-in module that was left out, and why."""

    where: str
    reason: str


@attrs.define(eq=False)
class PluginManager:
    """Every plugin that was found, loaded or refused."""

    _manager: pluggy.PluginManager
    failed: tuple[FailedPlugin, ...] = ()

    def services(self, config: Config) -> list[Service]:
        """Return every service that the plugins contribute under this configuration."""
        found: list[list[Service]] = self._manager.hook.traderd_services(config=config)
        return [service for services in reversed(found) for service in services]

    def strategies(self) -> dict[str, StrategySpec]:
        """Return every strategy on offer, by name.

        Raises:
            ConfigError: two plugins offer the same name.
        """
        found: list[list[StrategySpec]] = self._manager.hook.traderd_strategies()
        specs: dict[str, StrategySpec] = {}
        for spec in (spec for offered in reversed(found) for spec in offered):
            if spec.name in specs:
                raise ConfigError(f"two plugins offer a strategy called {spec.name!r}; rename one")
            specs[spec.name] = spec
        return specs

    def names(self) -> tuple[str, ...]:
        """Return the names of the loaded plugins, in the order of loading."""
        return tuple(name for name, _ in self._manager.list_name_plugin())


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
    failed: list[FailedPlugin] = []
    for directory in directories:
        for path in _modules_in(directory, failed):
            reason = _register_drop_in(manager, path)
            if reason:
                failed.append(FailedPlugin(str(path), reason))
    return PluginManager(manager, tuple(failed))


def _modules_in(directory: Path, failed: list[FailedPlugin]) -> list[Path]:
    if not directory.is_dir():
        return []
    mode = directory.stat().st_mode
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        failed.append(
            FailedPlugin(str(directory), f"others can write to it; run: chmod go-w {directory}")
        )
        return []
    return sorted(path for path in directory.glob("*.py") if not path.name.startswith("_"))


def _register_drop_in(manager: pluggy.PluginManager, path: Path) -> str:
    """Register one module; returns why it was refused, an empty text when it was not."""
    try:
        module = _import_file(path)
    except Exception as exc:  # noqa: BLE001 - a foreign module may fail in any way; it is listed
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
        known = ", ".join(name for name in vars(hookspecs) if name.startswith("traderd_"))
        return f"its hooks do not fit: {exc}; known hooks are {known}"
    return ""


def _import_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"traderd_dropin_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

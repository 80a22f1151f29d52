"""The configuration as it was given: every value with its place, and everything that is wrong with it at once.

Owns: looking at all layers without stopping at the first fault, for `traderd config` and `traderd doctor`.
Must not: judge a value by rules of its own; `traderd.config` and the strategies do.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import msgspec

from traderd.app_plugins import find_plugins, would_offer
from traderd.cli.options import given_flags
from traderd.config import MARKETS, STRATEGIES, Config, find_faults, make_config
from traderd.config_layers import (
    DEFAULT,
    ENVIRONMENT,
    ENVIRONMENTS,
    STATE_DIR,
    Layer,
    Layers,
    read_layers,
)
from traderd.config_secrets import masked_setting
from traderd.config_strategies import DEFAULTS, ENABLED
from traderd.config_values import build_tree, settings_of
from traderd.errors import ConfigError
from traderd.plugin_api import StrategySpec
from traderd.plugin_manager import PluginManager, drop_in_directories, load_plugins
from traderd.runtime.env import RealEnv
from traderd.runtime.log_text import Plain
from traderd.runtime.plugin_record import PluginState
from traderd.services.market_plan import configured_tickers
from traderd.services.tenant_make import make_tenants


@attrs.frozen(kw_only=True)
class Setting:
    """One setting of now."""

    name: str
    value: Plain
    """As JSON says it, secrets masked."""
    where: str
    """For people: `default`, or the file, variable or flag that it came from."""
    means: str = ""
    """What an unset value comes to here, empty where the value says it."""


@attrs.frozen(kw_only=True)
class Inspection(Layers):
    """What the layers say, and what is wrong with it."""

    config: Config | None
    """Made of the values that can be; None when the files could not be read."""
    problems: tuple[str, ...]
    """One sentence each, with the cure."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that was read."""
        return self.dotenv_files if self.file is None else (self.file, *self.dotenv_files)


def inspect(
    *,
    variables: Mapping[str, str],
    directory: Path,
    config_file: Path | None,
    flags: Mapping[str, Any],
) -> Inspection:
    """Read all layers and judge each value by itself and then all together; raises nothing for a wrong one."""
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        layers = read_layers(
            variables=variables, directory=directory, config_file=config_file, flags=given
        )
    except ConfigError as exc:
        chosen = str(given.get(ENVIRONMENT) or ENVIRONMENTS[0])
        return Inspection(
            environment=chosen,
            environment_where=DEFAULT,
            file=None,
            dotenv_files=(),
            given={},
            config=None,
            problems=(str(exc),),
        )
    good, problems = _judge_each(layers.given)
    config = make_config(layers.environment, good)
    problems += find_faults(config, good)
    if MARKETS not in layers.given:
        problems += _judge_markets(config)
    return Inspection(
        **attrs.asdict(layers, recurse=False), config=config, problems=tuple(problems)
    )


def look(
    *, config_file: Path | None, environment: str | None, state_dir: str | None, settings: Any
) -> tuple[Inspection, PluginManager]:
    """Return what these options give, and the plugins of this directory."""
    found = inspect(
        variables=RealEnv().variables,
        directory=Path.cwd(),
        config_file=config_file,
        flags=given_flags(environment, state_dir, settings),
    )
    try:
        # Those that a person switched off are not even imported, as when the daemon starts.
        plugins = find_plugins(found.config or Config(), Path.cwd())
    except ConfigError as exc:
        plugins = load_plugins(drop_in_directories(Path.cwd()))
        found = attrs.evolve(found, problems=(*found.problems, str(exc)))
    return found, plugins


def _known() -> dict[str, Any]:
    return settings_of(Config, free=STRATEGIES)


def _judge_each(layer: Layer) -> tuple[Layer, list[str]]:
    good: Layer = {}
    problems: list[str] = []
    known = _known()
    for name, given in layer.items():
        try:
            build_tree({name: given}, known, free=STRATEGIES)
        except ConfigError as exc:
            problems.append(str(exc))
        else:
            good[name] = given
    return good, problems


def _judge_markets(config: Config) -> list[str]:
    try:
        configured_tickers(config)
    except ConfigError as exc:
        return [str(exc)]
    return []


# --- every value ----------------------------------------------------------------------------------


def all_settings(
    found: Inspection, config: Config, specs: Mapping[str, StrategySpec]
) -> list[Setting]:
    """Return every setting in the order of the tree, then those of each strategy on offer."""
    rows = []
    for name in _known():
        value: Any = config
        for part in name.split("."):
            value = getattr(value, part)
        where = (
            found.environment_where if name == ENVIRONMENT else _place(found.given, name, DEFAULT)
        )
        rows.append(
            Setting(
                name=name,
                value=masked_setting(name, value),
                where=where,
                means=_means(name, config),
            )
        )
    for spec in specs.values():
        rows += _of_strategy(spec, found, config)
    return rows


def _of_strategy(spec: StrategySpec, found: Inspection, config: Config) -> list[Setting]:
    given = config.strategies.get(spec.name, {})
    defaults = dict(DEFAULTS)
    for field in attrs.fields(spec.parameters):
        default = field.default
        defaults[field.name] = default.factory() if hasattr(default, "factory") else default
    rows = []
    for key, default in defaults.items():
        name = f"{STRATEGIES}.{spec.name}.{key}"
        by_default = spec.enabled_in_sim and config.environment == "sim"
        is_unset = key == ENABLED and key not in given
        rows.append(
            Setting(
                name=name,
                value=masked_setting(name, given.get(key, default)),
                where=_place(found.given, name, DEFAULT),
                means=_yes(by_default) if is_unset else "",
            )
        )
    return rows


def _place(layer: Layer, name: str, otherwise: str) -> str:
    given = layer.get(name)
    return otherwise if given is None else given.where


def _means(name: str, config: Config) -> str:
    unset = {
        "exchange.embedded": (config.exchange.embedded, config.embedded),
        "trading.enabled": (config.trading.enabled, config.trading_enabled),
        "market_data.required": (config.market_data.required, config.market_data_required),
        "market_data.discover.enabled": (config.market_data.discover.enabled, config.discovers),
    }
    if name in unset:
        chosen, comes_to = unset[name]
        return _yes(comes_to) if chosen is None else ""
    return str(config.state_path()) if name == STATE_DIR and not config.state_dir else ""


def _yes(value: bool) -> str:
    return "true" if value else "false"


# --- strategies and plugins -----------------------------------------------------------------------


def strategy_problems(config: Config, plugins: PluginManager) -> list[str]:
    """Return what is wrong with the sections of strategies, each by itself, and which plugins were left out."""
    try:
        specs = plugins.strategies()
    except ConfigError as exc:
        return [str(exc)]
    problems = []
    for name, section in config.strategies.items():
        if name not in specs and _is_switched_off(plugins, name):
            continue
        alone = msgspec.structs.replace(config, strategies={name: section})
        try:
            make_tenants(alone, specs)
        except ConfigError as exc:
            problems.append(str(exc))
    try:
        plugins.risk_rules(config)
        plugins.services(config)
    except ConfigError as exc:
        problems.append(str(exc))
    return problems + [
        f"plugin {failed.where} is left out: {failed.reason}" for failed in plugins.failed
    ]


def _is_switched_off(plugins: PluginManager, strategy: str) -> bool:
    # The daemon passes its section over until somebody switches the plugin on again.
    record = would_offer(plugins, strategy)
    return record is not None and record.state is PluginState.OFF

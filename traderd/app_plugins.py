"""Plugins in the daemon: what is off, what each offers, and how a change reaches the parts that go by it.

Owns: that a plugin which fails, or is off, never stops the start, except where the configuration asks for what it would offer.
Must not: open a resource, or judge a plugin.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
import structlog

from traderd.config import Config
from traderd.core.engine import Engine
from traderd.errors import ConfigError, StoreError
from traderd.plugin_checks import strategies_of
from traderd.plugin_extensions import refill
from traderd.plugin_manager import PluginManager, drop_in_directories, load_plugins
from traderd.runtime.env import Env
from traderd.runtime.plugin_record import Origin, PluginRecord, PluginState
from traderd.services.extensions import Extensions
from traderd.services.plugin_desk import PluginDesk
from traderd.store.plugin_notes import NoteBook
from traderd.store.plugin_switches import read_switches

ENABLED: Final = "enabled"
NO_WORDS: Final = ("false", "0", "no")


def find_plugins(config: Config, directory: Path) -> PluginManager:
    """Load every plugin that is found from `directory`; those that a person switched off are not imported.

    Raises:
        ConfigError: it cannot be read which of them are off.
    """
    try:
        off = read_switches(config.state_path())
    except StoreError as exc:
        raise ConfigError(str(exc)) from exc
    return load_plugins(
        drop_in_directories(directory),
        disabled={name: switch.sentence for name, switch in off.items()},
    )


def without_unusable(config: Config, plugins: PluginManager) -> Config:
    """Return the configuration without sections of strategies whose plugin a person switched off.

    Raises:
        ConfigError: a section wants a strategy whose plugin cannot be used; names both, and the cure.
    """
    on_offer = plugins.strategies()
    kept = dict(config.strategies)
    for name, section in config.strategies.items():
        record = None if name in on_offer else would_offer(plugins, name)
        if record is None:
            continue
        wanted = str(section.get(ENABLED, True)).lower() not in NO_WORDS
        if record.state is PluginState.FAILED and wanted:
            raise ConfigError(
                f"strategies.{name} is set, and the plugin that offers it cannot be used: {record.place}: "
                f"{record.sentence}; or remove strategies.{name}"
            )
        structlog.get_logger("traderd").warning(
            f"strategies.{name} does not run: its plugin {record.name} is {record.state.value} ({record.reason})"
        )
        del kept[name]
    return msgspec.structs.replace(config, strategies=kept)


def would_offer(plugins: PluginManager, strategy: str) -> PluginRecord | None:
    """Return the plugin, switched off or unusable, that would offer a strategy; None when there is none."""
    for record in plugins.listed():
        if record.state not in {PluginState.FAILED, PluginState.OFF}:
            continue
        is_file = record.origin in {Origin.DROP_IN, Origin.EXAMPLE} and Path(record.where).is_file()
        names = strategies_of(Path(record.where)) if is_file else (record.name,)
        if strategy in names:
            return record
    return None


def tell_plugins(plugins: PluginManager) -> None:
    """Log which plugins there are, and of each that cannot be used why and what to do."""
    logger = structlog.get_logger("traderd")
    records = {record.name: record for record in plugins.listed()}
    loaded = [name for name in plugins.names() if name in records and not records[name].is_ours]
    logger.info(f"plugins: {', '.join(loaded) or 'none'}")
    for record in records.values():
        if record.state is PluginState.FAILED:
            logger.error(f"plugin {record.place} is left out: {record.sentence}")
        elif record.state is PluginState.OFF:
            logger.info(f"plugin {record.name} is off: {record.sentence}")


def make_desk(
    plugins: PluginManager,
    env: Env,
    engine: Engine,
    extensions: Extensions,
    notes: NoteBook,
    directory: Path,
) -> PluginDesk:
    """Connect the plugins with the parts that go by what they offer; its `refresh` fills these."""

    def refresh(config: Config) -> None:
        # One assignment: no order is judged by half of the old rules and half of the new ones.
        engine.risk.rules = plugins.risk_rules(config)
        refill(extensions, plugins, config)

    desk = PluginDesk(plugins=plugins, refresh=refresh, notes=notes, directory=directory)
    plugins.clock = env.monotonic
    plugins.on_strike = desk.strikes.add
    return desk

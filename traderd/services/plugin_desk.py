"""What the daemon knows of its plugins, and the handles by which one comes and goes.

Owns: the strikes that wait to be told, and the document of all plugins.
Must not: load anything itself; `plugins` of it does, which `app` puts in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import attrs
import trio

from traderd.config import Config
from traderd.runtime.plugin_record import CallTimes, Guard, PluginRecord, PreparedPlugin
from traderd.runtime.service import Service
from traderd.store.plugin_notes import NoteBook

STRIKES_WAITING_MAX: Final = 1_000
"""Bounds failures that wait to be told; the oldest go first, and none is needed to quarantine."""


class Plugins(Protocol):
    """The manager of plugins as services see it."""

    @property
    def records(self) -> dict[str, PluginRecord]:
        """Every plugin by name."""

    def listed(self) -> list[PluginRecord]:
        """Return everything that was found, usable or not."""

    def foreign_names(self, like: str) -> list[str]:
        """Return the plugins that are not parts of traderd, those first whose name looks most like this one."""

    def guard(self, record: PluginRecord) -> Guard:
        """Return what measures and counts the calls of one plugin, and its other failures."""

    def built_in_services(self, config: Config) -> list[Service]:
        """Return our own services."""

    def services_of(self, name: str, config: Config) -> list[Service]:
        """Return the services of one plugin."""

    def prepare(self, name: str, config: Config) -> PreparedPlugin:
        """Import a plugin anew without touching the one in use; blocks, raises PluginFault."""

    def use(self, prepared: PreparedPlugin, config: Config) -> None:
        """Take a prepared plugin into use."""

    def drop(self, prepared: PreparedPlugin) -> None:
        """Give a prepared plugin up."""

    def remove(self, name: str) -> None:
        """Take a plugin out of use; its record stays."""

    def switch_off(self, name: str, by: str) -> None:
        """Take a plugin out of use because a person said so."""


@attrs.define(eq=False)
class StrikeBox:
    """Failures of plugins that are to be told; filled wherever a plugin is called, emptied by the service."""

    _waiting: deque[tuple[PluginRecord, str, bool]] = attrs.Factory(
        lambda: deque(maxlen=STRIKES_WAITING_MAX)
    )
    _arrived: trio.Event = attrs.Factory(trio.Event)

    def add(self, record: PluginRecord, reason: str, is_last: bool) -> None:
        """Take one in; never blocks."""
        self._waiting.append((record, reason, is_last))
        self._arrived.set()

    async def take(self) -> list[tuple[PluginRecord, str, bool]]:
        """Wait for some and return them.  Cancelling loses none."""
        await self._arrived.wait()
        self._arrived = trio.Event()
        taken = list(self._waiting)
        self._waiting.clear()
        return taken


@attrs.define(eq=False, kw_only=True)
class PluginDesk:
    """The plugins of one daemon."""

    plugins: Plugins
    refresh: Callable[[Config], None]
    """Puts what plugins offer now in the place of what they offered before, risk rules first, at once."""
    notes: NoteBook
    directory: Path
    """Where it is kept which of them are off."""
    strikes: StrikeBox = attrs.Factory(StrikeBox)
    _coming: dict[str, str] = attrs.Factory(dict)

    @contextmanager
    def expecting(self, plugin: str, strategies: Iterable[str]) -> Iterator[None]:
        """Let these strategies be the plugin's while it is exchanged: its record does not say so yet."""
        self._coming = dict.fromkeys(strategies, plugin)
        try:
            yield
        finally:
            self._coming = {}

    def owner_of_strategy(self, strategy: str) -> str:
        """Return the plugin that offers a strategy; its own name when nobody does."""
        if strategy in self._coming:
            return self._coming[strategy]
        for record in self.plugins.records.values():
            if strategy in record.offers.get("strategies", ()):
                return record.name
        return strategy

    def owner_of_file(self, file: str) -> str:
        """Return the plugin whose source file this is, an empty text when it is none's or one of our own."""
        listed = self.plugins.listed()
        return next((one.name for one in listed if one.where == file and not one.is_ours), "")


def plugin_document(
    record: PluginRecord, services: Mapping[str, Any], restarts: Mapping[str, int]
) -> dict[str, Any]:
    """Return one plugin; `services` has the newest status of each service, `restarts` their number."""
    return {
        "name": record.name,
        "state": record.state.value,
        "origin": record.origin.value,
        "file": record.where,
        "line": record.line,
        "version": record.version,
        "hooks": list(record.hooks),
        "offers": {kind: list(names) for kind, names in record.offers.items()},
        "reason": record.reason,
        "cure": record.cure,
        "failures": [reason for _, reason in record.strikes],
        "services": {
            name: {
                "status": services[name].status,
                "detail": services[name].detail,
                "restarts": restarts.get(name, 0),
            }
            for name in record.offers.get("services", ())
            if name in services
        },
        "calls": {name: _times(times) for name, times in record.calls.items()},
    }


def _times(times: CallTimes) -> dict[str, Any]:
    return {
        "calls": times.calls,
        "failures": times.failures,
        "p50_ms": times.percentile_ms(0.5),
        "p99_ms": times.percentile_ms(0.99),
        "worst_ms": round(times.worst_s * 1_000, 3),
    }


def plugins_document(
    records: Sequence[PluginRecord],
    services: Mapping[str, Any] | None = None,
    restarts: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Return all plugins; without a daemon nothing is known of services."""
    return {"plugins": [plugin_document(one, services or {}, restarts or {}) for one in records]}

"""The commands of `traderd`, each imported when it is asked for.

Owns: which module each command is in. All of them together cost the daemon 10 MB and everybody a third of a second, and a
process runs one.
Must not: import a command before somebody wants it.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Final

import click

WHERE: Final[Mapping[str, str]] = {
    "amend": "verbs",
    "arm": "arm",
    "balance": "reads",
    "book": "reads",
    "calibrate": "verbs",
    "cancel": "verbs",
    "clear-halt": "halts",
    "completion": "completion",
    "config": "config",
    "confirm-limits": "halts",
    "decrease": "verbs",
    "doctor": "doctor",
    "drill": "drill",
    "exchange": "exchange",
    "fills": "reads",
    "flatten": "halts",
    "halt": "halts",
    "init": "init",
    "install": "install",
    "kill": "kill",
    "logs": "logs",
    "markets": "reads",
    "notify": "notify",
    "orders": "reads",
    "pause": "halts",
    "place": "verbs",
    "place-orders": "verbs",
    "plugins": "plugins",
    "positions": "reads",
    "reconcile": "reconcile",
    "reload": "reload",
    "reset-strategy": "verbs",
    "resume": "halts",
    "status": "reads",
    "strategies": "strategies",
    "why": "why",
}
"""The module under `traderd.cli` of each command; the command has the name of the object, with hyphens."""


class LazyCommands(MutableMapping[str, click.Command]):
    """What a group has: commands that are there, and such as are imported on the first look."""

    def __init__(self, where: Mapping[str, str] = WHERE) -> None:
        self._where = dict(where)
        self._known: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._known and name in self._where:
            module = importlib.import_module(f"traderd.cli.{self._where[name]}")
            self._known[name] = getattr(module, name.replace("-", "_"))
        return self._known[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._known[name] = command

    def __delitem__(self, name: str) -> None:
        del self._known[name]
        self._where.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._where, *self._known)))

    def __len__(self) -> int:
        return len({*self._where, *self._known})

    def __contains__(self, name: object) -> bool:
        # Without this a look at a name would import it.
        return name in self._where or name in self._known

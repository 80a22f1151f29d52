"""Which plugins a person switched off: a small file that holds with and without a daemon.

Owns: `plugins.json` in the state directory, written whole and durably.
Must not: know what a plugin is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from traderd.errors import StoreError
from traderd.store.private_file import DIRECTORY_MODE, write_private

SWITCHES_FILE: Final = "plugins.json"
BYTES_MAX: Final = 1_000_000
"""Bounds what is read: thousands of plugins."""


class Switch(msgspec.Struct, frozen=True, kw_only=True):
    """That one plugin is off."""

    by: str = ""
    at: str = ""
    """UTC, as ISO 8601."""

    @property
    def sentence(self) -> str:
        """Who switched it off and when, for people."""
        return f"disabled{f' by {self.by}' if self.by else ''}{f' at {self.at}' if self.at else ''}"


class _Switches(msgspec.Struct, kw_only=True):
    disabled: dict[str, Switch] = msgspec.field(default_factory=dict)


def read_switches(directory: Path) -> dict[str, Switch]:
    """Return the plugins that are off, by name.  Blocks on the disk.

    Raises:
        StoreError: the file cannot be read: a plugin that a person stopped must not run because of that.
    """
    path = directory / SWITCHES_FILE
    try:
        with path.open("rb") as file:
            content = file.read(BYTES_MAX)
        return msgspec.json.decode(content, type=_Switches).disabled
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, msgspec.DecodeError, UnicodeError) as exc:
        raise StoreError(
            f"the list of disabled plugins {path} cannot be read: {exc}; mend it, or remove it to use every plugin again"
        ) from exc


def write_switch(directory: Path, name: str, switch: Switch | None) -> None:
    """Switch one plugin off, or on again with None; returns when it is durable.  Blocks on the disk.

    Raises:
        StoreError: it could not be written; the file is as before.
    """
    switches = read_switches(directory)
    before = dict(switches)
    switches.pop(name, None)
    if switch is not None:
        switches[name] = switch
    if switches == before:
        return
    path = directory / SWITCHES_FILE
    content = msgspec.json.format(msgspec.json.encode(_Switches(disabled=switches)), indent=2)
    try:
        directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        write_private(path, content)
    except OSError as exc:
        raise StoreError(
            f"the list of disabled plugins {path} cannot be written: {exc}; make room on the disk or mend its permissions"
        ) from exc

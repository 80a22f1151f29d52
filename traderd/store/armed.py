"""The file that arms production: who allowed real orders, when, and for which key.

Owns: `armed.json` in the state directory, how long it holds, and the words for why it does not.
Must not: decide whether a configuration needs it; `app` does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from traderd.errors import StoreError
from traderd.store.private_file import DIRECTORY_MODE, sync_directory, write_private

ARMED_FILE: Final = "armed.json"
BYTES_MAX: Final = 4_096
"""Bounds what is read of the file: a name and a reason."""
ARMED_S: Final = 24 * 3_600
"""How long it holds: a start on another day is another decision."""
NS_PER_S: Final = 1_000_000_000
CURE: Final = "run `traderd arm` and type the environment's name"


class Armed(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says."""

    by: str
    at: int
    """Nanoseconds since 1970."""
    key_id: str
    """Of the API key that was set then: another account must be armed anew."""
    reason: str = ""

    @property
    def until(self) -> int:
        """When it ends to hold, in nanoseconds since 1970."""
        return self.at + ARMED_S * NS_PER_S


def write_armed(directory: Path, armed: Armed) -> None:
    """Make it durable.

    Raises:
        StoreError: it could not be written, and what was there before holds.
    """
    path = directory / ARMED_FILE
    try:
        directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        write_private(path, msgspec.json.encode(armed))
    except OSError as exc:
        raise StoreError(
            f"{path} cannot be written: {exc}; give traderd a state directory that is yours"
        ) from exc


def read_armed(directory: Path) -> Armed | None:
    """Return what the file says, None when there is none or it cannot be read: then nothing is armed."""
    try:
        with (directory / ARMED_FILE).open("rb") as file:
            return msgspec.json.decode(file.read(BYTES_MAX), type=Armed)
    except (OSError, msgspec.DecodeError, UnicodeError):
        return None


def remove_armed(directory: Path) -> bool:
    """Take it away durably; returns whether there was one.  Raises StoreError when it may still be there."""
    path = directory / ARMED_FILE
    try:
        path.unlink()
        sync_directory(directory)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as exc:
        raise StoreError(f"{path} cannot be removed: {exc}; remove it by hand") from exc
    return True


def why_not_armed(armed: Armed | None, *, now_ns: int, key_id: str) -> str:
    """Return why real orders are not allowed now, with the cure; an empty text when they are."""
    if armed is None:
        return f"production is not armed; {CURE}"
    if now_ns < armed.at:
        return f"production was armed at a time that lies ahead of this machine's clock; set the clock, then {CURE}"
    if now_ns > armed.until:
        hours = (now_ns - armed.at) // (3_600 * NS_PER_S)
        return f"production was armed {hours} h ago by {armed.by}, and that holds for 24 h; {CURE}"
    if armed.key_id != key_id:
        return f"production was armed by {armed.by} for another API key; {CURE}"
    return ""

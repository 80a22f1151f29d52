"""Small files beside the journal that only the daemon's user may read: each is written whole and durably, or not at all.

Owns: how such a file is replaced and removed, its rights and its owner, and a record that is begun anew when it is spoiled.
Must not: know what is in them, or make the directory. The latch and the lock are other: they must be there at every moment.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from traderd.store.ownership import give_to_owner

FILE_MODE: Final = 0o600
DIRECTORY_MODE: Final = 0o700
T = TypeVar("T")


def write_private(path: Path, content: bytes) -> None:
    """Write a file under another name, sync it, and move it into place; returns when that is on the disk.

    Raises:
        OSError: what was there before stands.
    """
    fresh = path.with_name(f"{path.name}.new")
    try:
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        try:
            give_to_owner(descriptor, path.parent)
            if os.write(descriptor, content) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        fresh.replace(path)
    except OSError:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Return when the names in a directory are on the disk; raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_record(path: Path, kind: type[T], *, bytes_max: int) -> tuple[T, str]:
    """Return a record of JSON, and what is wrong with it; without one, or with a spoiled one, an empty one."""
    try:
        with path.open("rb") as file:
            content = file.read(bytes_max)
        return msgspec.json.decode(content, type=kind), ""
    except FileNotFoundError:
        return kind(), ""
    except (OSError, msgspec.DecodeError, UnicodeError) as exc:
        return kind(), f"{path} cannot be read: {exc}; it is begun anew"

"""One daemon per state directory: an advisory lock on a file that holds the owner's pid.

Owns: the lock file. It is never deleted: a deleted one could be locked twice, once by each name.
Must not: guess from the pid whether somebody runs; the kernel drops the lock with its owner.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from traderd.errors import AlreadyRunning, StoreError
from traderd.store.ownership import give_to_owner

LOCK_FILE_MODE: Final = 0o600
DIRECTORY_MODE: Final = 0o700
PID_CHARACTERS_MAX: Final = 32
"""Bounds what is read back from the lock file: a pid has at most seven digits."""


@contextmanager
def hold_lock(path: Path, *, instead: str = "another state directory") -> Iterator[None]:
    """Hold the lock for as long as the context is open, making the directory when it is missing.

    Args:
        path: the lock file.
        instead: what whoever comes second may be given, for the message.

    Raises:
        AlreadyRunning: somebody else holds it; names the file and the pid written in it.
        StoreError: the directory or the file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=DIRECTORY_MODE)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, LOCK_FILE_MODE)
    except OSError as exc:
        raise StoreError(
            f"the lock file {path} cannot be made: {exc}; give traderd a state directory it can write to"
        ) from exc
    try:
        give_to_owner(descriptor, path.parent)
        _take(descriptor, path, instead)
        yield
    finally:
        # Closing the only descriptor of this open file drops the lock.
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Tell whether somebody holds the lock; asking takes it for an instant, and only where nobody has it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path, instead: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        holder = os.pread(descriptor, PID_CHARACTERS_MAX, 0).decode("ascii", "replace").strip()
        raise AlreadyRunning(
            f"another traderd (pid {holder or 'unknown'}) holds {path}: stop it first, "
            f"or give this one {instead}"
        ) from exc
    except OSError as exc:
        raise StoreError(f"{path} cannot be locked: {exc}; use a local file system") from exc
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except OSError as exc:
        raise StoreError(f"the lock file {path} cannot be written: {exc}") from exc

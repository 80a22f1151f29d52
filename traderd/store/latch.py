"""The kill switch's file: a latch that holds without a journal.

Owns: `kill.latch` in the state directory, and the instance id beside it. That the file is there is the latch, whatever is
in it: on a full disk an empty one can be made. `touch` is a way to pull the kill switch.
Must not: know who reads it, or wait for anything but the disk.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from traderd.errors import StoreError
from traderd.store.ownership import give_to_owner
from traderd.store.private_file import DIRECTORY_MODE, FILE_MODE, sync_directory

LATCH_FILE: Final = "kill.latch"
INSTANCE_FILE: Final = "instance"
BYTES_MAX: Final = 4_096
"""Bounds what is read of a latch: a reason and a name."""
FOUND: Final = "the file kill.latch was found"


class Latch(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says."""

    reason: str = FOUND
    by: str = ""
    at: int = 0
    """Nanoseconds since 1970, 0 when nobody knows."""
    only_ours: bool = False
    """What is to be cancelled: what this daemon placed, or every order of the account."""
    verified: bool = False
    """It was seen at the exchange that none of these rests."""


def write_latch(directory: Path, latch: Latch) -> str:
    """Make the latch durable; returns what is wrong with it, an empty text when nothing is.

    One that stands stays as it is, unless the new one asks for more than it.

    Raises:
        StoreError: there is no latch, not even an empty one.
    """
    path = directory / LATCH_FILE
    try:
        directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        # The empty file is the latch already; what is written into it only tells why.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    except OSError as exc:
        raise StoreError(f"the latch {path} cannot be made: {exc}") from exc
    try:
        give_to_owner(descriptor, directory)
        content = os.pread(descriptor, BYTES_MAX, 0)
        standing = _parse(content)
        if not content or standing.verified or (standing.only_ours and not latch.only_ours):
            _overwrite(descriptor, latch)
        os.fsync(descriptor)
        sync_directory(directory)
    except OSError as exc:
        return f"the latch {path} is there, but not surely kept over a power cut: {exc}"
    finally:
        os.close(descriptor)
    return ""


def read_latch(directory: Path) -> Latch | None:
    """Return the latch, None when there is none; one that cannot be read holds all the same."""
    path = directory / LATCH_FILE
    try:
        with path.open("rb") as file:
            content = file.read(BYTES_MAX)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return Latch()
    return _parse(content)


def mark_verified(directory: Path, swept: Latch) -> None:
    """Note that none of the orders rests that `swept` asks for; a latch that was removed or asks for more stays as it is.

    Raises:
        StoreError: it could not be noted, so the next start verifies it again.
    """
    path = directory / LATCH_FILE
    try:
        # Never made anew: a person may have taken it away meanwhile.
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise StoreError(f"the latch {path} cannot be opened: {exc}") from exc
    try:
        standing = _parse(os.pread(descriptor, BYTES_MAX, 0))
        if not standing.verified and (standing.only_ours or not swept.only_ours):
            _overwrite(descriptor, msgspec.structs.replace(standing, verified=True))
            os.fsync(descriptor)
    except OSError as exc:
        raise StoreError(f"the latch {path} cannot be written: {exc}") from exc
    finally:
        os.close(descriptor)


def _parse(content: bytes) -> Latch:
    try:
        return msgspec.json.decode(content, type=Latch)
    except (msgspec.DecodeError, UnicodeError):
        return Latch()


def _overwrite(descriptor: int, latch: Latch) -> None:
    # In place, so that the file is there at every moment; half written it asks for everything.
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, msgspec.json.encode(latch), 0)


def remove_latch(directory: Path) -> None:
    """Take the latch away, durably; raises StoreError when it may still be there."""
    path = directory / LATCH_FILE
    try:
        path.unlink(missing_ok=True)
        sync_directory(directory)
    except OSError as exc:
        raise StoreError(f"the latch {path} cannot be removed: {exc}") from exc


def write_instance(directory: Path, instance_id: str) -> None:
    """Keep the instance id where it can be read without the journal; a disk that refuses is no fault here."""
    path = directory / INSTANCE_FILE
    try:
        path.touch(mode=FILE_MODE)
        path.write_text(instance_id, encoding="ascii")
    except OSError:
        return


def read_instance(directory: Path) -> str | None:
    """Return the id with which this directory's client order ids begin, None when nobody knows it."""
    try:
        return (directory / INSTANCE_FILE).read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeError):
        return None

"""A disk that loses power: what was not synced is lost sector by sector.

Owns: an SQLite VFS over the real files that remembers what every unsynced sector held before, and the cut, which gives a
drawn half of them back what they held.
Must not: know what the files mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, Final

import apsw
import attrs

SECTOR: Final = 512


def _nobody() -> None:
    pass


@attrs.define(eq=False)
class _Unsynced:
    """What a file held before the writes that no sync has followed yet."""

    size: int
    """At the last sync."""
    sectors: dict[int, bytes] = attrs.Factory(dict)
    """By the number of the sector; shorter where the file ended."""


class Disk(apsw.VFS):
    """Passes everything on, until the power goes: from then on nothing is written any more."""

    def __init__(self, *, is_default: bool) -> None:
        self.base = apsw.vfs_names()[0]
        super().__init__("power_cut", self.base, makedefault=is_default)
        self.is_off = False
        self.syncs = 0
        self.writes_left: int | None = None
        """After so many writes and syncs the power goes; None: it stays."""
        self.on_off: Callable[[], None] = _nobody
        """Told when the power goes."""
        self._unsynced: dict[str, _Unsynced] = {}

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return _File(self, name, flags)

    # --- what the files tell ----------------------------------------------------------------------

    def step(self) -> None:
        """Count one write or sync; raises apsw.IOError when there is no power for it."""
        if self.writes_left is not None:
            self.writes_left -= 1
            if self.writes_left < 0 and not self.is_off:
                self.is_off = True
                self.on_off()
        if self.is_off:
            raise apsw.IOError("the power is off")

    def before_write(self, path: str, offset: int, length: int) -> None:
        """Remember what is about to be overwritten."""
        unsynced = self._of(path)
        with Path(path).open("rb") as file:
            for number in range(offset // SECTOR, -(-(offset + length) // SECTOR)):
                if number not in unsynced.sectors:
                    file.seek(number * SECTOR)
                    unsynced.sectors[number] = file.read(SECTOR)

    def synced(self, path: str) -> None:
        """Nothing of this file can be lost any more."""
        self.syncs += 1
        self._unsynced.pop(path, None)

    def _of(self, path: str) -> _Unsynced:
        if path not in self._unsynced:
            self._unsynced[path] = _Unsynced(Path(path).stat().st_size)
        return self._unsynced[path]

    # --- the cut ----------------------------------------------------------------------------------

    def cut(self, rng: Random) -> int:
        """Let the power go, if it has not yet, and lose half of what was not synced; returns the lost sectors."""
        self.is_off = True
        lost = sum(
            _lose(Path(path), unsynced, rng)
            for path, unsynced in sorted(self._unsynced.items())
            if Path(path).exists()
        )
        self._unsynced.clear()
        return lost


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        super().__init__(disk.base, name, flags)
        self._disk = disk
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.step()
        self._disk.before_write(self._path, offset, len(data))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._disk.step()
        size = Path(self._path).stat().st_size
        self._disk.before_write(self._path, newsize, max(0, size - newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        self._disk.step()
        super().xSync(flags)
        self._disk.synced(self._path)


def _lose(path: Path, unsynced: _Unsynced, rng: Random) -> int:
    data, lost, kept_end = bytearray(path.read_bytes()), 0, 0
    size = len(data)
    for number, old in sorted(unsynced.sectors.items()):
        start, end = number * SECTOR, (number + 1) * SECTOR
        if rng.random() < 0.5:
            lost += 1
            data.extend(b"\0" * max(0, start + len(old) - len(data)))
            data[start : min(end, len(data))] = old.ljust(SECTOR, b"\0")[: len(data) - start]
        else:
            kept_end = max(kept_end, min(end, size))
    del data[max(unsynced.size, kept_end) :]
    path.write_bytes(data)
    return lost


@contextmanager
def power_cut_disk() -> Iterator[Disk]:
    """Let every SQLite file that is opened in the block lie on such a disk."""
    disk = Disk(is_default=True)
    try:
        yield disk
    finally:
        disk.unregister()


def without_shared_memory(path: Path) -> None:
    """Forget what lived in memory only: the index of the write-ahead log."""
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)

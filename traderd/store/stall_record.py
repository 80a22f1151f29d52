"""The count of stalls of each plugin, kept over restarts.

Owns: `stalls.json` in the state directory. It is written while a stall lasts: the process may not outlive it.
Must not: decide how many are too many.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from traderd.store.private_file import read_record, write_private

STALLS_FILE: Final = "stalls.json"
BYTES_MAX: Final = 65_536
"""Bounds what is read of it: some thousand plugins."""


def note_stall(directory: Path, plugin: str) -> tuple[int, str]:
    """Count one more stall of a plugin; returns how many there are now, and what is wrong with the record.  Blocks on the disk."""
    counts, trouble = _read(directory)
    counts[plugin] = counts.get(plugin, 0) + 1
    return counts[plugin], _write(directory, counts) or trouble


def forget_stalls(directory: Path, plugin: str) -> str:
    """Begin to count anew, for a plugin that was mended; returns what is wrong with the record.  Blocks on the disk."""
    counts, trouble = _read(directory)
    if counts.pop(plugin, None) is None:
        return trouble
    return _write(directory, counts) or trouble


def _read(directory: Path) -> tuple[dict[str, int], str]:
    return read_record(directory / STALLS_FILE, dict[str, int], bytes_max=BYTES_MAX)


def _write(directory: Path, counts: dict[str, int]) -> str:
    path = directory / STALLS_FILE
    try:
        write_private(path, msgspec.json.encode(counts))
    except OSError as exc:
        return f"{path} cannot be written: {exc}"
    return ""

"""The record of starts: how often the daemon ended lately without being stopped.

Owns: `starts.json` in the state directory. A start is in it from its beginning until its ordered stop, so what is left in it
ended otherwise: by a crash, a kill, a power cut, or a failure that the daemon could not go on with.
Must not: decide what follows from it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from traderd.store.private_file import read_record, write_private

STARTS_FILE: Final = "starts.json"
BYTES_MAX: Final = 4_096
"""Bounds what is read of it: some hundred starts."""
KEPT_MAX: Final = 20
"""Bounds the starts that are kept: more within the window say nothing more."""
CRASHES_MAX: Final = 5
"""So many ends within CRASH_WINDOW_S that nobody asked for are a loop and not bad luck; a service has the same budget."""
CRASH_WINDOW_S: Final = 600
_NS_PER_S: Final = 1_000_000_000


def note_start(directory: Path, now_ns: int) -> tuple[int, str]:
    """Note a start; returns how many before it, within the window, ended without being stopped, and what is wrong with the record.

    A record that cannot be read counts as empty, and one that cannot be written is told: neither keeps the daemon from starting.
    """
    starts, trouble = _read(directory)
    # A wall clock that was set back leaves starts in the future; they say nothing about the last ten minutes.
    recent = [at for at in starts if now_ns - CRASH_WINDOW_S * _NS_PER_S <= at <= now_ns]
    return len(recent), _write(directory, [*recent, now_ns][-KEPT_MAX:]) or trouble


def note_ordered_end(directory: Path) -> str:
    """Note that the newest start was stopped in order; returns what is wrong with the record, an empty text when nothing is."""
    starts, trouble = _read(directory)
    return _write(directory, starts[:-1]) or trouble


def forget_starts(directory: Path) -> str:
    """Begin to count anew, with the present start; returns what is wrong with the record."""
    starts, trouble = _read(directory)
    return _write(directory, starts[-1:]) or trouble


def crash_sentence(crashes: int) -> str:
    """Say what so many unasked ends mean."""
    return (
        f"the daemon ended {crashes} times within {CRASH_WINDOW_S // 60} minutes without being stopped, so it takes no new "
        "risk until a person has looked: the log before each start says why it ended"
    )


def _read(directory: Path) -> tuple[list[int], str]:
    return read_record(directory / STARTS_FILE, list[int], bytes_max=BYTES_MAX)


def _write(directory: Path, starts: list[int]) -> str:
    path = directory / STARTS_FILE
    try:
        # Whole or not at all: a half written record would hide a loop.
        write_private(path, msgspec.json.encode(starts))
    except OSError as exc:
        return f"{path} cannot be written, so a loop of crashes would not be noticed: {exc}"
    return ""

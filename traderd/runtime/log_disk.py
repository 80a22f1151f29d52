"""The log on the disk where no journald keeps one: a file that begins anew when it is full, and the ones before it.

Owns: the names of the files, and that all of them together stay below their bound.
Must not: raise into whoever logs, or be used by two processes at once; whoever holds the lock of the directory has it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Final

LOG_FILE: Final = "traderd.log"
FILES: Final = 5
"""The newest one and four before it: what is thrown away at once is a fifth of what is kept."""
FILE_MODE: Final = 0o600
REST_FILE: Final = "traderd.log.rest"
"""Where the end of a file is written before it takes the file's place; what a crash leaves of it goes at the next start."""


class DiskLog:
    """Writes lines into a file of a directory; keeps the last ones and never more than was allowed.

    Each line is one write(2), so that it is there when the process dies. What the disk does not take is counted, and
    told in the file as soon as it takes something again.
    """

    def __init__(self, directory: Path, *, bytes_max: int) -> None:
        """Use at most `bytes_max` bytes; nothing is opened before the first line."""
        self.lines_lost = 0
        self._path = directory / LOG_FILE
        self._bytes_max = bytes_max
        self._file_bytes_max = bytes_max // FILES
        self._descriptor: int | None = None
        self._size = 0
        self._lost_since_told = 0
        self._torn = False

    def write_line(self, text: str) -> None:
        """Write one line; never raises."""
        if self._lost_since_told:
            text = f'{{"event":"{self._lost_since_told} log lines were lost here"}}\n{text}'
        start = "\n" if self._torn else ""
        line = f"{start}{text}\n".encode("utf-8", "backslashreplace")
        try:
            self._write(line)
        except OSError:
            # The disk is full, or somebody took the directory away; the next line tries again from the beginning.
            self.lines_lost += 1
            self._lost_since_told += 1
            self.close()
        else:
            self._lost_since_told = 0

    def fit(self) -> None:
        """Bring what an earlier run left under the bound, which may have been higher then; the newest lines stay.  Never raises.

        It may copy a file, so it is for a start, when nobody waits yet; what goes as a whole goes before that, because a
        full disk needs its place.  What the disk refuses now goes when a file is full.
        """
        with contextlib.suppress(OSError):
            self._path.with_name(REST_FILE).unlink(missing_ok=True)
            if self._size_of(self._path) > self._file_bytes_max:
                self._shift()
            self._make_room(may_cut=True)

    def close(self) -> None:
        """Close the file; the next line would open it again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            # Linux gives the number away even when it reports an error of the disk; to use it again would hit another file.
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _write(self, line: bytes) -> None:
        descriptor = self._open() if self._descriptor is None else self._descriptor
        if os.fstat(descriptor).st_nlink == 0:
            # Somebody removed the file to make room: what went into it now, nobody would ever see.
            self.close()
            descriptor = self._open()
        if self._size and self._size + len(line) > self._file_bytes_max:
            descriptor = self._begin_anew()
        while line:
            written = os.write(descriptor, line)
            self._size += written
            line = line[written:]
            self._torn = bool(line)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, FILE_MODE)
        self._size = os.fstat(self._descriptor).st_size
        return self._descriptor

    def _begin_anew(self) -> int:
        self.close()
        self._shift()
        self._make_room(may_cut=False)
        return self._open()

    def _shift(self) -> None:
        for number in range(FILES - 1, 0, -1):
            newer = self._numbered(number - 1)
            if newer.exists():
                newer.replace(self._numbered(number))

    def _make_room(self, *, may_cut: bool) -> None:
        # For one more full file, so nothing has to go while that fills.
        room = self._bytes_max - self._file_bytes_max
        to_cut: Path | None = None
        for number in range(1, FILES):
            path = self._numbered(number)
            size = self._size_of(path)
            if to_cut is None and size <= room:
                room -= size
            elif to_cut is None and may_cut and room:
                to_cut = path
            else:
                # What is older than a file that is cut goes as well: lines would be missing in between.
                path.unlink(missing_ok=True)
        if to_cut is not None:
            self._keep_end(to_cut, room)

    def _keep_end(self, path: Path, room: int) -> None:
        rest = self._path.with_name(REST_FILE)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        try:
            with path.open("rb") as file, os.fdopen(os.open(rest, flags, FILE_MODE), "wb") as end:
                # From one byte earlier on: a line that begins just there is whole.
                file.seek(-(room + 1), os.SEEK_END)
                file.readline()
                shutil.copyfileobj(file, end)
            rest.replace(path)
        except OSError:
            rest.unlink(missing_ok=True)
            raise
        if self._size_of(path) == 0:
            path.unlink()

    @staticmethod
    def _size_of(path: Path) -> int:
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return 0

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{LOG_FILE}.{number}") if number else self._path

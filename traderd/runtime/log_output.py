"""Where log lines go: the ring of recent ones, and the stream that the process was given.

Owns: dropping and counting lines that nobody takes.
Must not: raise into whoever logs, or hold the loop for a reader that does not read.
"""

from __future__ import annotations

import os
import select
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO, TypedDict

from traderd.runtime.log_text import Plain

RING_LINES: Final = 500
"""Bounds the lines kept for the console: some minutes of a busy daemon, under 1 MB."""
CHUNK_BYTES: Final = 4_096
"""Bounds one write: a pipe that says it is writable takes this much without blocking (POSIX PIPE_BUF)."""
REST_WAIT_MS: Final = 20
"""Bounds how long the rest of a long line may wait for its reader, so the loop is never held."""


class LogLine(TypedDict):
    """One line as the console shows it."""

    at: str
    """RFC 3339 UTC with microseconds."""
    level: str
    event: str
    fields: dict[str, Plain]


class LogRing:
    """Keeps the last lines and tells subscribers of each new one."""

    def __init__(self, capacity: int = RING_LINES) -> None:
        self.lines_seen = 0
        self.subscriber_failures = 0
        self._lines: deque[LogLine] = deque(maxlen=capacity)
        self._subscribers: dict[int, Callable[[LogLine], None]] = {}
        self._next_number = 0
        self._telling = False

    def lines(self) -> list[LogLine]:
        """Return the kept lines, oldest first."""
        return list(self._lines)

    @contextmanager
    def subscribe(self, callback: Callable[[LogLine], None]) -> Iterator[None]:
        """Call back with each new line while the context is open; the callback must be quick.

        One that raises is counted and stays. Lines that a callback logs itself are kept, not told.
        """
        number = self._next_number
        self._next_number += 1
        self._subscribers[number] = callback
        try:
            yield
        finally:
            del self._subscribers[number]

    def add(self, line: LogLine) -> None:
        """Keep a line and tell it."""
        self.lines_seen += 1
        self._lines.append(line)
        if self._telling:
            return
        self._telling = True
        try:
            for callback in tuple(self._subscribers.values()):
                self._tell(callback, line)
        finally:
            self._telling = False

    def _tell(self, callback: Callable[[LogLine], None], line: LogLine) -> None:
        try:
            callback(line)
        except Exception:  # noqa: BLE001 - counted and shown; logging must not fail its caller
            self.subscriber_failures += 1


class LineWriter:
    """Writes whole lines to a stream; drops and counts those that nobody takes."""

    def __init__(self, stream: TextIO) -> None:
        self.lines_lost = 0
        self._stream = stream
        self._lost_since_told = 0
        self._torn = False
        self._descriptor: int | None = None
        try:
            self._descriptor = stream.fileno()
        except (OSError, ValueError):
            return  # an in-memory stream: there is nothing to wait for
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLOUT)

    def write_line(self, text: str) -> None:
        """Write one line, after a note if some were lost before it; never raises, never waits long."""
        if self._lost_since_told:
            text = f"({self._lost_since_told} log lines were lost here)\n{text}"
        if self._torn:
            text = f"\n{text}"
        try:
            taken = self._write(f"{text}\n")
        except (OSError, ValueError):
            taken = False  # the reader is gone (a broken pipe), the disk is full, or the stream is closed
        if taken:
            self._lost_since_told = 0
        else:
            self.lines_lost += 1
            self._lost_since_told += 1

    def _write(self, text: str) -> bool:
        if self._descriptor is None:
            self._stream.write(text)
            return True
        self._stream.flush()  # what others printed comes first
        rest = text.encode("utf-8", "backslashreplace")
        wait_ms = 0
        while rest:
            if not self._poll.poll(wait_ms):
                return False
            rest = rest[os.write(self._descriptor, rest[:CHUNK_BYTES]) :]
            self._torn = bool(rest)
            wait_ms = REST_WAIT_MS
        return True

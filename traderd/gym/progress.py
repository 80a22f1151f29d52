"""How far a training or a judgement is: one line of a terminal that is written over, on the standard error.

Owns: that nobody but a person at a terminal gets it, that it makes room for what is printed, and the guess of what is left.
Must not: change anything that is watched: a training with it is the training without.
"""

from __future__ import annotations

import shutil
import sys
from time import monotonic  # sim-ok: in a process of its own, outside the daemon
from typing import Final, TextIO

from traderd.model.units import show_duration

GUESS_AFTER_S: Final = 5.0
"""Before that the first parts, which are slower, would say too much."""


class Progress:
    """One line about `total` parts of equal work; silent where the stream is no terminal."""

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._is_watched = self._stream.isatty()
        self._total, self._done = total, 0
        self._began = monotonic()
        self._drawn = 0

    def begin_part(self, words: str) -> None:
        """Say what is done now."""
        if not self._is_watched:
            return
        self.make_room()
        # Of a longer line only the last part could be written over.
        shown = f"{words}{self._left()}"[: shutil.get_terminal_size().columns - 1]
        self._stream.write(shown)
        self._stream.flush()
        self._drawn = len(shown)

    def end_part(self) -> None:
        """Count what was begun as done."""
        self._done += 1

    def make_room(self) -> None:
        """Leave the line to what is printed next; also at the end, so that nothing stays behind."""
        if self._drawn:
            self._stream.write(f"\r{' ' * self._drawn}\r")
            self._stream.flush()
            self._drawn = 0

    def _left(self) -> str:
        passed = monotonic() - self._began
        if not self._done or passed < GUESS_AFTER_S:
            return ""
        left = passed / self._done * max(0, self._total - self._done)
        return f", about {show_duration(left)} to go"

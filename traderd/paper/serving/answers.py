"""What a client asked for itself: it waits outside of the bounds that catch a slow reader.

Owns: how much of what waits for one client answers its commands. One command may ask for the books of every market,
which is more than the bounds hold, and whoever asks for that is not slow yet.
Must not: hold a frame, or know what one says.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import trio


class Answers:
    """The answers among one client's waiting frames.

    Those that are sent already are counted until all are, so that sending one costs nothing.
    """

    def __init__(self) -> None:
        """Count from nothing."""
        self.frames = 0
        self.size = 0
        """In bytes."""
        self.are_being_made = False
        self._all_sent = trio.Event()

    @contextmanager
    def being_made(self) -> Iterator[None]:
        """Take everything that is sent to the client inside as its answer; there must be no `await` in it."""
        self.are_being_made = True
        try:
            yield
        finally:
            self.are_being_made = False

    def add(self, size: int) -> None:
        """Count one frame of so many bytes."""
        self.frames += 1
        self.size += size

    def clear(self) -> None:
        """Note that nothing waits any more."""
        self.frames = self.size = 0
        self._all_sent.set()

    async def all_sent(self) -> None:
        """Return when nothing waits any more.  Cancelling is safe."""
        self._all_sent = trio.Event()
        await self._all_sent.wait()

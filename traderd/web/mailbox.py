"""What one console client has not been sent yet, in bounded space.

Owns: the conflation.  Of a book, an order, a position or the status only the latest version matters; of log lines,
fills and transitions each one does, up to a bound.
Must not: await, encode, or know about sockets.

A client that falls behind is not sent a history with a hole: its mailbox is emptied, marked stale, and it
gets a fresh snapshot when it reads again.  So a client that never reads costs one flag.
"""

from __future__ import annotations

from typing import Final

import attrs

EVENTS_MAX: Final = 1_000
"""Bounds unsent events of one client: 64 clients of 300 bytes each stay under 20 MB."""

LATEST_MAX: Final = 2_000
"""Bounds the distinct orders, positions and books of one client; a stalled one sees many orders go by."""

LATEST_WINS: Final = ("trader_status", "trading_state", "book", "position", "order", "chart")
"""Message types of which only the newest version per key is worth sending."""


@attrs.define(eq=False)
class Mailbox:
    """Encoded messages waiting for one client."""

    dropped: int = 0
    """Messages given up since the client joined; a snapshot made up for them."""
    stale: bool = True
    """The client needs a snapshot before anything else, as every newcomer does."""
    _waiting: dict[tuple[str, str], str] = attrs.Factory(dict)
    _lines: list[str] = attrs.Factory(list)
    _events: int = 0
    """How many of those that wait happened once; their number is their key."""

    def put(self, type_: str, key: str, text: str) -> None:
        """Keep one encoded message; a stale mailbox counts it as dropped, the snapshot will contain it."""
        if self.stale:
            self.dropped += 1
            return
        if type_ == "log":
            self._lines.append(text)
        elif type_ in LATEST_WINS:
            # Taking the old version out first moves the key to the end: order of last change.
            self._waiting.pop((type_, key), None)
            self._waiting[type_, key] = text
        else:
            self._events += 1
            self._waiting["", str(self._events)] = text
        events = self._events + len(self._lines)
        if events > EVENTS_MAX or len(self) - events > LATEST_MAX:
            self.dropped += len(self)
            self.clear()
            self.stale = True

    def take(self) -> list[str]:
        """Return what is waiting in the order in which it happened, log lines last, and forget it.

        A status that was made before a halt and read after it would take the halt from the page again. Log lines change
        nothing that is shown elsewhere, so nothing waits for them.
        """
        messages = [*self._waiting.values(), *self._lines]
        self.clear()
        return messages

    def clear(self) -> None:
        """Forget what is waiting."""
        self._waiting = {}
        self._lines = []
        self._events = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._lines)

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
    _events: list[str] = attrs.Factory(list)
    _latest: dict[tuple[str, str], str] = attrs.Factory(dict)

    def put(self, type_: str, key: str, text: str) -> None:
        """Keep one encoded message; a stale mailbox counts it as dropped, the snapshot will contain it."""
        if self.stale:
            self.dropped += 1
            return
        if type_ in LATEST_WINS:
            # Taking the old version out first moves the key to the end: order of last change.
            self._latest.pop((type_, key), None)
            self._latest[type_, key] = text
        else:
            self._events.append(text)
        if len(self._events) > EVENTS_MAX or len(self._latest) > LATEST_MAX:
            self.dropped += len(self)
            self.clear()
            self.stale = True

    def take(self) -> list[str]:
        """Return what is waiting, events first, and forget it."""
        messages = [*self._events, *self._latest.values()]
        self.clear()
        return messages

    def clear(self) -> None:
        """Forget what is waiting."""
        self._events = []
        self._latest = {}

    def __len__(self) -> int:
        return len(self._events) + len(self._latest)

"""What must not be said before it is on the disk: one gate for every client of the exchange.

Owns: which ticket frames wait for, and whom to wake when it is released.
Must not: hold frames (each session has its own queue) or know what a ticket stands for.
"""

from __future__ import annotations

from typing import Protocol


class Held(Protocol):
    """A session that keeps frames back."""

    def release(self, ticket: int) -> None:
        """Let go of everything that waited for tickets up to this one."""


class Gate:
    """Open until `hold`; closed until that ticket is released.  Tickets only grow."""

    def __init__(self) -> None:
        self.ticket = 0
        """What a frame of this moment waits for; 0 lets it pass."""
        self._released = 0
        self._waiting: list[Held] = []

    def hold(self, ticket: int) -> None:
        """Keep back every frame from now on until `ticket` is released."""
        if ticket > self._released:
            self.ticket = max(self.ticket, ticket)

    def release(self, ticket: int) -> None:
        """Let go of what waited for tickets up to this one."""
        self._released = max(self._released, ticket)
        if self.ticket <= self._released:
            self.ticket = 0
        waiting, self._waiting = self._waiting, []
        for session in waiting:
            session.release(ticket)

    def wait(self, session: Held) -> None:
        """Call the session's `release` at the next one, once."""
        self._waiting.append(session)

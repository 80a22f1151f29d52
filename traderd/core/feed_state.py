"""The connections that bring one feed: which stand, and what was last heard of them.

Owns: that one feed may be spread over several connections, which come and go by themselves.
Must not: know books.
"""

from __future__ import annotations

import attrs

from traderd.model.events import FeedConnected, FeedDisconnected
from traderd.model.units import Timestamp


@attrs.define(eq=False)
class FeedState:
    """One feed as last heard of."""

    standing: dict[int, Timestamp] = attrs.Factory(dict)
    """The connections that stand, by number, and since when."""
    wanted: int = 1
    """How many connections the feed is spread over."""
    connection: int = 0
    """The number of the newest connection."""
    url: str = ""
    connected_at: Timestamp | None = None
    """Since when at least one connection stands."""
    lost_at: Timestamp | None = None
    reason: str = "not connected yet"
    losses: int = 0

    @property
    def connected(self) -> bool:
        """Tell whether a connection stands; with several wanted, compare `standing` and `wanted`."""
        return bool(self.standing)

    def connect(self, event: FeedConnected) -> None:
        """Note that a connection stands."""
        if not self.standing:
            self.connected_at = event.at
        self.standing[event.connection] = event.at
        self.wanted = event.of
        self.connection, self.url, self.reason = event.connection, event.url, ""

    def disconnect(self, event: FeedDisconnected) -> None:
        """Note that a connection is gone."""
        stood = self.standing.pop(event.connection, None) is not None
        if event.of is None:
            self.losses += stood
        else:
            self.wanted = event.of
        self.lost_at, self.reason = event.at, event.reason

"""When news goes out to the consoles: at once after a quiet moment, then at bounded intervals.

Owns: which kind of message may go how soon, and the moment at which the next sending is due.
Must not: await, read a clock, or know clients and what is in their mailboxes.

A change of state, a halt or a fill is what somebody waits for, and each is sent anyhow, so it goes at once. An order's step goes at
once too, but only its newest version matters, so a busy order goes ten times a second. Books, the status and log lines never stop;
they keep to ten times a second and would otherwise make everything else wait for their turn.
"""

from __future__ import annotations

import enum
import math
from typing import Final

import attrs

FLUSH_INTERVAL_S: Final = 0.1
"""Bounds what is conflated to ten sendings a second: faster than anybody reads."""

URGENT_GAP_S: Final = 0.001
"""Bounds urgent sendings, for each client there is: one costs the loop some 0.07 ms, so all take a fifteenth of it at most."""


class Lane(enum.Enum):
    """How soon a message goes out."""

    URGENT = "urgent"
    SOON = "soon"
    REGULAR = "regular"


LANES: Final = {
    "state_transition": Lane.URGENT,
    "halt": Lane.URGENT,
    "fill": Lane.URGENT,
    "order": Lane.SOON,
    "position": Lane.SOON,
    "trading_state": Lane.SOON,
}
"""By type of message; what is not named here is regular."""


@attrs.define(eq=False)
class SendTimes:
    """What waits to be sent, by lane, and when it may be."""

    _waiting: dict[Lane, None] = attrs.Factory(dict)
    _sent_at: dict[Lane, float] = attrs.Factory(lambda: dict.fromkeys(Lane, -math.inf))

    def ask(self, lane: Lane) -> bool:
        """Note that something in `lane` waits; returns whether nothing did before."""
        is_new = lane not in self._waiting
        self._waiting[lane] = None
        return is_new

    def due_at(self, clients: int) -> float:
        """Return the moment (trio's clock, seconds) of the next sending to so many clients; infinity when nothing waits."""
        return min((self._lane_due_at(lane, clients) for lane in self._waiting), default=math.inf)

    def is_due(self, lane: Lane, now: float) -> bool:
        """Tell whether something in `lane` waits and may go."""
        return lane in self._waiting and self._lane_due_at(lane, 0) <= now

    def sent(self, now: float) -> None:
        """Note that every mailbox is being emptied; of the regular lane only when its turn has come, for its books are made then."""
        for lane in tuple(self._waiting):
            if lane is not Lane.REGULAR or self.is_due(lane, now):
                del self._waiting[lane]
                self._sent_at[lane] = now

    def _lane_due_at(self, lane: Lane, clients: int) -> float:
        gap = URGENT_GAP_S * clients if lane is Lane.URGENT else FLUSH_INTERVAL_S
        return self._sent_at[lane] + gap

"""What accounts held a while ago, for reads that lag.

Owns: snapshots of positions, taken only while a fault needs them, and which of them a read is answered with
(Kalshi: positions lag fills by about a second).
Must not: change a position, or be asked by anything but a read.
"""

from __future__ import annotations

from collections import deque
from typing import Final, TypeAlias

import attrs

from traderd.model.units import NS_PER_S, Timestamp
from traderd.paper.faults.faults import Faults
from traderd.paper.venue.records import Position
from traderd.paper.venue.venue import Venue

KEPT_MAX: Final = 10_000
"""Bounds the snapshots of one account: half an hour of five fills a second."""

Held: TypeAlias = tuple[Position, ...]


@attrs.define(eq=False)
class PositionMemory:
    """Positions of one venue, as they are or as they were."""

    venue: Venue
    faults: Faults
    _kept: dict[str, deque[tuple[Timestamp, Held]]] = attrs.field(factory=dict)
    """By account, oldest first."""

    def note(self, now: Timestamp) -> None:
        """Remember what has changed; call it after every call of the venue."""
        if not self.faults.remembers_positions:
            self._kept.clear()
            return
        for account_id in self.venue.account_ids():
            kept = self._kept.setdefault(account_id, deque(maxlen=KEPT_MAX))
            held = self.venue.positions(account_id, None)
            if not kept or _differs(kept[-1][1], held):
                kept.append((now, tuple(position.snapshot() for position in held)))

    def positions(self, account_id: str, subaccount: int | None, now: Timestamp) -> Held:
        """Return what a read of positions answers with; raises VenueRefusal as the venue does."""
        current = self.venue.positions(account_id, subaccount)
        age_s = self.faults.position_age_s(self.venue.account(account_id).name)
        kept = self._kept.get(account_id)
        if not age_s or not kept:
            return current
        moment = now - round(age_s * NS_PER_S)
        # What is older than the fault itself is not known: then the oldest snapshot is the answer.
        then = next((held for at, held in reversed(kept) if at <= moment), kept[0][1])
        return tuple(each for each in then if subaccount is None or each.subaccount == subaccount)


def _differs(before: Held, now: Held) -> bool:
    return len(before) != len(now) or any(
        (old.count, old.volume, old.settled) != (new.count, new.volume, new.settled)
        for old, new in zip(before, now, strict=True)
    )

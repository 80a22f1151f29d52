"""What of a venue has to go to the disk after a turn.

Owns: the rows of everything that the venue noted as changed, and the ledger row that goes with every batch.
Must not: touch a file, or wait.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from traderd.model.units import Timestamp
from traderd.paper.state.rows import Kept, KeyRow, LedgerRow, Noted, Row, is_spent, rows_of
from traderd.paper.venue.records import OrderGroup
from traderd.paper.venue.venue import Venue


@attrs.define(eq=False)
class StateChanges:
    """The changes of one venue, batch by batch."""

    venue: Venue
    """One that tracks its changes."""
    _pause: tuple[str | None, bool, bool] = (None, False, False)

    def take(self, *, at: Timestamp, ids: int = 0, noted: Iterable[Noted] = ()) -> list[Row]:
        """Return the rows of what changed since the last call, none if nothing did.

        Args:
            at: the exchange's time.
            ids: how many ids a seeded exchange has given out.
            noted: what changed outside of the venue.
        """
        things: list[Kept] = [*self.venue.take_touched(), *noted]
        # A pause is no record of its own, only a word in the ledger.
        pauses = self.venue.pauses
        pause = (self.venue.paused, pauses.by_calendar, pauses.by_command)
        if not things and pause == self._pause:
            return []
        self._pause = pause
        things.append(ledger_of(self.venue, at=at, ids=ids))
        return rows_of(things, self._is_gone)

    def _is_gone(self, thing: Kept) -> bool:
        if isinstance(thing, OrderGroup):
            return thing.group_id not in self.venue.floor.accounts[thing.account_id].groups
        return is_spent(thing) or (isinstance(thing, KeyRow) and thing.deleted)


def ledger_of(venue: Venue, *, at: Timestamp, ids: int) -> LedgerRow:
    """Return the few numbers that belong to the whole exchange."""
    floor = venue.floor
    return LedgerRow(
        at=at,
        fees_collected=floor.fees_collected,
        dust=floor.dust,
        paid_in=floor.paid_in,
        priority=floor.last_priority,
        ids=ids,
        paused=venue.paused,
        paused_by_calendar=venue.pauses.by_calendar,
        paused_by_command=venue.pauses.by_command,
    )

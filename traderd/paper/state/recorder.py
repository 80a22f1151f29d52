"""What of one exchange goes to its state file: the venue's changes, and what changed beside it.

Owns: which venue is followed, what was noted since the last turn, and the new beginning of a reset.
Must not: wait for the disk, or exist without one: an exchange that keeps nothing has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs

from traderd.model.units import Timestamp
from traderd.paper.ids import SeededIds
from traderd.paper.state.changes import StateChanges
from traderd.paper.state.keeper import StateKeeper
from traderd.paper.state.rows import CLEAR, Noted
from traderd.paper.venue.venue import Venue


@attrs.define(eq=False)
class Recorder:
    """Hands over to the keeper what changes, turn by turn."""

    keeper: StateKeeper
    ids: Callable[[], str]
    """Where the exchange's ids come from: seeded ones go on after a restart where they were."""
    _changes: StateChanges | None = None
    _noted: list[Noted] = attrs.field(factory=list)

    def follow(self, venue: Venue, released: Callable[[int], None]) -> None:
        """Record this venue from now on; `released` gets each ticket that is on the disk."""
        self._changes = StateChanges(venue)
        self.keeper.on_durable = released

    def note(self, row: Noted) -> None:
        """Write this row with the next turn."""
        self._noted.append(row)

    def forget_noted(self) -> None:
        """Write nothing of what was noted: it came from the file."""
        self._noted.clear()

    def begin_anew(self, rows: Iterable[Noted]) -> None:
        """Forget the whole file, but for these rows and what the next turn brings; raises StoreError."""
        self.keeper.submit([CLEAR])
        self._noted[:] = rows

    def record(self, now: Timestamp) -> int | None:
        """Hand over what changed and return the ticket to wait for, None if nothing did; raises StoreError."""
        assert self._changes is not None, "a venue is followed from the start"
        self._changes.venue.floor.end_turn()
        ids = self.ids.count if isinstance(self.ids, SeededIds) else 0
        rows = self._changes.take(at=now, ids=ids, noted=self._noted)
        self._noted.clear()
        return self.keeper.submit(rows) if rows else None

"""Scheduled changes of fees, of a whole series or of one event.

Owns: what is scheduled, what has come, and doing it on time (Kalshi: `/series/fee_changes`, `/events/fee_changes`).
Must not: know how a market is charged (`lifecycle`).
"""

from __future__ import annotations

import attrs

from traderd.model.units import Timestamp
from traderd.paper.venue.floor import Floor
from traderd.paper.venue.lifecycle import MarketLife
from traderd.paper.venue.listings import FeeChange


@attrs.define(eq=False)
class FeeCalendar:
    """Every change of fees there was or will be."""

    floor: Floor
    life: MarketLife
    pending: list[FeeChange] = attrs.field(factory=list)
    """Earliest first."""
    done: list[FeeChange] = attrs.field(factory=list)
    """Earliest first."""

    def schedule(self, change: FeeChange) -> None:
        """Plan a change; its series or event has to be there."""
        self.pending.append(change)
        self.pending.sort(key=lambda each: each.due)
        self.floor.touch(change)

    def next_due(self) -> Timestamp | None:
        """Return when the next change comes."""
        return self.pending[0].due if self.pending else None

    def advance(self, now: Timestamp) -> None:
        """Make the changes that are due."""
        while self.pending and self.pending[0].due <= now:
            change = self.pending.pop(0)
            self.done.append(change)
            if change.event_ticker is not None:
                self.life.change_event_fees(change.event_ticker, change.fees, now)
            elif change.fees is not None:
                series = self.floor.series[change.series_ticker]
                self.life.change_series_fees(series, change.fees, now)

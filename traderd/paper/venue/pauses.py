"""Pauses of the whole exchange: by command, and every week by the calendar.

Owns: when orders are not taken anywhere, and what a pause does to orders that asked not to outlive its beginning
(Kalshi: trading pause and exchange pause).
Must not: read a clock.
"""

from __future__ import annotations

import attrs

from traderd.model.units import Timestamp
from traderd.paper.venue.calendar import WeeklyPause
from traderd.paper.venue.order_entry import EXCHANGE_PAUSE, TRADING_PAUSE, OrderEntry


@attrs.define(eq=False)
class Pauses:
    """Whether orders are taken now."""

    entry: OrderEntry
    weekly: tuple[WeeklyPause, ...] = ()
    next_edge: Timestamp | None = attrs.field(init=False)
    """When a weekly pause next begins or ends, as far as known; None without any."""
    by_calendar: bool = False
    """Whether a weekly pause is on, as far as it was looked at."""
    by_command: bool = False
    """Whether somebody asked for the pause that is on: the calendar does not end that one."""

    def __attrs_post_init__(self) -> None:
        # Due at once: whether one is on can only be said when somebody tells the time.
        self.next_edge = Timestamp(0) if self.weekly else None

    def begin(self, now: Timestamp, *, whole_exchange: bool = False) -> None:
        """Take no orders until `end`; cancels are still taken unless the whole exchange is paused."""
        self._begin(now, EXCHANGE_PAUSE if whole_exchange else TRADING_PAUSE)
        self.by_command = True

    def _begin(self, now: Timestamp, code: str) -> None:
        if self.entry.paused is None:
            self.entry.cancel_for_pause(now)
        self.entry.paused = code

    def end(self) -> None:
        """End a pause, also one of the calendar."""
        self.entry.paused = None
        self.by_command = False

    def check_changes(self) -> None:
        """Refuse every change while the whole exchange is paused, money and order groups included; raises VenueRefusal.

        Kalshi: an exchange that is not active takes "no state changes at all" (exchange status).
        """
        self.entry.check_cancels()

    def resumes_at(self, now: Timestamp) -> Timestamp | None:
        """Return when the weekly pause that is on ends; None without one, or when somebody paused more than it does."""
        if self.entry.paused != TRADING_PAUSE:
            return None
        around = [pause.around(now) for pause in self.weekly]
        return max((end for begin, end in around if begin <= now), default=None)

    def follow(self, now: Timestamp) -> None:
        """Begin and end the weekly pauses."""
        if self.next_edge is None or now < self.next_edge:
            return
        around = [pause.around(now) for pause in self.weekly]
        self.next_edge = min(
            edge for begin_and_end in around for edge in begin_and_end if edge > now
        )
        inside = any(begin <= now < end for begin, end in around)
        if inside is self.by_calendar:
            return
        self.by_calendar = inside
        if inside and self.entry.paused is None:
            self._begin(now, TRADING_PAUSE)
        elif not inside and not self.by_command:
            self.end()

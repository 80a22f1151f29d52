"""When the whole exchange trades: weekly pauses in US Eastern time.

Owns: from wall times of New York to moments, daylight saving included (Kalshi: Thursday 03:00-05:00 ET).
Must not: pause anything itself.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import attrs

from traderd.errors import BadInput
from traderd.model.units import NS_PER_S, Timestamp

EASTERN: Final = ZoneInfo("America/New_York")
WEEKDAYS: Final = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
MINUTES_PER_DAY: Final = 24 * 60


@attrs.frozen(kw_only=True)
class WeeklyPause:
    """A trading pause that comes every week; both times are minutes of one Eastern day."""

    weekday: int
    """0 is Monday."""
    from_minute: int
    to_minute: int

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.weekday < len(WEEKDAYS):
            raise BadInput(f"there is no weekday {self.weekday}")
        if not 0 <= self.from_minute < self.to_minute <= MINUTES_PER_DAY:
            raise BadInput("a weekly pause begins before it ends, on one day")

    def around(self, now: Timestamp) -> tuple[Timestamp, Timestamp]:
        """Return the pause that is on at `now`, else the next one, as (begin, end)."""
        local = datetime.fromtimestamp(now // NS_PER_S, tz=UTC).astimezone(EASTERN)
        day = local.date() + timedelta(days=(self.weekday - local.weekday()) % 7)
        for week in (0, 7):
            begin, end = (
                self._moment(day + timedelta(days=week), minute)
                for minute in (self.from_minute, self.to_minute)
            )
            if now < end:
                return begin, end
        raise AssertionError("a week has seven days")

    def _moment(self, day: date, minute: int) -> Timestamp:
        extra, minute = divmod(minute, MINUTES_PER_DAY)
        day += timedelta(days=extra)
        wall = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=EASTERN)
        return Timestamp(round(wall.timestamp()) * NS_PER_S)


def eastern_midnight(seconds: int) -> int:
    """Return the last midnight of New York that is not after a moment; both in Unix seconds."""
    local = datetime.fromtimestamp(seconds, tz=UTC).astimezone(EASTERN)
    return round(datetime(local.year, local.month, local.day, tzinfo=EASTERN).timestamp())


THURSDAY_PAUSE: Final = WeeklyPause(weekday=3, from_minute=3 * 60, to_minute=5 * 60)
"""Kalshi's maintenance window."""

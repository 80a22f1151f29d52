"""The exchange itself: whether it is open, when it is, and how fresh its data are (Kalshi: exchange).

Owns: the status, the schedule, and the announcements that only the legacy dialect has.
Must not: pause anything (`venue.pauses`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs
import msgspec
from msgspec import UNSET

from traderd.kalshi.wire import rest
from traderd.model.units import Timestamp, format_time
from traderd.paper.rest.call import Call, Desk, Routes, answer, public
from traderd.paper.serving.http_server import Response
from traderd.paper.venue.calendar import MINUTES_PER_DAY, WEEKDAYS, WeeklyPause
from traderd.paper.venue.order_entry import EXCHANGE_PAUSE

HOURS_FROM: Final = "2020-01-01T00:00:00Z"
HOURS_UNTIL: Final = "2099-12-31T23:59:59Z"
"""How long the standard hours hold: for as long as anybody asks."""


class Session(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Trading hours of one day in US Eastern time, `HH:MM`; a close at 00:00 is the end of the day."""

    open_time: str
    close_time: str


class Window(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One maintenance window."""

    start_datetime: str
    end_datetime: str


def routes(desk: Desk) -> Routes:
    """Return what there is to know about the exchange."""
    reads = ExchangeReads(desk)
    table = {
        "/exchange/status": public(reads.status),
        "/exchange/schedule": public(reads.schedule),
        "/exchange/user_data_timestamp": public(reads.user_data_timestamp),
    }
    if desk.settings.is_legacy:
        # Kalshi removed it on 2026-07-04.
        table["/exchange/announcements"] = public(reads.announcements)
    return table


@attrs.frozen
class ExchangeReads:
    """Handlers of one desk."""

    desk: Desk

    def status(self, call: Call) -> Response:
        """`GET /exchange/status`."""
        venue = self.desk.venue
        trading = venue.paused is None
        whole = venue.paused != EXCHANGE_PAUSE
        resumes_at = venue.pauses.resumes_at(call.now)
        index = rest.ExchangeIndexStatus(
            exchange_index=0,
            description="Default",
            exchange_active=whole,
            trading_active=trading,
            intra_exchange_transfers_active=whole,
        )
        status = rest.ExchangeStatus(
            exchange_active=whole,
            trading_active=trading,
            intra_exchange_transfers_active=whole,
            exchange_estimated_resume_time=UNSET if resumes_at is None else format_time(resumes_at),
            exchange_index_statuses=[index],
        )
        return answer(status)

    def schedule(self, call: Call) -> Response:
        """`GET /exchange/schedule`: all day but for the weekly pauses, whose next dates are the maintenance windows."""
        pauses = self.desk.venue.pauses.weekly
        hours: dict[str, object] = {"start_time": HOURS_FROM, "end_time": HOURS_UNTIL}
        hours |= {name: sessions(day, pauses) for day, name in enumerate(WEEKDAYS)}
        schedule = {"standard_hours": [hours], "maintenance_windows": windows(pauses, call.now)}
        return answer({"schedule": schedule})

    def user_data_timestamp(self, call: Call) -> Response:
        """`GET /exchange/user_data_timestamp`: reads are never behind."""
        return answer({"as_of_time": format_time(call.now)})

    def announcements(self, call: Call) -> Response:
        """`GET /exchange/announcements`: none."""
        return answer({"announcements": []})


def sessions(weekday: int, pauses: Iterable[WeeklyPause]) -> list[Session]:
    """Return a weekday's trading hours: the day less its pauses."""
    found: list[Session] = []
    opens = 0
    for pause in sorted(pauses, key=lambda each: each.from_minute):
        if pause.weekday != weekday:
            continue
        if opens < pause.from_minute:
            found.append(_session(opens, pause.from_minute))
        opens = max(opens, pause.to_minute)
    if opens < MINUTES_PER_DAY:
        found.append(_session(opens, MINUTES_PER_DAY))
    return found


def windows(pauses: Iterable[WeeklyPause], now: Timestamp) -> list[Window]:
    """Return each weekly pause that is on, or the next one of it, earliest first."""
    return [
        Window(start_datetime=format_time(begin), end_datetime=format_time(end))
        for begin, end in sorted(pause.around(now) for pause in pauses)
    ]


def _session(opens: int, closes: int) -> Session:
    return Session(open_time=_clock(opens), close_time=_clock(closes))


def _clock(minute: int) -> str:
    hours, minutes = divmod(minute % MINUTES_PER_DAY, 60)
    return f"{hours:02d}:{minutes:02d}"

"""Whether and when the exchange is open."""

import pytest

from tests.paper.rest.reads import LEGACY, Reader
from tests.paper.venues import NOW, venue
from traderd.model.units import NS_PER_S, Timestamp, parse_time
from traderd.paper.rest.exchange_info import sessions
from traderd.paper.venue.calendar import THURSDAY_PAUSE, WEEKDAYS, WeeklyPause

ALL_DAY = [{"open_time": "00:00", "close_time": "00:00"}]


def told(reader: Reader) -> tuple[bool, bool]:
    status = reader.get("/exchange/status")
    (index,) = status["exchange_index_statuses"]
    assert index == {
        "exchange_index": 0,
        "description": "Default",
        "exchange_active": status["exchange_active"],
        "trading_active": status["trading_active"],
        "intra_exchange_transfers_active": status["intra_exchange_transfers_active"],
    }
    # Money stands still only when everything does.
    assert status["intra_exchange_transfers_active"] is status["exchange_active"]
    return status["exchange_active"], status["trading_active"]


def test_the_three_states():
    reader = Reader(venue())
    assert told(reader) == (True, True)
    reader.venue.pauses.begin(reader.now)
    assert told(reader) == (True, False)
    assert "exchange_estimated_resume_time" not in reader.get("/exchange/status")
    reader.venue.pauses.end()
    reader.venue.pauses.begin(reader.now, whole_exchange=True)
    assert told(reader) == (False, False)
    reader.venue.pauses.end()
    assert told(reader) == (True, True)


def test_a_weekly_pause_says_when_it_ends():
    reader = Reader(venue(pauses=(THURSDAY_PAUSE,)))
    reader.now = Timestamp(parse_time("2027-01-21T07:59:59Z"))
    assert told(reader) == (True, True)
    reader.later(1)
    assert told(reader) == (True, False)
    status = reader.get("/exchange/status")
    assert status["exchange_estimated_resume_time"] == "2027-01-21T10:00:00Z"
    # Whoever pauses more than that does not say until when.
    reader.venue.pauses.begin(reader.now, whole_exchange=True)
    assert "exchange_estimated_resume_time" not in reader.get("/exchange/status")
    reader.venue.pauses.end()
    reader.later(2 * 3600)
    assert told(reader) == (True, True)


def test_without_pauses_it_is_open_all_week():
    schedule = Reader(venue()).get("/exchange/schedule")["schedule"]
    (hours,) = schedule["standard_hours"]
    assert [hours[day] for day in WEEKDAYS] == [ALL_DAY] * 7
    assert hours["start_time"] < "2027" < hours["end_time"]
    assert schedule["maintenance_windows"] == []


def test_a_weekly_pause_cuts_its_day_and_is_the_next_window():
    schedule = Reader(venue(pauses=(THURSDAY_PAUSE,))).get("/exchange/schedule")["schedule"]
    (hours,) = schedule["standard_hours"]
    assert hours["thursday"] == [
        {"open_time": "00:00", "close_time": "03:00"},
        {"open_time": "05:00", "close_time": "00:00"},
    ]
    assert hours["friday"] == ALL_DAY
    assert schedule["maintenance_windows"] == [
        {"start_datetime": "2027-01-21T08:00:00Z", "end_datetime": "2027-01-21T10:00:00Z"}
    ]


def pause(begins: int, ends: int, weekday: int = 0) -> WeeklyPause:
    return WeeklyPause(weekday=weekday, from_minute=begins, to_minute=ends)


@pytest.mark.parametrize(
    ("pauses", "expected"),
    [
        ([pause(0, 60)], [("01:00", "00:00")]),
        ([pause(1380, 1440)], [("00:00", "23:00")]),
        ([pause(0, 1440)], []),
        ([pause(120, 180), pause(60, 150)], [("00:00", "01:00"), ("03:00", "00:00")]),
        ([pause(60, 240), pause(120, 180)], [("00:00", "01:00"), ("04:00", "00:00")]),
        ([pause(60, 120, weekday=1)], [("00:00", "00:00")]),
    ],
)
def test_sessions_are_the_day_less_its_pauses(pauses, expected):
    assert [(each.open_time, each.close_time) for each in sessions(0, pauses)] == expected


def test_data_are_as_fresh_as_the_question():
    reader = Reader(venue())
    reader.now = Timestamp(NOW + NS_PER_S // 2)
    assert reader.get("/exchange/user_data_timestamp") == {"as_of_time": "2027-01-15T08:00:00.5Z"}


def test_announcements_are_only_of_december_2025():
    assert Reader(venue()).refusal("/exchange/announcements")[0] == 404
    assert Reader(venue(), LEGACY).get("/exchange/announcements") == {"announcements": []}

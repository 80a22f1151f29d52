"""Weekly pauses in Eastern time, also in the weeks in which clocks change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderd.errors import BadInput
from traderd.model.units import NS_PER_S, Timestamp, format_time, parse_time
from traderd.paper.venue.calendar import THURSDAY_PAUSE, WeeklyPause


def around(pause: WeeklyPause, now: str) -> tuple[str, str]:
    begin, end = pause.around(parse_time(now))
    return format_time(begin), format_time(end)


@pytest.mark.parametrize(
    ("now", "begin", "end"),
    [
        # Winter: 03:00 Eastern is 08:00 UTC.  2027-01-14 is a Thursday.
        ("2027-01-13T12:00:00Z", "2027-01-14T08:00:00Z", "2027-01-14T10:00:00Z"),
        ("2027-01-14T07:59:59Z", "2027-01-14T08:00:00Z", "2027-01-14T10:00:00Z"),
        ("2027-01-14T08:00:00Z", "2027-01-14T08:00:00Z", "2027-01-14T10:00:00Z"),
        ("2027-01-14T09:59:59.999999Z", "2027-01-14T08:00:00Z", "2027-01-14T10:00:00Z"),
        ("2027-01-14T10:00:00Z", "2027-01-21T08:00:00Z", "2027-01-21T10:00:00Z"),
        # The day in New York counts: early on Friday in London is still Thursday evening there.
        ("2027-01-15T02:00:00Z", "2027-01-21T08:00:00Z", "2027-01-21T10:00:00Z"),
        # Clocks go forward on Sunday 2027-03-14: from then on 03:00 Eastern is 07:00 UTC.
        ("2027-03-11T12:00:00Z", "2027-03-18T07:00:00Z", "2027-03-18T09:00:00Z"),
        # And back on Sunday 2027-11-07.
        ("2027-11-04T12:00:00Z", "2027-11-11T08:00:00Z", "2027-11-11T10:00:00Z"),
        ("2027-11-04T08:59:00Z", "2027-11-04T07:00:00Z", "2027-11-04T09:00:00Z"),
    ],
)
def test_the_pause_that_is_on_or_comes_next(now, begin, end):
    assert around(THURSDAY_PAUSE, now) == (begin, end)


def test_a_pause_may_last_to_midnight_and_over_a_change_of_clocks():
    late = WeeklyPause(weekday=3, from_minute=23 * 60, to_minute=24 * 60)
    assert around(late, "2027-01-14T12:00:00Z") == ("2027-01-15T04:00:00Z", "2027-01-15T05:00:00Z")
    # One o'clock to five on the Sunday without a two o'clock: three hours.
    sunday = WeeklyPause(weekday=6, from_minute=60, to_minute=5 * 60)
    assert around(sunday, "2027-03-13T12:00:00Z") == (
        "2027-03-14T06:00:00Z",
        "2027-03-14T09:00:00Z",
    )


@pytest.mark.parametrize(
    ("weekday", "begin", "end"), [(7, 0, 1), (-1, 0, 1), (0, 5, 5), (0, -1, 5), (0, 0, 1441)]
)
def test_a_pause_that_cannot_be_is_refused(weekday, begin, end):
    with pytest.raises(BadInput, match="week"):
        WeeklyPause(weekday=weekday, from_minute=begin, to_minute=end)


@given(st.integers(1_700_000_000, 2_500_000_000))
def test_the_end_always_lies_ahead_and_at_most_a_week_away(seconds):
    now = Timestamp(seconds * NS_PER_S)
    begin, end = THURSDAY_PAUSE.around(now)
    assert end - begin == 2 * 3600 * NS_PER_S
    assert now < end <= now + (7 * 24 + 1) * 3600 * NS_PER_S

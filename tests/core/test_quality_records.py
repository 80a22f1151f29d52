"""The figures behind a grade: limits that only go down, and figures that a clock which is set back cannot keep alive."""

import pytest

from tests.core.builders import second
from traderd.core.lag_window import with_lag
from traderd.core.quality_records import (
    BOOK_LAGS,
    LAG,
    TABLE,
    BookRecord,
    LineRecord,
    grade_of,
)
from traderd.model.events import BookGrade
from traderd.model.units import NS_PER_MS, NS_PER_S

G = BookGrade


@pytest.mark.parametrize("measure", TABLE, ids=lambda measure: measure.name)
def test_a_measure_goes_down_a_grade_at_each_limit_and_never_up(measure):
    assert sorted(measure.limits) == list(measure.limits)
    for limit, at, above in zip(measure.limits, "ABCDE", "BCDEF", strict=True):
        assert (measure.grade(limit), measure.grade(limit + 1)) == (G(at), G(above))


def test_a_limit_is_kept_to_the_last_nanosecond():
    assert grade_of(LAG, None) is grade_of(LAG, 1_000 * NS_PER_MS) is G.A
    assert grade_of(LAG, 1_000 * NS_PER_MS + 1) is G.B


def lagging(record, at: float):
    record.lags = with_lag(record.lags, 3 * NS_PER_S, at_most=BOOK_LAGS)
    record.lagged_at = second(at)
    return record


@pytest.mark.parametrize("kind", [LineRecord, BookRecord])
@pytest.mark.parametrize(
    ("now", "lag_s"),
    [(100, 3), (110, 3), (110.1, None), (99.9, 3), (-3_500, None)],
    ids=["now", "just fresh", "old", "a moment before", "after the clock was set back an hour"],
)
def test_a_lag_tells_of_the_present_only(kind, now, lag_s):
    expected = None if lag_s is None else lag_s * NS_PER_S
    assert lagging(kind(), 100).lag_ns(second(now)) == expected


def test_a_fault_counts_for_ten_minutes_also_when_the_clock_was_set_back_after_it():
    record = BookRecord(fault_times=(second(3_600), second(3_601)))
    for now, count in ((3_602, 2), (4_200, 2), (4_200.5, 1), (4_202, 0)):
        assert record.recent_faults(second(now)) == count
    record.forget_faults(second(0))
    assert record.recent_faults(second(599)) == 2
    record.forget_faults(second(601))
    assert record.fault_times == ()


def test_a_look_from_a_moment_before_changes_nothing_of_the_faults():
    record = BookRecord(fault_times=(second(5),))
    assert record.recent_faults(second(0)) == 1
    assert record.fault_times == (second(5),)

"""A bounded window of lags: percentiles over what it holds, and a middle that one late frame does not move."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderd.core.lag_window import (
    NO_LAGS,
    Lags,
    count_of,
    percentile,
    percentile_of,
    percentiles,
    steady,
    with_lag,
)


def a_window(*lags: int, size: int = 8) -> Lags:
    window = NO_LAGS
    for lag in lags:
        window = with_lag(window, lag, at_most=size)
    return window


def test_an_empty_window_says_nothing():
    window = a_window()
    assert (percentile(window, 50), percentile(window, 99), steady(window, 3)) == (None, None, None)


@pytest.mark.parametrize(
    ("lags", "p50", "p99"),
    [((5,), 5, 5), ((1, 2), 1, 2), ((3, 1, 2), 2, 3), (tuple(range(100, 0, -1)), 50, 99)],
)
def test_a_percentile_is_one_of_the_lags(lags, p50, p99):
    window = a_window(*lags, size=100)
    assert (percentile(window, 50), percentile(window, 99)) == (p50, p99)


def test_the_oldest_make_room():
    window = a_window(*range(1, 12), size=4)
    assert count_of(window) == 4
    assert (percentile(window, 1), percentile(window, 100)) == (8, 11)


def test_one_late_frame_is_no_trend_and_two_are():
    window = a_window(1, 1, 1, 1, 900)
    assert steady(window, 3) == 1
    window = with_lag(window, 901, at_most=8)
    assert steady(window, 3) == 900
    assert steady(a_window(7), 3) == 7


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=40), st.integers(1, 9))
def test_the_middle_is_that_of_the_newest(lags, size):
    window = a_window(*lags, size=size)
    newest = sorted(lags[-min(3, size, len(lags)) :])
    assert steady(window, 3) == newest[(len(newest) - 1) // 2]
    assert percentile(window, 100) == max(lags[-size:])


def test_a_percentile_of_several_windows_counts_every_lag_alike():
    windows = [a_window(1), a_window(2, 3, 4), a_window()]
    assert (percentile_of(windows, 50), percentile_of(windows, 100)) == (2, 4)
    assert percentile_of([a_window()], 50) is None


def test_several_percentiles_come_from_one_look():
    window = a_window(5, 1, 9, 3)
    assert percentiles(window, 50, 99) == (percentile(window, 50), percentile(window, 99)) == (3, 9)
    assert percentiles(a_window(), 50, 99) == (None, None)

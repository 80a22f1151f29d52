"""The age of news against the youngest of the last minutes: offsets cancel, drift and steps are forgotten."""

import pytest

from traderd.core.news_age import PERIOD_NS, NewsAge
from traderd.model.units import NS_PER_S, Timestamp

PERIOD_S = PERIOD_NS // NS_PER_S


def ages(*samples):
    """Return the age in seconds after each (second, distance in seconds)."""
    age, found = NewsAge(), []
    for at, apart in samples:
        age.take(round(apart * NS_PER_S), Timestamp(round(at * NS_PER_S)))
        found.append(age.ns / NS_PER_S)
    return found


@pytest.mark.parametrize("offset_s", [-3_600, -1.5, 0, 0.2, 3_600])
def test_the_offset_of_the_clocks_does_not_matter(offset_s):
    distances = [(1, 0.2), (2, 0.1), (3, 0.6), (4, 2.1), (5, 0.1)]
    found = ages(*((at, apart + offset_s) for at, apart in distances))
    assert found == pytest.approx([0, 0, 0.5, 2.0, 0], abs=1e-6)


def test_the_youngest_counts_for_the_period_after_its_own_and_no_longer():
    start = 1_000
    found = ages(
        (start, 0.1),
        (start + PERIOD_S - 1, 1.1),
        (start + PERIOD_S, 1.1),
        (start + 2 * PERIOD_S - 1, 1.1),
        # A way that is longer for good, or a clock that was set, is the new ordinary.
        (start + 2 * PERIOD_S, 1.1),
    )
    assert found == pytest.approx([0, 1, 1, 1, 0])


def test_after_a_long_silence_it_begins_anew():
    found = ages((0, 0.1), (2 * PERIOD_S - 1, 0.6), (4 * PERIOD_S - 2, 0.6), (9 * PERIOD_S, 3.0))
    assert found == pytest.approx([0, 0.5, 0, 0])


def test_a_clock_that_was_set_back_begins_anew():
    assert ages((1_000, 0.1), (995, -4.9), (996, -4.4)) == pytest.approx([0, 0, 0.5])

"""The rule of sequence numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderd.core.sequence import SequenceTracker, Verdict


@pytest.mark.parametrize(
    ("last", "seq", "verdict", "then"),
    [
        (0, 1, Verdict.IN_ORDER, 1),
        (5, 6, Verdict.IN_ORDER, 6),
        (0, 2, Verdict.GAP, 2),
        (5, 9, Verdict.GAP, 9),
        (5, 5, Verdict.STALE, 5),
        (5, 3, Verdict.STALE, 5),
    ],
)
def test_a_number_is_next_ahead_or_old(last, seq, verdict, then):
    tracker = SequenceTracker(last=last)
    assert tracker.observe(seq) is verdict
    assert tracker.last == then
    assert (tracker.gaps, tracker.stale) == (verdict is Verdict.GAP, verdict is Verdict.STALE)


def test_after_a_gap_counting_goes_on_from_what_came():
    tracker = SequenceTracker()
    heard = [tracker.observe(seq) for seq in (1, 2, 5, 3, 6)]
    assert heard == [
        Verdict.IN_ORDER,
        Verdict.IN_ORDER,
        Verdict.GAP,
        Verdict.STALE,
        Verdict.IN_ORDER,
    ]
    assert (tracker.last, tracker.gaps, tracker.stale) == (6, 1, 1)


@given(st.lists(st.integers(1, 12), max_size=30))
def test_in_order_is_said_exactly_when_nothing_is_missing_or_old(numbers):
    tracker, highest = SequenceTracker(), 0
    for seq in numbers:
        verdict = tracker.observe(seq)
        assert (verdict is Verdict.IN_ORDER) == (seq == highest + 1)
        assert (verdict is Verdict.STALE) == (seq <= highest)
        highest = max(highest, seq)
    assert tracker.last == highest

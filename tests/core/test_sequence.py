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
    assert tracker.stale == (verdict is Verdict.STALE)


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
    assert (tracker.last, tracker.stale) == (6, 1)


@given(st.lists(st.integers(1, 12), max_size=30))
def test_in_order_is_said_exactly_when_nothing_is_missing_or_old(numbers):
    tracker, highest = SequenceTracker(), 0
    for seq in numbers:
        verdict = tracker.observe(seq)
        if verdict is Verdict.RESTARTED:
            assert seq <= highest
            return
        assert (verdict is Verdict.IN_ORDER) == (seq == highest + 1)
        assert (verdict is Verdict.STALE) == (seq <= highest)
        highest = max(highest, seq)
    assert tracker.last == highest


@pytest.mark.parametrize(
    ("numbers", "restarted_at"),
    [
        ((5, 6, 1, 2), 3),
        ((5, 6, 1, 3), 3),
        ((5, 6, 6, 6, 6), None),
        ((5, 6, 5, 5), None),
        ((5, 6, 1, 7, 2, 8), None),
        ((5, 6, 3, 2), None),
    ],
    ids=["from 1", "with a loss", "copies", "late twice", "each alone", "going down"],
)
def test_old_numbers_that_go_up_in_a_row_are_a_new_count(numbers, restarted_at):
    tracker = SequenceTracker()
    verdicts = [tracker.observe(seq) for seq in numbers]
    found = verdicts.index(Verdict.RESTARTED) if Verdict.RESTARTED in verdicts else None
    assert found == restarted_at


def test_after_a_new_count_no_number_is_in_order_any_more():
    tracker = SequenceTracker(last=6)
    assert [tracker.observe(seq) for seq in (1, 2)] == [Verdict.STALE, Verdict.RESTARTED]
    assert [tracker.observe(seq) for seq in (3, 4, 7, 8)] == [Verdict.STALE] * 4


def test_a_reply_may_repeat_a_number_and_says_nothing_about_a_new_count():
    tracker = SequenceTracker(last=6)
    assert [tracker.observe_reply(seq) for seq in (6, 6, 1, 2)] == [Verdict.STALE] * 4
    assert tracker.stale == 4
    assert tracker.observe_reply(7) is Verdict.IN_ORDER
    assert tracker.observe_reply(9) is Verdict.GAP
    assert tracker.observe(10) is Verdict.IN_ORDER

"""Records change in place and can be copied; facts cannot change."""

from __future__ import annotations

import pytest

from traderd.paper.venue.kept import Fact, Record


class Counter(Record, kw_only=True, eq=False, gc=False):
    value: int = 0


class Reading(Fact, frozen=True, kw_only=True, eq=False, gc=False):
    value: int


def test_a_snapshot_does_not_follow_later_changes():
    counter = Counter(value=1)
    before = counter.snapshot()
    counter.value = 2
    assert (type(before), before.value) == (Counter, 1)


def test_a_fact_cannot_change():
    with pytest.raises(AttributeError):
        Reading(value=1).value = 2


def test_two_records_with_equal_fields_are_still_two():
    assert Counter(value=1) != Counter(value=1)

"""The budget of snapshots: evenly filled, never more than its size, and a wait that is enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderd.services.snapshot_budget import (
    ROUNDS_PER_MINUTE,
    SNAPSHOTS_PER_MINUTE_MIN,
    SnapshotBudget,
)


def test_the_budget_grows_with_the_markets_and_has_a_floor():
    assert SnapshotBudget.per_minute(1) == SNAPSHOTS_PER_MINUTE_MIN
    assert SnapshotBudget.per_minute(1_000) == 1_000 * ROUNDS_PER_MINUTE


def test_an_empty_budget_says_how_long_to_wait_and_that_is_enough():
    budget = SnapshotBudget(0.0, SnapshotBudget.per_minute(1))
    assert budget.take(100, 1, 0.0) == SNAPSHOTS_PER_MINUTE_MIN
    wait_s = budget.wait_s(5, 1)
    assert wait_s == pytest.approx(5.0)
    assert budget.take(9, 1, wait_s + 1e-6, at_least=6) == 0
    assert budget.take(9, 1, wait_s + 1e-6) == 5


def test_a_wait_is_never_too_short_to_add_anything():
    budget = SnapshotBudget(1e9, 1.0 - 1e-12)
    assert budget.take(1, 1, 1e9) == 0
    assert budget.take(1, 1, 1e9 + budget.wait_s(1, 1)) == 1


@given(st.lists(st.tuples(st.integers(1, 500), st.floats(0, 30)), max_size=40))
def test_no_minute_gets_more_than_two_minutes_worth(asks):
    budget, now, taken = SnapshotBudget(0.0, SnapshotBudget.per_minute(20)), 0.0, []
    for wanted, pause_s in asks:
        now += pause_s
        taken.append((now, budget.take(wanted, 20, now)))
    for start, _ in taken:
        within = sum(count for at, count in taken if start <= at < start + 60)
        assert within <= 2 * SnapshotBudget.per_minute(20)

"""The share of the loop: who is slowed down, at what rate, and when it is let go again."""

import math

import pytest

from traderd.model.ids import StrategyName
from traderd.services.tenant_share import (
    ALL_PERCENT,
    EASY_FOR_S,
    PACES,
    WINDOW_S,
    LoopShare,
    Pace,
    Pressure,
    fair_part,
    judge_shares,
)

A, B, C = map(StrategyName, "abc")


def busy(share: LoopShare, part: float, *, until: float, since: float = 0.0) -> None:
    """Let it take this part of the loop, in looks of a tenth of a second."""
    for step in range(round((until - since) * 10)):
        share.charge(part / 10, since + step / 10)


def test_what_it_took_counts_for_the_window_and_no_longer():
    share = LoopShare(25)
    busy(share, 0.2, until=20.0)
    assert share.used(20.0) == pytest.approx(0.2, abs=0.02)
    assert share.used(20.0 + WINDOW_S / 2) == pytest.approx(0.1, abs=0.02)
    assert share.used(20.0 + WINDOW_S) == 0.0


def test_a_burst_within_the_window_slows_nobody_and_a_habit_does():
    share = LoopShare(25)
    share.charge(1.0, 10.0)
    assert judge_shares({A: share}, 10.0) == []
    share.charge(0.3, 11.0)
    assert judge_shares({A: share}, 11.0) == [A]
    assert share.pace is Pace.SLOWED


def test_one_that_is_slowed_takes_its_share_and_no_more():
    share, now, taken = LoopShare(25), 0.0, 0.0
    share.charge(9.0, 0.0)
    judge_shares({A: share}, now)
    while now < 60.0:
        if share.may_run(now):
            share.charge(0.004, now)
            taken += 0.004
        now += 0.001
    assert taken == pytest.approx(0.25 * 60, rel=0.02)


def test_a_look_longer_than_its_allowance_is_paid_back_before_the_next_one():
    share = LoopShare(10)
    share.charge(9.0, 0.0)
    judge_shares({A: share}, 0.0)
    assert not share.may_run(0.0)
    assert share.may_run(0.1)
    share.charge(1.0, 0.1)
    assert not share.may_run(9.0)
    assert share.may_run(10.2)


def test_what_comes_all_the_time_gets_what_looks_leave_and_no_more():
    share, looks, trades = LoopShare(10), 0, 0
    share.charge(9.0, 0.0)
    judge_shares({A: share}, 0.0)
    for step in range(60_000):
        now = step / 1_000
        if share.may_run(now, to_spare=True):
            share.charge(0.010, now)
            trades += 1
        # First there are always markets that wait for a look, then one a second.
        if step % (100 if now < 30.0 else 1_000) == 37 and share.may_run(now):
            share.charge(0.010, now)
            looks += 1
        if now == 30.0:
            assert (looks, trades) == (pytest.approx(300, abs=2), 0)
    assert looks == pytest.approx(330, abs=3)
    assert trades == pytest.approx(270, abs=5)


def test_it_is_let_go_when_nothing_had_to_wait_for_long_and_not_sooner():
    share = LoopShare(25)
    share.charge(9.0, 0.0)
    judge_shares({A: share}, 0.0)
    assert judge_shares({A: share}, EASY_FOR_S - 1) == []
    share.charge(1.0, EASY_FOR_S - 1)
    assert not share.may_run(EASY_FOR_S - 1)
    assert judge_shares({A: share}, EASY_FOR_S + 1) == []
    assert judge_shares({A: share}, 2 * EASY_FOR_S) == [A]
    assert share.pace is Pace.FULL


def test_all_together_take_no_more_than_their_part_and_a_quick_one_is_left_alone():
    shares = {A: LoopShare(50), B: LoopShare(50), C: LoopShare(50)}
    for name, part in ((A, 0.45), (B, 0.40), (C, 0.01)):
        busy(shares[name], part, until=10.0)
    assert set(judge_shares(shares, 10.0)) == {A, B}
    assert (
        shares[A].rate == shares[B].rate == pytest.approx((ALL_PERCENT / 100 - 0.01) / 2, abs=0.01)
    )
    assert shares[C].pace is Pace.FULL


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ((), math.inf),
        ((0.1, 0.2), math.inf),
        ((0.9,), 0.6),
        ((0.1, 0.9), 0.5),
        ((0.2, 0.9, 0.9), 0.2),
        ((0.05, 0.05, 0.9, 0.9), 0.25),
    ],
)
def test_the_fair_part_leaves_the_modest_alone(wanted, part):
    assert fair_part(wanted, 0.6) == pytest.approx(part)


def test_the_table_has_one_way_down_and_one_way_back():
    assert PACES == {
        (Pace.FULL, Pressure.OVER): Pace.SLOWED,
        (Pace.SLOWED, Pressure.EASY): Pace.FULL,
    }

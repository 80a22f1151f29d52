"""A time that never goes back, whatever is done to the machine's clock."""

import pytest

from tests.simulation.harness import MortalEnv
from traderd.model.units import NS_PER_S
from traderd.runtime.simulation import MemoryNetwork
from traderd.runtime.steady_env import SteadyClock, SteadyEnv

HOUR = 3_600 * NS_PER_S


def s(seconds: float) -> int:
    return round(seconds * NS_PER_S)


def test_an_undisturbed_clock_is_told_as_it_is():
    clock = SteadyClock()
    assert [clock.read(HOUR + s(n), s(n)) for n in range(4)] == [HOUR + s(n) for n in range(4)]
    assert (clock.ahead_ns, clock.stepped_ns) == (0, 0)


def test_a_clock_that_is_set_back_is_followed_from_where_time_was():
    clock = SteadyClock()
    assert clock.read(2 * HOUR, 0) == 2 * HOUR
    assert clock.read(HOUR + s(1), s(1)) == 2 * HOUR + s(1)
    assert (clock.ahead_ns, clock.stepped_ns) == (HOUR, -HOUR)
    assert clock.read(HOUR + s(31), s(31)) == 2 * HOUR + s(31)
    assert clock.stepped_ns == 0


def test_a_clock_that_is_set_forward_makes_everything_old_at_once():
    clock = SteadyClock()
    clock.read(HOUR, 0)
    assert clock.read(2 * HOUR, s(1)) == 2 * HOUR
    assert clock.stepped_ns == HOUR - s(1)


@pytest.mark.parametrize("order", [(-1, 1), (1, -1), (-1, -1, 1, 1), (2, -3, 1)])
def test_however_often_it_is_set_no_duration_is_too_short(order):
    clock, wall, last = SteadyClock(), 10 * HOUR, 10 * HOUR
    clock.read(wall, 0)
    for number, hours in enumerate(order, start=1):
        wall += hours * HOUR + s(10)
        told = clock.read(wall, s(10 * number))
        assert told - last >= s(10)
        last = told


def test_a_small_step_back_lets_time_stand_but_not_fall():
    clock = SteadyClock()
    clock.read(HOUR, 0)
    assert clock.read(HOUR - s(0.5), s(0.1)) == HOUR
    assert clock.read(HOUR + s(0.2), s(0.8)) == HOUR + s(0.2)


async def test_a_step_is_told_once_and_everything_else_is_handed_on(autojump_clock):
    told: list[str] = []
    inner = MortalEnv(seed=1, network=MemoryNetwork())
    env = SteadyEnv(inner, warn=told.append)
    before = env.wall_ns()
    inner.wall_step_ns = -HOUR
    assert env.wall_ns() == env.wall_ns() == before
    assert [one[:52] for one in told] == ["the machine's clock was set back by 3600.0 s; the da"]
    inner.wall_step_ns = 0
    env.wall_ns()
    assert "slept, or its clock was set forward, for 3600.0 s" in told[1]
    assert env.rng is inner.rng
    assert env.variables is inner.variables
    assert env.monotonic() == inner.monotonic()
    assert await env.run_blocking(int, "26") == 26
    assert len(env.new_id()) == len(inner.new_id())

"""How long the tasks of clients hold the loop, in time that these tests make pass inside of a step."""

import itertools
from functools import partial

import pytest
import trio

from traderd.web.loop_share import (
    BURST_S,
    DEBT_MAX_S,
    SETTLING_S,
    SHARE,
    ClientsShare,
    Pace,
    settle,
)

STEP_S = 0.01


@pytest.fixture
def clock(autojump_clock):
    return autojump_clock


@pytest.fixture
async def share(clock):
    share = ClientsShare()
    with share.timing():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(share.run)
            yield share
            nursery.cancel_scope.cancel()


async def work(clock, pace, turns, took=None, *, step_s=STEP_S):
    """Ask for so many turns and hold the loop after each; `took` is told when each was."""
    pace.begin()
    for _ in range(turns):
        await pace.turn()
        clock.jump(step_s)
        if took is not None:
            took.append(trio.current_time())
        await trio.lowlevel.checkpoint()


async def test_clients_get_their_share_of_the_loop_and_no_more(clock, share):
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(work, clock, Pace(share), 50)
    taken_s, passed_s = 20 * 50 * STEP_S, trio.current_time() - began
    assert passed_s >= (taken_s - BURST_S - STEP_S) / SHARE
    assert passed_s < 1.2 * taken_s / SHARE  # nor much less


async def test_the_steps_of_clients_come_one_by_one_with_time_for_others_between(clock, share):
    took = []
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(work, clock, Pace(share), 20, took)
    later = took[len(took) // 2 :]
    gaps = [after - before for before, after in itertools.pairwise(later)]
    assert min(gaps) > STEP_S / SHARE / 2


async def test_who_comes_now_and_then_is_not_held_up_by_those_who_flood(clock, share):
    waits = []
    async with trio.open_nursery() as nursery:
        for number in range(100):
            step_s = STEP_S * (1 + number / 100)
            nursery.start_soon(partial(work, clock, Pace(share), 1_000, step_s=step_s))
        pace = Pace(share)
        for _ in range(5):
            await trio.sleep(60)
            began = trio.current_time()
            await pace.turn()
            waits.append(trio.current_time() - began)
        nursery.cancel_scope.cancel()
    # In a queue it would have waited for all the others, some 7 s.
    assert max(waits) < 3 * 2 * STEP_S / SHARE


async def test_who_floods_from_ever_new_connections_does_not_starve_an_old_one(clock, share):
    async def flood():
        while True:
            async with trio.open_nursery() as one:
                one.start_soon(work, clock, Pace(share), 1)

    old, took = Pace(share), []
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(flood)
        with trio.fail_after(60):
            await work(clock, old, 30, took)
        nursery.cancel_scope.cancel()
    assert len(took) == 30


async def test_an_operator_neither_waits_nor_pays(clock, share):
    operator = Pace(share)
    operator.serve(is_operator=True)
    began = trio.current_time()
    await work(clock, operator, 100)
    assert trio.current_time() - began == pytest.approx(100 * STEP_S)
    other = Pace(share)
    began = trio.current_time()
    await work(clock, other, 10)
    assert trio.current_time() - began == pytest.approx(10 * STEP_S)


async def test_one_very_long_step_is_paid_back_in_bounded_time(clock, share):
    await work(clock, Pace(share), 1, step_s=3_600)
    began = trio.current_time()
    await Pace(share).turn()
    assert DEBT_MAX_S < trio.current_time() - began < 1.1 * DEBT_MAX_S / SHARE


async def test_what_a_console_is_sent_once_it_has_the_present_is_not_paid_for(clock, share):
    pace = Pace(share)

    async def attend():
        pace.begin()
        settle()
        await trio.sleep(SETTLING_S)
        for _ in range(1_000):
            clock.jump(STEP_S)
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(attend)
    began = trio.current_time()
    await Pace(share).turn()
    assert trio.current_time() == began


async def test_a_waiter_that_is_cancelled_holds_up_nobody(clock, share):
    await work(clock, Pace(share), 200)
    with trio.move_on_after(0.001) as gone:
        await Pace(share).turn()
    assert gone.cancelled_caught
    with trio.fail_after(DEBT_MAX_S / SHARE + 1):
        await Pace(share).turn()


async def test_steps_are_timed_only_while_a_client_is_there(clock):
    share, steps = ClientsShare(), []
    before_task_step = share.before_task_step
    share.before_task_step = lambda task: [steps.append(task), before_task_step(task)]
    await trio.lowlevel.checkpoint()
    assert steps == []
    with share.timing():
        with share.timing():
            await trio.lowlevel.checkpoint()
        assert len(steps) == 1
        await trio.lowlevel.checkpoint()
        assert len(steps) == 2
    await trio.lowlevel.checkpoint()
    assert len(steps) == 2

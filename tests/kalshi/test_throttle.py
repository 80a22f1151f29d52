"""Waiting for a turn: under floods, cancellation and time, with the exchange's own buckets at the other end."""

import random

import pytest
import trio
import trio.testing

from traderd.errors import NotSent
from traderd.kalshi.limits import LINES_MAX, BucketSize, Traffic
from traderd.kalshi.throttle import QUEUE_MAX, WAIT_S_MAX, Throttle

CREATE, CANCEL = 10, 2


@pytest.fixture
def throttle(autojump_clock):
    return Throttle(autojump_clock.current_time)


async def send(throttle, traffic, cost, *, takes_s=0.05, wanted=None, log=None):
    asked = trio.current_time()
    turn = await throttle.wait_turn(traffic, cost, writes=True)
    try:
        turn.confirm(wanted)
        if log is not None:
            log.append((traffic, trio.current_time() - asked))
        await trio.sleep(takes_s)
        turn.answered(too_many=False)
    finally:
        turn.end()


def write_of(throttle):
    return throttle.statistics()[1]


def tally(throttle, traffic):
    (found,) = [one for one in write_of(throttle).classes if one.traffic is traffic]
    return found


async def test_who_has_tokens_goes_at_once_and_without_a_pass_of_the_scheduler(
    throttle, autojump_clock
):
    ran = []

    async def other():
        ran.append(True)
        await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        turn = await throttle.wait_turn(Traffic.PLACE, CREATE, writes=True)
        turn.end()
        assert ran == []


async def test_cancels_in_a_flood_of_orders_go_at_once(throttle, autojump_clock):
    log = []
    async with trio.open_nursery() as nursery:

        async def flood(traffic):
            while True:
                nursery.start_soon(quietly, send(throttle, traffic, CREATE))
                await trio.sleep(0.005)

        async def quietly(sending):
            try:
                await sending
            except NotSent:
                pass

        nursery.start_soon(flood, Traffic.PLACE)
        nursery.start_soon(flood, Traffic.BULK)
        for _ in range(100):
            await trio.sleep(0.1)
            await send(throttle, Traffic.CANCEL, CANCEL, log=log)
        nursery.cancel_scope.cancel()
    assert max(waited for _, waited in log) == 0
    assert tally(throttle, Traffic.CANCEL).waited_p99_s == 0
    assert tally(throttle, Traffic.PLACE).gave_up > 0


async def test_a_kill_passes_cancels_that_wait(throttle, autojump_clock):
    log = []
    async with trio.open_nursery() as nursery:
        for _ in range(200):
            nursery.start_soon(partial_send(throttle, Traffic.CANCEL, log))
        await trio.sleep(0.5)
        for _ in range(10):
            nursery.start_soon(partial_send(throttle, Traffic.KILL, log))
    kills = [waited for traffic, waited in log if traffic is Traffic.KILL]
    cancels = [waited for traffic, waited in log if traffic is Traffic.CANCEL]
    assert max(kills) < 0.5
    assert max(cancels) > 2


def partial_send(throttle, traffic, log, cost=CANCEL):
    async def run():
        await send(throttle, traffic, cost, log=log)

    return run


async def test_an_order_that_lost_its_point_while_it_waited_is_not_sent_and_costs_nothing(
    throttle,
    autojump_clock,
):
    halted, sent = [], []
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(partial_send(throttle, Traffic.PLACE, sent, CREATE))
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(halt_after, halted, 0.1)
        with pytest.raises(NotSent, match="the market is halted"):
            await send(
                throttle,
                Traffic.PLACE,
                CREATE,
                wanted=lambda: "the market is halted" if halted else None,
                log=sent,
            )
        assert trio.current_time() == pytest.approx(0.2, abs=1e-4)
    assert len(sent) == 5
    assert (tally(throttle, Traffic.PLACE).unwanted, tally(throttle, Traffic.PLACE).sent) == (1, 5)
    await trio.sleep(1)
    assert write_of(throttle).tokens == 100


async def halt_after(halted, seconds):
    await trio.sleep(seconds)
    halted.append(True)


async def test_the_question_whether_it_is_wanted_is_asked_once_and_last(throttle, autojump_clock):
    asked = []

    def wanted():
        asked.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(partial_send(throttle, Traffic.PLACE, None, CREATE))
        await trio.testing.wait_all_tasks_blocked()
        await send(throttle, Traffic.PLACE, CREATE, wanted=wanted)
    assert asked == [pytest.approx(0.2, abs=1e-4)]


async def test_an_order_waits_for_seconds_and_not_for_ever(throttle, autojump_clock):
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(partial_send(throttle, Traffic.PLACE, None, CREATE))
        await trio.testing.wait_all_tasks_blocked()
        throttle.learn_sizes(BucketSize(1, 100), BucketSize(1, 100))
        with pytest.raises(
            NotSent, match="no turn for it within 5 s: the write tokens are used up"
        ):
            await send(throttle, Traffic.PLACE, CREATE)
    assert trio.current_time() == WAIT_S_MAX[Traffic.PLACE]
    assert tally(throttle, Traffic.PLACE).gave_up == 1


async def test_a_request_that_can_never_go_is_refused_with_what_would_fit(throttle, autojump_clock):
    with pytest.raises(NotSent, match=r"costs 60 tokens.*place can have 50 write tokens"):
        await send(throttle, Traffic.PLACE, 6 * CREATE)
    assert throttle.largest_write(Traffic.PLACE) == 50


async def test_who_waits_for_more_than_a_smaller_tier_has_is_told(throttle, autojump_clock):
    throttle.learn_sizes(BucketSize(100, 1_000), BucketSize(1, 1_000))
    await send(throttle, Traffic.CANCEL, 1_000, takes_s=0)
    async with trio.open_nursery() as nursery:

        async def big():
            with pytest.raises(NotSent, match="costs 500 tokens"):
                await send(throttle, Traffic.CANCEL, 500)

        nursery.start_soon(big)
        await trio.testing.wait_all_tasks_blocked()
        throttle.learn_sizes(BucketSize(200, 600), BucketSize(100, 100))
    await send(throttle, Traffic.CANCEL, CANCEL)


async def test_a_queue_has_an_end(throttle, autojump_clock):
    async with trio.open_nursery() as nursery:
        for _ in range(QUEUE_MAX + LINES_MAX[Traffic.BULK]):
            nursery.start_soon(partial_send(throttle, Traffic.BULK, None, 1))
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(NotSent, match="1000 requests of class bulk wait already"):
            await send(throttle, Traffic.BULK, 1)
        nursery.cancel_scope.cancel()
    assert tally(throttle, Traffic.BULK).waiting == 0


async def test_a_turn_that_was_never_confirmed_costs_nothing(throttle, autojump_clock):
    with trio.CancelScope() as scope:
        turn = await throttle.wait_turn(Traffic.PLACE, CREATE, writes=True)
        try:
            scope.cancel()
            await trio.sleep(1)
        finally:
            turn.end()
    assert write_of(throttle).tokens == 100


@pytest.mark.parametrize("seed", range(20))
async def test_whoever_is_cancelled_whenever_no_token_is_lost_and_nobody_waits_for_ever(
    throttle, autojump_clock, seed
):
    rng = random.Random(seed)
    served = []

    async def one(traffic, patience):
        with trio.move_on_after(patience):
            await send(throttle, traffic, rng.choice([2, 10, 20]), takes_s=rng.random(), log=served)

    async with trio.open_nursery() as nursery:
        for _ in range(150):
            traffic = rng.choice([Traffic.KILL, Traffic.CANCEL, Traffic.PLACE])
            nursery.start_soon(one, traffic, rng.choice([0, 0.01, 0.3, 2]))
            if rng.random() < 0.3:
                await trio.sleep(rng.random() / 10)
    assert served
    assert all(write_of(throttle).classes[i].waiting == 0 for i in range(3))
    await trio.sleep(2)
    assert write_of(throttle).tokens == 100
    # The whole of it can be had again, and at once.
    before = trio.current_time()
    await send(throttle, Traffic.KILL, 100, takes_s=0)
    assert trio.current_time() == before


async def test_a_429_stops_everybody_until_there_are_tokens_again(throttle, autojump_clock):
    """R8."""
    turn = await throttle.wait_turn(Traffic.PLACE, CREATE, writes=True)
    turn.confirm(None)
    turn.answered(too_many=True)
    turn.end()
    assert write_of(throttle).tokens == 0
    await send(throttle, Traffic.CANCEL, CANCEL, takes_s=0)
    assert trio.current_time() == pytest.approx(0.02, abs=1e-4)
    assert write_of(throttle).refused == 1


async def test_a_retry_after_is_obeyed_by_orders(throttle, autojump_clock):
    """R8."""
    turn = await throttle.wait_turn(Traffic.PLACE, CREATE, writes=True)
    turn.confirm(None)
    turn.answered(too_many=True, retry_after_s=3.0)
    turn.end()
    await send(throttle, Traffic.PLACE, CREATE, takes_s=0)
    assert trio.current_time() == pytest.approx(3, abs=1e-4)

"""A daemon that keeps ending comes up halted and says so; one that is stopped never does."""

import trio

from tests.simulation.harness import simulated_daemon, simulated_exchange
from traderd.model.commands import Answer, ClearHalt
from traderd.model.events import Author
from traderd.services.crash_guard import CRASH_HALT
from traderd.store.start_record import CRASH_WINDOW_S, CRASHES_MAX


async def crash(state, at, times):
    for _ in range(times):
        async with simulated_daemon(state, at=at, crash_guard=True, ready=False) as simulated:
            simulated.kill()


async def test_the_sixth_start_after_five_crashes_takes_no_new_risk(tmp_path, autojump_clock):
    state = tmp_path / "state"
    state.mkdir()
    async with simulated_exchange(tmp_path) as at:
        await crash(state, at, CRASHES_MAX - 1)
        async with simulated_daemon(state, at=at, crash_guard=True) as simulated:
            assert simulated.view.conditions.halts == {}
            assert simulated.said("the daemon ended 4 times within 10 minutes")
            assert (await simulated.place("bid", "1", "0.0100")).ok
            simulated.kill()
        async with simulated_daemon(state, at=at, crash_guard=True) as simulated:
            (halt,) = simulated.view.conditions.halts.values()
            assert (halt.halt_id, halt.author) == (CRASH_HALT, Author.MACHINE)
            assert simulated.said(
                "the daemon ended 5 times within 10 minutes without being stopped"
            )
            denied = await simulated.place("bid", "1", "0.0100")
            assert denied.answer is Answer.DENIED
            # It cares for what rests all the same.
            (order,) = simulated.view.live_orders()
            assert (await simulated.cancel(order.key)).ok


async def test_a_person_ends_the_halt_and_the_count_begins_anew(tmp_path, autojump_clock):
    state = tmp_path / "state"
    state.mkdir()
    async with simulated_exchange(tmp_path) as at:
        await crash(state, at, CRASHES_MAX)
        async with simulated_daemon(state, at=at, crash_guard=True) as simulated:
            assert (await simulated.send(ClearHalt(halt_id=CRASH_HALT))).ok
            assert (await simulated.place("bid", "1", "0.0100")).ok
            await trio.sleep(1.0)
            simulated.kill()
        async with simulated_daemon(state, at=at, crash_guard=True) as simulated:
            assert simulated.view.conditions.halts == {}
            assert simulated.said("the daemon ended 1 times")


async def test_stopping_and_starting_is_no_crash_however_often(tmp_path, autojump_clock):
    state = tmp_path / "state"
    state.mkdir()
    async with simulated_exchange(tmp_path) as at:
        for _ in range(CRASHES_MAX + 2):
            async with simulated_daemon(state, at=at, crash_guard=True) as simulated:
                assert not simulated.said("without being stopped")
                simulated.stop()
                await simulated.ended.wait()


async def test_crashes_that_lie_far_apart_are_bad_luck(tmp_path, autojump_clock):
    state = tmp_path / "state"
    state.mkdir()
    async with simulated_exchange(tmp_path) as at:
        await crash(state, at, CRASHES_MAX)
        await trio.sleep(CRASH_WINDOW_S + 1.0)
        async with simulated_daemon(state, at=at, crash_guard=True) as simulated:
            assert simulated.view.conditions.halts == {}


async def test_without_trading_it_is_only_told(tmp_path, autojump_clock):
    state = tmp_path / "state"
    state.mkdir()
    async with simulated_exchange(tmp_path) as at:
        await crash(state, at, CRASHES_MAX)
        async with simulated_daemon(
            state, at=at, crash_guard=True, trading__enabled="false"
        ) as simulated:
            assert simulated.said("the daemon ended 5 times")
            assert simulated.view.conditions.halts == {}

"""The climb, the recovery of exactly what broke, and the ordered stop from wherever one is."""

import pytest
import trio

from tests.runtime.directing import (
    DEADLINE_S,
    House,
    drains,
    pauses,
    raises,
    running,
    stubborn,
    tasks_now,
)
from traderd.runtime.service import SERVICE_START_DEADLINE_S, STOP_BUDGET_S
from traderd.runtime.supervisor import (
    CLIMB_CAP_S,
    HEALTHY_AFTER_S,
    QUICK_STOP_S,
    STOP_DEADLINE_S,
    STOPS_NEED_S,
)

DRAINS_S = STOP_DEADLINE_S - STOPS_NEED_S
"""What the drains may take together."""


@pytest.fixture
def house():
    return House()


def told_of(house, words):
    return [line for line in house.listener.diary if words in line]


# --- the climb --------------------------------------------------------------------------------------


async def test_services_then_stages_start_in_order_each_when_the_last_is_ready(
    house, autojump_clock
):
    for part in house.parts.values():
        part.plan = [pauses(2)]
    async with running(house) as told:
        await told.wait_for("-> ready")
        assert trio.current_time() == pytest.approx(10)
    assert house.diary[:5] == [f"{n} begins" for n in ("store", "orders", "feed", "client", "sync")]
    assert told.states()[:4] == ["-> feed", "-> client", "-> sync", "-> ready"]
    assert [told.time_of(f"{n} is running") for n in ("feed", "client", "sync")] == [6, 8, 10]


async def test_a_stage_is_entered_when_its_work_begins(house, autojump_clock):
    async with running(house) as told:
        await told.wait_for("-> ready")
        entered = told.diary.index("-> client")
        assert told.diary[entered - 1 : entered + 3] == [
            *("feed is running", "-> client", "client is starting", "client is running")
        ]


async def test_a_service_that_cannot_start_ends_the_run(house, autojump_clock):
    house.orders.plan = [raises(OSError("no port"))]
    with pytest.RaisesGroup(OSError, flatten_subgroups=True):
        async with running(house):
            await trio.sleep(1_000)
    assert house.diary[-1] == "store ends"
    assert told_of(house, "->") == ["-> shutdown: the way up failed: OSError: no port"]


async def test_a_service_that_never_gets_ready_fails_by_its_name(house, autojump_clock):
    house.orders.plan = [trio.sleep_forever]
    late = pytest.RaisesExc(trio.TooSlowError, match="service orders was not ready within 30 s")
    with pytest.RaisesGroup(late, flatten_subgroups=True):
        async with running(house):
            await trio.sleep(1_000)
    assert trio.current_time() == pytest.approx(SERVICE_START_DEADLINE_S)


# --- recovery ---------------------------------------------------------------------------------------


async def test_a_stage_that_fails_at_its_start_is_tried_again_alone(house, autojump_clock):
    house.client.plan = [raises(OSError("refused")), raises(OSError("still"))]
    async with running(house) as told:
        await told.wait_for("-> ready")
        assert told.states() == [
            *("-> feed", "-> client"),
            "-> error 1 of client, again in 0.5 s: OSError: refused",
            "-> client",
            "-> error 2 of client, again in 1 s: OSError: still",
            *("-> client", "-> sync", "-> ready"),
        ]
        assert trio.current_time() == pytest.approx(1.5)
        assert house.starts() == (1, 3, 1)


async def test_a_stage_past_its_deadline_is_cut_and_tried_again(house, autojump_clock):
    house.feed.plan = [trio.sleep_forever]
    async with running(house) as told:
        await told.wait_for("-> ready")
        assert told.states()[1] == (
            "-> error 1 of feed, again in 0.5 s: feed was not ready within 30 s"
        )
        assert trio.current_time() == pytest.approx(DEADLINE_S + 0.5)
        assert house.diary.index("feed ends") < house.diary.index("client begins")


async def test_a_time_out_inside_of_a_stage_keeps_its_own_words(house, autojump_clock):
    house.feed.plan = [raises(trio.TooSlowError("exchange:443 did not answer within 10 s"))]
    async with running(house) as told:
        await told.wait_for("-> ready")
        assert "TooSlowError: exchange:443 did not answer within 10 s" in told.states()[1]


async def test_a_stage_that_returns_before_it_is_ready_has_failed(house, autojump_clock):
    async def return_at_once(context, *, task_status):
        await trio.lowlevel.checkpoint()

    house.feed.run = return_at_once
    async with running(house) as told:
        await told.wait_for("-> error 2 of feed, again in 1 s: it ended although nobody stopped it")
        assert "feed is running" not in told.diary


async def test_a_stage_that_fails_later_takes_down_what_needs_it_and_nothing_else(
    house, autojump_clock
):
    async with running(house) as told:
        await told.wait_for("-> ready")
        del house.diary[:], told.diary[:], told.times[:]
        house.client.fail(OSError("reset"))
        await told.wait_for("-> ready")
        assert house.diary == ["client ends", "sync ends", "client begins", "sync begins"]
        assert told.diary == [
            "client is failed: OSError: reset",
            "sync is stopped",
            "-> error 1 of client, again in 0.5 s: OSError: reset",
            *("-> client", "client is starting", "client is running"),
            *("-> sync", "sync is starting", "sync is running", "-> ready"),
        ]
        assert house.starts() == (1, 2, 2)


async def test_a_stage_that_ends_by_itself_has_failed(house, autojump_clock):
    async with running(house) as told:
        await told.wait_for("-> ready")
        house.feed.end()
        await told.wait_for("-> ready", times=2)
        assert told.states()[-3] == (
            "-> error 1 of feed, again in 0.5 s: it ended although nobody stopped it"
        )
        assert house.starts() == (2, 1, 1)


async def test_what_needs_the_failed_one_goes_down_from_the_top(autojump_clock):
    house = House(needs={"client": ("feed",), "sync": ("client",)})
    async with running(house) as told:
        await told.wait_for("-> ready")
        del house.diary[:]
        house.feed.fail(OSError("reset"))
        await told.wait_for("-> ready", times=2)
        assert house.diary == [
            *("feed ends", "sync ends", "client ends"),
            *("feed begins", "client begins", "sync begins"),
        ]


async def test_the_back_off_grows_to_its_cap_while_the_failure_lasts(house, autojump_clock):
    house.client.plan = [raises(OSError("down"))] * 9
    async with running(house) as told:
        await told.wait_for("-> ready")
        waits = [line.split("again in ")[1].split()[0] for line in told.states() if "err" in line]
        assert waits == ["0.5", "1", "2", "4", "8", "16", "32", "60", "60"]
        assert trio.current_time() == pytest.approx(63.5 + 2 * CLIMB_CAP_S)


async def test_the_back_off_starts_small_again_after_a_while_of_health_only(house, autojump_clock):
    async with running(house) as told:
        for number in range(1, 4):
            await told.wait_for("-> ready", times=number)
            await trio.sleep(HEALTHY_AFTER_S - 1)
            house.feed.fail(OSError("flaps"))
        await told.wait_for("-> ready", times=4)
        await trio.sleep(HEALTHY_AFTER_S)
        house.feed.fail(OSError("once"))
        await told.wait_for("-> ready", times=5)
        assert [line.partition(":")[0] for line in told.states() if "error" in line] == [
            "-> error 1 of feed, again in 0.5 s",
            "-> error 2 of feed, again in 1 s",
            "-> error 3 of feed, again in 2 s",
            "-> error 1 of feed, again in 0.5 s",
        ]


async def test_two_stages_that_fail_at_once_are_both_brought_back_once(house, autojump_clock):
    async with running(house) as told:
        await told.wait_for("-> ready")
        house.feed.fail(OSError("one"))
        house.sync.fail(OSError("two"))
        await told.wait_for("-> ready", times=2)
        await trio.sleep(1_000)
        assert told.states()[4:] == [
            "-> error 1 of feed, again in 0.5 s: OSError: one",
            "-> feed",
            "-> error 2 of sync, again in 1 s: OSError: two",
            *("-> sync", "-> ready"),
        ]
        assert house.starts() == (2, 1, 2)


async def test_a_failure_above_the_failed_one_is_not_held_against_its_next_life(
    house, autojump_clock
):
    async with running(house) as told:
        await told.wait_for("-> ready")
        house.client.fail(OSError("one"))
        house.sync.fail(OSError("two"))
        await told.wait_for("-> ready", times=2)
        await trio.sleep(1_000)
        assert told.states()[4:] == [
            "-> error 1 of client, again in 0.5 s: OSError: one",
            *("-> client", "-> sync", "-> ready"),
        ]
        assert house.starts() == (1, 2, 2)


async def test_a_failure_under_a_starting_stage_ends_its_start_and_is_told_instead(
    house, autojump_clock
):
    house.sync.plan = [trio.sleep_forever]
    async with running(house) as told:
        await told.wait_for("sync is starting")
        await trio.sleep(1)
        house.client.fail(OSError("reset"))
        await told.wait_for("-> ready")
        assert told.states()[3] == "-> error 1 of client, again in 0.5 s: OSError: reset"
        assert trio.current_time() == pytest.approx(1.5)
        assert house.starts() == (1, 2, 2)


async def test_a_failure_beside_a_starting_stage_waits_until_that_one_stands(house, autojump_clock):
    house.sync.plan = [pauses(5)]
    async with running(house) as told:
        await told.wait_for("sync is starting")
        house.feed.fail(OSError("reset"))
        await told.wait_for("-> ready")
        assert told.states() == [
            *("-> feed", "-> client", "-> sync"),
            "-> error 1 of feed, again in 0.5 s: OSError: reset",
            *("-> feed", "-> ready"),
        ]
        assert house.starts() == (2, 1, 1)


async def test_a_stage_that_never_starts_does_not_starve_another_that_broke(house, autojump_clock):
    house.client.plan = [raises(OSError("down for hours"))] * 50
    async with running(house) as told:
        await told.wait_for("client is failed: OSError: down for hours", times=10)
        house.feed.fail(OSError("reset"))
        await told.wait_for("feed is running", times=2)
        assert house.client.starts < 14


async def test_a_stage_that_breaks_while_the_climb_waits_is_an_error_of_its_own(
    house, autojump_clock
):
    house.client.plan = [raises(OSError("down"))]
    async with running(house) as told:
        await told.wait_for("-> error 1 of client, again in 0.5 s: OSError: down")
        house.feed.fail(OSError("reset"))
        await told.wait_for("-> ready")
        assert told.states()[2:] == [
            "-> error 1 of client, again in 0.5 s: OSError: down",
            "-> error 2 of feed, again in 1 s: OSError: reset",
            *("-> feed", "-> client", "-> sync", "-> ready"),
        ]


async def test_a_stage_that_will_not_end_is_left_behind_and_the_climb_goes_on(
    house, autojump_clock
):
    house.sync.cleanup = stubborn(20)
    async with running(house) as told:
        await told.wait_for("-> ready")
        house.client.fail(OSError("reset"))
        await told.wait_for("-> ready", times=2)
        assert trio.current_time() == pytest.approx(STOP_BUDGET_S + 0.5)
        assert "sync is stopping: it did not end within 1.2 s and is left behind" in told.diary
        house.sync.cleanup = None


async def test_a_cleanup_that_fails_is_told_and_does_not_count_as_a_failure(house, autojump_clock):
    house.sync.cleanup = raises(OSError("flush failed"))
    async with running(house) as told:
        await told.wait_for("-> ready")
        house.client.fail(OSError("reset"))
        await told.wait_for("-> ready", times=2)
        assert "sync is stopping: its cleanup failed: OSError: flush failed" in told.diary
        assert len([state for state in told.states() if "error" in state]) == 1
        house.sync.cleanup = None


async def test_a_crash_of_a_service_does_not_touch_the_stages(house, autojump_clock):
    async with running(house) as told:
        await told.wait_for("-> ready")
        house.orders.fail(ValueError("defect"))
        await told.wait_for("orders is running", times=2)
        assert told.states()[-1] == "-> ready"
        assert house.starts() == (1, 1, 1)


# --- the stop ---------------------------------------------------------------------------------------

ENDS = ["sync ends", "client ends", "feed ends", "orders ends", "store ends"]


def in_stop_order(diary):
    """Return the lines with the ends of stages sorted: they end together, in no order of their own."""
    stages = [line for line in ENDS[:3] if line in diary]
    first = min((diary.index(line) for line in stages), default=len(diary))
    assert sorted(diary[first : first + len(stages)]) == sorted(stages)
    return diary[:first] + stages + diary[first + len(stages) :]


async def test_a_stop_drains_then_ends_stages_then_services_newest_first(house, autojump_clock):
    house.drains = {name: drains(name) for name in ("store", "orders", "client")}
    async with running(house) as told:
        await told.wait_for("-> ready")
        del house.diary[:]
    assert in_stop_order(house.diary) == ["client drains", "orders drains", "store drains", *ENDS]
    assert told.states()[-1] == "-> shutdown: the test is done"
    assert told.diary[-5:] == [line.replace("ends", "is stopped") for line in ENDS]


async def test_a_stop_in_the_climb_ends_the_starting_stage_too(house, autojump_clock):
    house.drains = {name: drains(name) for name in ("orders", "feed", "client")}
    house.client.plan = [trio.sleep_forever]
    async with running(house) as told:
        await told.wait_for("client is starting")
        await trio.sleep(1)
        del house.diary[:]
    assert in_stop_order(house.diary) == ["feed drains", "orders drains", *ENDS[1:]]
    assert told.states() == ["-> feed", "-> client", "-> shutdown: the test is done"]
    assert trio.current_time() == 1


async def test_a_stop_in_the_wait_after_an_error_does_not_wait(house, autojump_clock):
    house.drains = {"orders": drains("orders")}
    house.client.plan = [raises(OSError("down"))]
    async with running(house) as told:
        await told.wait_for("-> error 1 of client, again in 0.5 s: OSError: down")
        del house.diary[:]
    assert house.diary == ["orders drains", "feed ends", "orders ends", "store ends"]
    assert trio.current_time() == 0


async def test_a_stop_while_services_start_drains_those_that_had(house, autojump_clock):
    house.drains = {name: drains(name) for name in ("store", "orders")}
    house.orders.plan = [trio.sleep_forever]
    async with running(house) as told:
        await told.wait_for("orders is starting")
        await trio.sleep(1)
    assert house.diary[-3:] == ["orders ends", "store drains", "store ends"]
    assert told.states() == ["-> shutdown: the test is done"]
    assert trio.current_time() == 1


async def test_a_stop_before_the_run_begins_is_a_stop(house, autojump_clock):
    house.build().stop("early")
    with trio.fail_after(1):
        await house.supervisor.run()
    assert house.listener.states()[-1] == "-> shutdown: early"
    assert "-> ready" not in house.listener.diary


async def test_the_first_reason_of_a_stop_counts(house, autojump_clock):
    async with running(house) as told:
        await told.wait_for("-> ready")
        house.supervisor.stop("SIGTERM")
        house.supervisor.stop("SIGINT")
    assert told.states()[-1] == "-> shutdown: SIGTERM"


async def test_a_drain_that_hangs_is_cut_and_the_next_one_still_runs(house, autojump_clock):
    house.drains = {
        "orders": drains("orders", trio.sleep_forever),
        "store": drains("store", pauses(DRAINS_S / 2 - 0.1)),
    }
    async with running(house) as told:
        await told.wait_for("-> ready")
        del house.diary[:]
    assert in_stop_order(house.diary) == ["orders drains", "store drains", *ENDS]
    assert [line for line in told.diary if "drain" in line] == [
        "orders is stopping: its drain was cut after 1.4 s"
    ]
    assert trio.current_time() == pytest.approx(DRAINS_S - 0.1)


async def test_one_drain_has_the_whole_budget_and_not_more(house, autojump_clock):
    house.drains = {"orders": drains("orders", trio.sleep_forever)}
    async with running(house) as told:
        await told.wait_for("-> ready")
    assert "orders is stopping: its drain was cut after 2.8 s" in told.diary
    assert trio.current_time() == pytest.approx(DRAINS_S)


async def test_a_drain_that_fails_is_told_and_does_not_stop_the_others(house, autojump_clock):
    house.drains = {
        "orders": drains("orders", raises(OSError("exchange gone"))),
        "store": drains("store"),
    }
    async with running(house) as told:
        await told.wait_for("-> ready")
        del house.diary[:]
    assert in_stop_order(house.diary) == ["orders drains", "store drains", *ENDS]
    assert "orders is stopping: its drain failed: OSError: exchange gone" in told.diary


async def test_a_stop_stays_within_its_budget_when_one_service_will_not_end(house, autojump_clock):
    house.orders.cleanup = stubborn(20)
    async with running(house) as told:
        await told.wait_for("-> ready")
    assert told.time_of("store is stopped") == pytest.approx(STOP_BUDGET_S)
    assert "orders is stopping: it did not end within 1.2 s and is left behind" in told.diary


async def test_the_whole_stop_has_one_deadline_however_slow_every_part_is(house, autojump_clock):
    house.drains = {name: drains(name, trio.sleep_forever) for name in house.parts}
    for name in ("feed", "client", "sync", "orders"):
        house.parts[name].cleanup = stubborn(20)
    house.store.cleanup = pauses(QUICK_STOP_S / 2)
    async with running(house) as told:
        await told.wait_for("-> ready")
        await trio.sleep(7)
    # The store still ends in its turn and in time, although everything before it used its share up.
    assert told.time_of("store is stopped") <= 7 + STOP_DEADLINE_S
    left_behind = [line.split()[0] for line in told.diary if line.endswith("is left behind")]
    assert left_behind == ["sync", "client", "feed", "orders"]
    cut = [line.split()[0] for line in told.diary if "its drain was cut after" in line]
    assert cut == ["sync", "client", "feed", "orders", "store"]
    assert told.time_of("store is stopping: its drain was cut after 0.6 s") == pytest.approx(
        7 + DRAINS_S
    )


async def test_stages_that_close_slowly_close_at_the_same_time(house, autojump_clock):
    for name in ("feed", "client", "sync"):
        house.parts[name].cleanup = pauses(1.0)
    async with running(house) as told:
        await told.wait_for("-> ready")
    assert [told.time_of(f"{n} is stopped") for n in ("sync", "client", "feed")] == [1.0] * 3
    assert trio.current_time() == 1.0


async def test_a_starting_service_that_will_not_end_does_not_hold_up_the_drains(
    house, autojump_clock
):
    house.drains = {"store": drains("store")}
    house.orders.plan = [trio.sleep_forever]
    house.orders.cleanup = stubborn(20)
    async with running(house) as told:
        await told.wait_for("orders is starting")
        await trio.sleep(1)
    assert "store drains" in house.diary
    assert told.time_of("store is stopped") == pytest.approx(1 + STOP_BUDGET_S)


# --- a way up that fails ------------------------------------------------------------------------------


async def test_a_failure_of_the_way_up_drains_and_stops_before_it_leaves_the_run(
    house, autojump_clock
):
    def refuse():
        raise ValueError("not in the table")

    house.drains = {name: drains(name, pauses(0.5)) for name in ("store", "orders", "client")}
    house.listener.arrived = refuse
    refused = pytest.RaisesExc(ValueError, match="not in the table")
    with pytest.RaisesGroup(refused, flatten_subgroups=True):
        async with running(house):
            await trio.sleep(1_000)
    ends = ["client drains", "orders drains", "store drains", *ENDS]
    assert in_stop_order(house.diary)[5:] == ends
    assert told_of(house, "->")[-1] == (
        "-> shutdown: the way up failed: ValueError: not in the table"
    )
    assert trio.current_time() == pytest.approx(1.5)


async def test_a_service_that_cannot_start_leaves_time_to_drain_those_that_had(
    house, autojump_clock
):
    house.drains = {name: drains(name) for name in ("store", "orders")}
    house.orders.plan = [raises(OSError("no port"))]
    with pytest.RaisesGroup(OSError, flatten_subgroups=True):
        async with running(house):
            await trio.sleep(1_000)
    assert house.diary[-2:] == ["store drains", "store ends"]


async def test_drains_run_although_the_listener_fails_at_the_word_of_the_stop(
    house, autojump_clock
):
    def refuse(reason):
        raise ValueError(f"cannot say {reason}")

    house.drains = {"orders": drains("orders")}
    house.listener.stopping = refuse
    refused = pytest.RaisesExc(ValueError, match="cannot say the test is done")
    with pytest.RaisesGroup(refused, flatten_subgroups=True):
        async with running(house) as told:
            await told.wait_for("-> ready")
    assert in_stop_order(house.diary)[5:] == ["orders drains", *ENDS]


async def test_what_failed_is_not_lost_when_its_drains_are_cut_short(house, autojump_clock):
    def refuse():
        raise ValueError("not in the table")

    house.drains = {"orders": drains("orders", trio.sleep_forever)}
    house.listener.arrived = refuse
    with pytest.RaisesGroup(ValueError, flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(house.build().run)
            await trio.sleep(1)
            assert "orders drains" in house.diary
            nursery.cancel_scope.cancel()
    assert trio.current_time() == 1


async def test_a_cleanup_that_fails_in_the_stop_does_not_break_its_order(house, autojump_clock):
    house.drains = {"store": drains("store")}
    house.client.plan = [trio.sleep_forever]
    house.client.cleanup = house.orders.cleanup = raises(OSError("careless"))
    async with running(house) as told:
        await told.wait_for("client is starting")
        await trio.sleep(1)
        del house.diary[:]
    assert in_stop_order(house.diary) == ["store drains", *ENDS[1:]]
    assert "client is stopping: its cleanup failed: OSError: careless" in told.diary
    assert "orders is stopping: its cleanup failed: OSError: careless" in told.diary


async def test_cancelling_skips_the_drains_and_leaves_nothing_behind(house, autojump_clock):
    house.drains = {"orders": drains("orders")}
    before = tasks_now()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.build().run)
        await house.listener.wait_for("-> ready")
        nursery.cancel_scope.cancel()
    assert tasks_now() == before
    assert sorted(house.diary[5:]) == sorted(ENDS)
    assert "orders drains" not in house.diary
    assert trio.current_time() == 0


async def test_cancelling_ends_an_ordered_stop_that_takes_too_long(house, autojump_clock):
    house.drains = {"orders": drains("orders", trio.sleep_forever)}
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.build().run)
        await house.listener.wait_for("-> ready")
        house.supervisor.stop("SIGTERM")
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    assert trio.current_time() == 1
    assert sorted(house.diary[-5:]) == sorted(ENDS)


# --- a restart from outside -------------------------------------------------------------------------


async def test_a_stage_that_hangs_is_restarted_as_if_it_had_failed(house, autojump_clock):
    async with running(house) as told:
        await told.wait_for("-> ready")
        assert house.supervisor.restart("client", "it hangs") is True
        await told.wait_for("-> ready", times=2)
    assert house.starts() == (1, 2, 2)
    assert told_of(house, "-> error") == ["-> error 1 of client, again in 0.5 s: it hangs"]


async def test_a_service_that_hangs_is_restarted_and_nothing_else(house, autojump_clock):
    async with running(house) as told:
        await told.wait_for("-> ready")
        assert house.supervisor.restart("orders", "it hangs") is True
        await told.wait_for("orders is running", times=2)
    assert (house.orders.starts, house.store.starts, house.starts()) == (2, 1, (1, 1, 1))
    assert told_of(house, "-> error") == []


async def test_nothing_is_restarted_that_does_not_run(house, autojump_clock):
    async with running(house) as told:
        await told.wait_for("-> ready")
        assert house.supervisor.restart("nobody", "why") is False
        house.supervisor.restart("client", "it hangs")
        assert house.supervisor.restart("client", "again") is False
        await told.wait_for("-> ready", times=2)
        house.supervisor.stop("the test is done")
        assert house.supervisor.restart("orders", "it stops anyhow") is False

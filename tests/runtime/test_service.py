"""One service that crashes, hangs or never ends is restarted or given up, and hurts nobody else."""

import contextlib

import pytest
import trio

from tests.runtime.directing import Directed, Listener, known_delays, raises, stubborn
from traderd.errors import ConfigError
from traderd.runtime.service import (
    RESTART_CAP_S,
    RESTART_WINDOW_S,
    RESTARTS_MAX,
    SERVICE_START_DEADLINE_S,
    STOP_BUDGET_S,
    Service,
    ServiceHost,
    in_start_order,
)
from traderd.runtime.simulation import SimEnv


@pytest.fixture
def listener():
    return Listener()


def hosted(part, listener, env=None, **options):
    return ServiceHost(
        part.service(**options), "context", env=env or known_delays(), listener=listener
    )


def statuses(listener, name):
    return [line.removeprefix(f"{name} is ") for line in listener.diary]


# --- the start order --------------------------------------------------------------------------------


async def idle(context, *, task_status):
    task_status.started()
    await trio.sleep_forever()


def named(name, *after):
    return Service(name=name, run=idle, after=after)


def test_each_service_starts_after_those_it_names():
    services = [named("web", "orders", "risk"), named("orders", "risk"), named("risk"), named("a")]
    names = [service.name for service in in_start_order(services)]
    assert sorted(names) == ["a", "orders", "risk", "web"]
    assert names.index("risk") < names.index("orders") < names.index("web")


def test_the_start_order_is_the_same_each_time():
    services = [named(name) for name in ("zebra", "quick", "fox", "over", "dog")]
    assert in_start_order(services) == in_start_order(services)
    assert [service.name for service in in_start_order(services)][:2] == ["zebra", "quick"]


def test_an_unknown_predecessor_is_the_operators_error():
    with pytest.raises(ConfigError, match="'web' wants to start after 'ordres', unknown"):
        in_start_order([named("web", "ordres")])


def test_a_circle_names_its_services():
    with pytest.raises(ConfigError, match=r"wait for each other: .*a.*b.*c") as caught:
        in_start_order([named("a", "c"), named("b", "a"), named("c", "b")])
    assert str(caught.value).count("->") == 3


def test_two_services_of_one_name_are_refused():
    with pytest.raises(ConfigError, match="two services are called 'web'"):
        in_start_order([named("web"), named("web")])


# --- the life of one service ------------------------------------------------------------------------


async def test_a_service_starts_runs_and_stops_when_it_is_told(listener, autojump_clock):
    part = Directed("web", [])
    host = hosted(part, listener)
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        assert statuses(listener, "web") == ["starting", "running"]
        assert await host.stop() is True
    assert statuses(listener, "web") == ["starting", "running", "stopped"]
    assert part.starts == 1


async def test_the_context_is_handed_to_the_service(listener, autojump_clock):
    given = []

    async def run(context, *, task_status):
        given.append(context)
        await idle(context, task_status=task_status)

    host = ServiceHost(Service(name="a", run=run), "mine", env=known_delays(), listener=listener)
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        await host.stop()
    assert given == ["mine"]


async def test_a_crash_is_told_and_the_service_restarted_after_its_delay(listener, autojump_clock):
    part = Directed("web", [])
    host = hosted(part, listener)
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        part.fail(OSError("port gone"))
        await listener.wait_for("web is running", times=2)
        assert trio.current_time() == pytest.approx(0.5)
        await host.stop()
    assert statuses(listener, "web") == [
        *("starting", "running", "restarting: in 0.5 s: OSError: port gone"),
        *("running", "stopped"),
    ]


async def test_the_delays_are_drawn_between_nothing_and_a_limit_that_doubles(autojump_clock):
    pauses = []
    for seed in range(40):
        part, listener = Directed("web", []), Listener()
        host = hosted(part, listener, env=SimEnv(seed=seed))
        async with trio.open_nursery() as nursery:
            await nursery.start(host.run)
            for limit in (0.5, 1.0, 2.0):
                before, starts = trio.current_time(), part.starts
                part.fail(OSError("again"))
                await listener.wait_for("web is running", times=starts + 1)
                pauses.append((trio.current_time() - before) / limit)
            await host.stop()
    assert all(0 <= share <= 1.01 for share in pauses)
    assert min(pauses) < 0.1
    assert max(pauses) > 0.9


async def test_a_service_that_just_ends_is_restarted_too(listener, autojump_clock):
    part = Directed("web", [])
    host = hosted(part, listener)
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        part.end()
        await listener.wait_for("web is running", times=2)
        await host.stop()
    restarting = "restarting: in 0.5 s: it ended although nobody stopped it"
    assert statuses(listener, "web")[2] == restarting


async def test_a_crash_in_a_child_task_restarts_the_whole_service(listener, autojump_clock):
    ended = []

    async def child():
        await trio.sleep(1)
        raise ValueError("deep inside")

    async def run(context, *, task_status):
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(child)
                task_status.started()
                await trio.sleep_forever()
        finally:
            ended.append(trio.current_time())

    host = ServiceHost(Service(name="web", run=run), None, env=known_delays(), listener=listener)
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        await listener.wait_for("web is running", times=2)
        await host.stop()
    assert statuses(listener, "web")[2] == "restarting: in 0.5 s: ValueError: deep inside"
    assert ended == [1.0, pytest.approx(1.5)]


async def test_after_five_restarts_in_ten_minutes_a_crash_means_quarantine(
    listener, autojump_clock
):
    part = Directed("web", [])
    host = hosted(part, listener)
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        for crash in range(1, RESTARTS_MAX + 2):
            await listener.wait_for("web is running", times=crash)
            part.fail(OSError(f"crash {crash}"))
        await listener.wait_for("web is lost")
        # Nothing is left to stop: the host's task has ended by itself.
    assert listener.lost == [("web", "OSError: crash 6")]
    assert listener.diary[-2:] == ["web is quarantined: OSError: crash 6", "web is lost"]
    assert part.starts == 1 + RESTARTS_MAX
    assert await host.stop() is True
    assert "web is stopped" not in listener.diary


@pytest.mark.parametrize("restarts_max", [0, 1, 3])
async def test_a_service_names_its_own_budget_of_restarts(listener, autojump_clock, restarts_max):
    part = Directed("web", [])
    host = hosted(part, listener, restarts_max=restarts_max)
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        for crash in range(1, restarts_max + 2):
            await listener.wait_for("web is running", times=crash)
            part.fail(OSError("again"))
        await listener.wait_for("web is lost")
    assert part.starts == 1 + restarts_max
    assert len([line for line in listener.diary if "restarting" in line]) == restarts_max


def test_a_budget_below_nothing_is_refused():
    with pytest.raises(ValueError, match="restarts_max"):
        Service(name="web", run=idle, restarts_max=-1)


async def test_crashes_that_lie_far_apart_are_bad_luck_and_start_small_again(
    listener, autojump_clock
):
    part = Directed("web", [])
    host = hosted(part, listener)
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        for crash in range(1, 3 * RESTARTS_MAX):
            await listener.wait_for("web is running", times=crash)
            await trio.sleep(RESTART_WINDOW_S)
            part.fail(OSError("rare"))
        await listener.wait_for("web is running", times=3 * RESTARTS_MAX)
        await host.stop()
    assert listener.lost == []
    waits = [line for line in statuses(listener, "web") if line.startswith("restarting")]
    assert waits == ["restarting: in 0.5 s: OSError: rare"] * (3 * RESTARTS_MAX - 1)


async def test_the_delay_grows_from_crash_to_crash_up_to_its_cap(listener, autojump_clock):
    part = Directed("web", [])
    host = hosted(part, listener)
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        for crash in range(1, 10):
            await listener.wait_for("web is running", times=crash)
            # Just rare enough for the budget, and too often to begin small again.
            await trio.sleep(RESTART_WINDOW_S / RESTARTS_MAX)
            part.fail(OSError("often"))
        await listener.wait_for("web is running", times=10)
        await host.stop()
    waits = [line.split()[2] for line in statuses(listener, "web") if "restarting" in line]
    assert waits == ["0.5", "1.0", "2.0", "4.0", "8.0", "16.0", *[f"{RESTART_CAP_S}"] * 3]


async def test_a_failure_before_the_first_start_is_the_callers(listener, autojump_clock):
    part = Directed("web", [], raises(ConfigError("port 8005 is taken")))
    with pytest.RaisesGroup(ConfigError, flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            await nursery.start(hosted(part, listener).run)
    assert statuses(listener, "web") == ["starting"]
    assert part.starts == 1


async def test_a_service_that_returns_before_it_is_ready_has_failed_to_start(
    listener, autojump_clock
):
    async def run(context, *, task_status):
        await trio.lowlevel.checkpoint()

    host = ServiceHost(Service(name="web", run=run), None, env=known_delays(), listener=listener)
    with pytest.RaisesGroup(
        pytest.RaisesExc(RuntimeError, match="without calling"), flatten_subgroups=True
    ):
        async with trio.open_nursery() as nursery:
            await nursery.start(host.run)
    assert "web is running" not in listener.diary


async def test_a_first_start_that_hangs_fails_with_the_services_name(listener, autojump_clock):
    part = Directed("web", [], trio.sleep_forever)
    late = pytest.RaisesExc(trio.TooSlowError, match="service web was not ready within 30 s")
    with pytest.RaisesGroup(late, flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            await nursery.start(hosted(part, listener).run)
    assert trio.current_time() == pytest.approx(SERVICE_START_DEADLINE_S)


async def test_a_restart_that_hangs_is_a_crash_like_any_other(listener, autojump_clock):
    part = Directed("web", [])
    host = hosted(part, listener)
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        part.plan = [trio.sleep_forever]
        part.fail(OSError("first"))
        await listener.wait_for("web is running", times=2)
        await host.stop()
    restarting = [line for line in statuses(listener, "web") if "restarting" in line]
    assert restarting[1].endswith("service web was not ready within 30 s")
    assert part.starts == 3


# --- the end of one service -------------------------------------------------------------------------


async def test_a_service_in_its_restart_pause_stops_at_once(listener, autojump_clock):
    part = Directed("web", [])
    host = hosted(part, listener)
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        part.fail(OSError("gone"))
        await listener.wait_for("web is restarting: in 0.5 s: OSError: gone")
        assert await host.stop() is True
        assert trio.current_time() == 0
    assert part.starts == 1
    assert listener.diary[-1] == "web is stopped"


async def test_a_service_that_swallows_its_cancellation_ends_all_the_same(listener, autojump_clock):
    async def run(context, *, task_status):
        task_status.started()
        for _ in range(3):
            with contextlib.suppress(trio.Cancelled):
                await trio.sleep_forever()

    host = ServiceHost(Service(name="web", run=run), None, env=known_delays(), listener=listener)
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        assert await host.stop() is True
    assert statuses(listener, "web") == ["starting", "running", "stopped"]


async def test_a_service_that_does_not_end_is_left_behind_within_the_budget(
    listener, autojump_clock
):
    part = Directed("web", [])
    part.cleanup = stubborn(10)
    host = hosted(part, listener)
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        assert await host.stop() is False
        assert trio.current_time() == pytest.approx(STOP_BUDGET_S)
    assert trio.current_time() == pytest.approx(10)
    assert listener.diary[-2:] == [
        "web is stopping: it did not end within 1.2 s and is left behind",
        "web is stopped",
    ]


async def test_a_cleanup_that_fails_is_told_and_harms_nobody(listener, autojump_clock):
    part = Directed("web", [])
    part.cleanup = raises(OSError("flush failed"))
    host = hosted(part, listener)
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        assert await host.stop() is True
    assert statuses(listener, "web")[2:] == [
        "stopping: its cleanup failed: OSError: flush failed",
        "stopped",
    ]


async def test_one_service_that_crashes_for_ever_does_not_touch_another(listener, autojump_clock):
    bad, good = Directed("bad", []), Directed("good", [])
    async with trio.open_nursery() as nursery:
        host = hosted(good, listener)
        await nursery.start(host.run)
        await nursery.start(hosted(bad, listener).run)
        for crash in range(1, RESTARTS_MAX + 2):
            await listener.wait_for("bad is running", times=crash)
            bad.fail(ValueError("defect"))
        await listener.wait_for("bad is lost")
        assert (good.starts, statuses(listener, "good").count("running")) == (1, 1)
        await host.stop()


# --- a restart from outside -------------------------------------------------------------------------


async def test_a_service_that_is_told_to_starts_anew_like_after_a_crash(listener, autojump_clock):
    part = Directed("web", [])
    host = hosted(part, listener)
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        assert host.restart("it hangs") is True
        assert host.restart("twice is once") is False
        await trio.sleep(RESTART_CAP_S)
        assert (part.starts, part.alive) == (2, 1)
        await host.stop()
    assert listener.diary[2] == "web is stopping: it is started anew: it hangs"
    assert [line for line in listener.diary if "restarting" in line] == [
        "web is restarting: in 0.5 s: it hangs"
    ]


async def test_restarts_from_outside_use_up_the_budget_too(listener, autojump_clock):
    part = Directed("web", [])
    host = hosted(part, listener, restarts_max=1)
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        for _ in range(2):
            assert host.restart("it hangs") is True
            await trio.sleep(RESTART_CAP_S)
        assert host.restart("nothing runs any more") is False
        await host.stop()
    assert listener.lost == [("web", "it hangs")]


async def test_one_that_does_not_end_is_not_started_beside_itself(listener, autojump_clock):
    part = Directed("web", [])
    part.cleanup = stubborn(50.0)
    host = hosted(part, listener)
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        host.restart("it hangs")
        await trio.sleep(49.0)
        assert part.starts == 1
        assert statuses(listener, "web")[-1].startswith("stopping")
        await trio.sleep(2.0)
        assert part.starts == 2
        part.cleanup = None
        await host.stop()

"""A stall is told at once and in the status; a plugin with too many is started disabled the next time."""

import attrs
import trio
from structlog import get_logger

from tests.plugin_files import put_plugin
from tests.services.still_daemon import still_daemon
from tests.simulation.harness import simulated_daemon
from traderd.core import book
from traderd.model.plugin_commands import EnablePlugin
from traderd.runtime.plugin_record import Origin, PluginRecord, PluginState
from traderd.runtime.stall_watch import Stall
from traderd.services import sync
from traderd.services.context import Context
from traderd.services.stalls import PART, TOLD_FOR_S, StallTelling
from traderd.store.plugin_switches import SWITCHES_FILE, read_switches, write_switch


def stall(culprit="plugin maker", *, is_over=False):
    place = "/p/maker.py:7 in Maker.on_book"
    return Stall(
        culprit=culprit, place=place, stack=("a:1 in f", place), late_s=0.6, is_over=is_over
    )


async def test_it_is_in_the_log_with_its_stack_before_it_is_over(tmp_path, autojump_clock):
    async with still_daemon(tmp_path) as daemon:
        StallTelling(daemon.context("stalls")).begun(stall())
        text = daemon.log_text.getvalue()
        assert "plugin maker holds the loop up for 0.6 s: /p/maker.py:7 in Maker.on_book" in text
        assert "a:1 in f" in text
        # The screens get it with the loop's next line.
        assert not any("holds the loop" in one["event"] for one in daemon.shared.log_ring.lines())
        daemon.context("x").log.info("the loop runs")
        assert [one["event"].split(" ")[0] for one in daemon.shared.log_ring.lines()[-2:]] == [
            *("plugin", "the")
        ]


async def test_it_is_a_degraded_part_for_a_minute(tmp_path, autojump_clock):
    async with still_daemon(tmp_path) as daemon, trio.open_nursery() as nursery:
        telling = StallTelling(daemon.context("stalls"))
        nursery.start_soon(telling.forget)
        telling.over(stall(is_over=True))
        assert daemon.view.conditions.degraded[PART].startswith("plugin maker held the loop up")
        await trio.sleep(TOLD_FOR_S + 1.0)
        assert PART not in daemon.view.conditions.degraded
        nursery.cancel_scope.cancel()


async def test_the_third_stall_has_the_plugin_started_disabled(tmp_path, autojump_clock):
    async with still_daemon(tmp_path) as daemon:
        for _ in range(2):
            StallTelling(daemon.context("stalls")).begun(stall())
        assert read_switches(daemon.shared.config.state_path()) == {}
    async with still_daemon(tmp_path) as daemon:
        # The count is of the disk, for the process may end with the stall.
        StallTelling(daemon.context("stalls")).begun(stall())
        ((name, switch),) = read_switches(daemon.shared.config.state_path()).items()
        assert name == "maker"
        assert switch.by.endswith(
            "held the loop up 3 times, the last time at /p/maker.py:7 in Maker.on_book"
        )
        assert (
            "and started disabled the next time; mend it, then: traderd plugins enable maker"
            in (daemon.log_text.getvalue())
        )


async def test_a_plugin_that_was_mended_begins_anew(tmp_path, autojump_clock):
    async with still_daemon(tmp_path, health__stalls_max=2) as daemon:
        directory = daemon.shared.config.state_path()
        for _ in range(2):
            StallTelling(daemon.context("stalls")).begun(stall())
        assert list(read_switches(directory)) == ["maker"]
        write_switch(directory, "maker", None)
        StallTelling(daemon.context("stalls")).begun(stall())
        assert read_switches(directory) == {}


async def test_a_plugin_that_cannot_be_disabled_is_told(tmp_path, autojump_clock):
    async with still_daemon(tmp_path, health__stalls_max=1) as daemon:
        (daemon.shared.config.state_path() / f"{SWITCHES_FILE}.new").mkdir()
        StallTelling(daemon.context("stalls")).begun(stall())
        assert "plugin maker has held the loop up 1 times and cannot be disabled: " in (
            daemon.log_text.getvalue()
        )


async def test_only_plugins_are_counted(tmp_path, autojump_clock):
    async with still_daemon(tmp_path, health__stalls_max=1) as daemon:
        StallTelling(daemon.context("stalls")).begun(stall("service sync"))
        assert read_switches(daemon.shared.config.state_path()) == {}


async def test_files_are_told_apart(tmp_path, autojump_clock):
    async with still_daemon(tmp_path) as daemon:
        maker = PluginRecord(name="maker", where="/p/maker.py", origin=Origin.DROP_IN)
        daemon.shared.plugin_desk.plugins.records["maker"] = maker
        telling = StallTelling(daemon.context("stalls"))
        assert telling.whose("/p/maker.py") == "plugin maker"
        assert telling.whose(sync.__file__) == "service sync"
        assert telling.whose(book.__file__) == "traderd (book)"
        assert telling.whose("/x/json/decoder.py") == ""
        # A library below a directory of our name is nobody's.
        assert telling.whose("/x/traderd/.venv/lib/json/decoder.py") == ""


async def test_a_stall_that_was_told_before_a_restart_of_the_watch_is_forgotten(
    tmp_path, autojump_clock
):
    async with still_daemon(tmp_path) as daemon, trio.open_nursery() as nursery:
        context = daemon.context("stalls")
        StallTelling(context).over(stall(is_over=True))
        nursery.start_soon(StallTelling(context).forget)
        await trio.sleep(TOLD_FOR_S + 1.0)
        assert PART not in daemon.view.conditions.degraded
        nursery.cancel_scope.cancel()


ROUTE = """
from traderd.plugin_api import Route, RouteAnswer, hookimpl


async def answer(request):
    return RouteAnswer(body="{}")


@hookimpl
def traderd_routes():
    return [Route(path="now", answer=answer)]
"""


async def test_a_plugin_that_blocks_again_and_again_is_cut_in_this_run_and_the_next(
    tmp_path, autojump_clock
):
    put_plugin(tmp_path, "blocker", ROUTE)
    async with simulated_daemon(tmp_path) as simulated:
        record = simulated.daemon.shared.plugin_desk.plugins.records["blocker"]
        telling = StallTelling(
            Context(name="stalls", shared=simulated.daemon.shared, log=get_logger())
        )
        for time in (1, 2, 3):
            assert record.state is PluginState.RUNNING, f"stall {time}"
            held_up = stall("plugin blocker")
            telling.begun(held_up)
            telling.over(attrs.evolve(held_up, is_over=True))
        assert record.state is PluginState.QUARANTINED
        (route,) = [
            one for one in simulated.daemon.shared.extensions.routes if one.plugin == "blocker"
        ]
        assert not route.in_use()
        await simulated.wait_until(lambda: "plugin:blocker" in simulated.view.conditions.degraded)
        assert "held the loop up 3 times" in simulated.view.conditions.degraded["plugin:blocker"]
        assert (await simulated.send(EnablePlugin(plugin="blocker"))).ok
        assert simulated.daemon.shared.plugin_desk.plugins.records["blocker"].state is (
            PluginState.RUNNING
        )
        assert read_switches(simulated.daemon.shared.config.state_path()) == {}

"""A stall is told at once and in the status; a plugin with too many is started disabled the next time."""

import trio

from tests.services.still_daemon import still_daemon
from traderd.core import book
from traderd.errors import StoreError
from traderd.runtime.stall_watch import Stall
from traderd.services import sync
from traderd.services.stalls import PART, TOLD_FOR_S, StallTelling


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
    switched = []
    async with still_daemon(tmp_path) as daemon:
        daemon.shared.levers.disable_plugin = lambda name, why: switched.append((name, why))
        for _ in range(2):
            StallTelling(daemon.context("stalls")).begun(stall())
        assert switched == []
    async with still_daemon(tmp_path) as daemon:
        # The count is of the disk, for the process may end with the stall.
        daemon.shared.levers.disable_plugin = lambda name, why: switched.append((name, why))
        StallTelling(daemon.context("stalls")).begun(stall())
        ((name, why),) = switched
        assert name == "maker"
        assert why.endswith(
            "held the loop up 3 times, the last time at /p/maker.py:7 in Maker.on_book"
        )
        assert "is started disabled the next time; mend it, then: traderd plugins enable maker" in (
            daemon.log_text.getvalue()
        )


async def test_a_plugin_that_was_mended_begins_anew(tmp_path, autojump_clock):
    switched = []
    async with still_daemon(tmp_path, health__stalls_max=2) as daemon:
        daemon.shared.levers.disable_plugin = lambda name, why: switched.append(name)
        for _ in range(3):
            StallTelling(daemon.context("stalls")).begun(stall())
        assert switched == ["maker"]


async def test_a_plugin_that_cannot_be_disabled_is_told(tmp_path, autojump_clock):
    def refuse(name, why):
        raise StoreError("no room")

    async with still_daemon(tmp_path, health__stalls_max=1) as daemon:
        daemon.shared.levers.disable_plugin = refuse
        StallTelling(daemon.context("stalls")).begun(stall())
        assert "cannot be disabled: no room" in daemon.log_text.getvalue()
        daemon.shared.levers.disable_plugin = None
        StallTelling(daemon.context("stalls")).begun(stall("plugin other"))
        assert (
            "plugin other has held the loop up 1 times; take it away" in daemon.log_text.getvalue()
        )


async def test_only_plugins_are_counted(tmp_path, autojump_clock):
    async with still_daemon(tmp_path, health__stalls_max=1) as daemon:
        daemon.shared.levers.disable_plugin = lambda *_: 1 / 0
        StallTelling(daemon.context("stalls")).begun(stall("service sync"))


async def test_files_are_told_apart(tmp_path, autojump_clock):
    async with still_daemon(tmp_path) as daemon:
        daemon.shared.levers.plugin_of_file = {"/p/maker.py": "maker"}.get
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

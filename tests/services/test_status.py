import json

import trio

from tests.services.still_daemon import still_daemon
from traderd.model.orders import Side
from traderd.plugin_manager import load_plugins
from traderd.services import status
from traderd.services.status import BOX_INTERVAL_S, BOXES_KEPT, status_line
from traderd.services.status_box import STATUS_BOXES


def lines_of(daemon, event):
    lines = [json.loads(line) for line in daemon.log_text.getvalue().splitlines()]
    return [line for line in lines if line["event"].startswith(event)]


async def watch(daemon, seconds):
    """Run the status service for a while."""
    async with trio.open_nursery() as nursery:
        await nursery.start(status.run, daemon.context("status"))
        await trio.sleep(seconds)
        nursery.cancel_scope.cancel()


async def test_the_box_is_told_twice_a_minute_while_the_daemon_works(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.climb()
        await watch(daemon, 2 * BOX_INTERVAL_S + 1)
        boxes = lines_of(daemon, "status")
        assert len(boxes) == 2
        assert boxes[0]["box"].splitlines()[0].startswith("╔═══ TRADERD STATUS")
        assert [line["box"] for line in boxes] == list(daemon.shared.extras[STATUS_BOXES])


async def test_before_the_daemon_is_ready_there_is_no_box(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        await watch(daemon, 3 * BOX_INTERVAL_S)
        assert lines_of(daemon, "status") == []
        assert list(daemon.shared.extras[STATUS_BOXES]) == []


async def test_in_between_there_is_one_line_for_who_wants_to_know(autojump_clock, tmp_path):
    async with still_daemon(tmp_path, level="debug", status__interval_s="5") as daemon:
        daemon.climb()
        await watch(daemon, 26)
        assert len(lines_of(daemon, "ready, up")) == 5


async def test_only_the_last_boxes_are_kept(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.climb()
        await watch(daemon, BOX_INTERVAL_S * (BOXES_KEPT + 10))
        assert len(daemon.shared.extras[STATUS_BOXES]) == BOXES_KEPT


async def test_the_line_counts_what_there_is(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.snapshot(bids={"0.46": "1"}, asks={})
        daemon.fill(daemon.place(Side.BID, "5", "0.46"), "2", "0.46", "0")
        await trio.sleep(61.5)
        assert status_line(daemon.context("status")) == (
            "initializing, up 1m 01s: books 1/12, snapshots 1, deltas 0, fills 1, orders 1"
        )


async def test_with_trading_off_the_line_has_no_word_of_trading(autojump_clock, tmp_path):
    async with still_daemon(tmp_path, trading__enabled="false") as daemon:
        line = status_line(daemon.context("status"))
        assert "books 0/12" in line
        assert "fills" not in line
        assert "orders" not in line


async def test_it_runs_in_every_mode(autojump_clock, tmp_path):
    async with still_daemon(tmp_path, trading__enabled="false") as daemon:
        names = [service.name for service in load_plugins([]).services(daemon.shared.config)]
        assert "status" in names
        assert "orders" not in names

import pytest

from tests.services.still_daemon import still_daemon
from traderd.errors import BadInput
from traderd.model.orders import Side
from traderd.services.pages import PAGES


def all_pages(daemon, name, limit, key):
    """Follow the cursors from the newest page to the oldest and return the keys of each page."""
    found, before = [], None
    while True:
        page, before = PAGES[name](daemon.context("web"), limit, before)
        found.append([key(record) for record in page])
        if before is None:
            return found


async def test_fills_are_paged_back_in_time_and_each_is_told_once(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        key = daemon.place(Side.BID, "9", "0.45")
        for _ in range(5):
            daemon.fill(key, "1", "0.45", "0.01")
        pages = all_pages(daemon, "fills", 2, lambda fill: fill["trade_id"])
    assert pages == [["trade-4", "trade-5"], ["trade-2", "trade-3"], ["trade-1"]]


async def test_a_page_that_holds_everything_has_no_next(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        key = daemon.place(Side.BID, "9", "0.45")
        daemon.fill(key, "1", "0.45", "0.01")
        assert all_pages(daemon, "fills", 1, lambda fill: fill["trade_id"]) == [["trade-1"]]
        assert all_pages(daemon, "log", 500, lambda line: line["event"])[1:] == []


async def test_what_comes_between_two_pages_shifts_nothing(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        key = daemon.place(Side.BID, "9", "0.45")
        for _ in range(3):
            daemon.fill(key, "1", "0.45", "0.01")
        context = daemon.context("web")
        _, before = PAGES["fills"](context, 1, None)
        daemon.fill(key, "1", "0.45", "0.01")
        page, _ = PAGES["fills"](context, 1, before)
    assert [fill["trade_id"] for fill in page] == ["trade-2"]


async def test_the_first_page_of_orders_has_every_live_one_and_no_other_repeats_it(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        old_live = daemon.place(Side.BID, "1", "0.10")
        finished = []
        for _ in range(4):
            finished.append(daemon.place(Side.BID, "1", "0.45"))
            daemon.fill(finished[-1], "1", "0.45", "0.01")
        pages = all_pages(daemon, "orders", 2, lambda order: order["key"])
    newest_first = finished[::-1]
    assert pages == [[*newest_first[:2], old_live], newest_first[2:]]


async def test_log_lines_are_paged_by_their_number(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        context = daemon.context("web")
        for number in range(3):
            context.log.info(f"line {number}")
        newest, before = PAGES["log"](context, 2, None)
        assert [line["event"] for line in newest] == ["line 1", "line 2"]
        context.log.info("line 3")
        older, _ = PAGES["log"](context, 1, before)
    assert [line["event"] for line in older] == ["line 0"]


async def test_state_changes_are_paged(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.climb()
        pages = all_pages(daemon, "transitions", 2, lambda change: change["to_state"])
        told = [change.to_state.value for change in daemon.view.transitions]
    assert [state for page in reversed(pages) for state in page] == told
    assert len(pages) > 1


@pytest.mark.parametrize("name", list(PAGES))
async def test_a_cursor_that_names_nothing_is_refused_with_the_cure(autojump_clock, tmp_path, name):
    async with still_daemon(tmp_path) as daemon:
        with pytest.raises(BadInput, match="begin again without it"):
            PAGES[name](daemon.context("web"), 10, "no-such-thing" * 100)

import json
from contextlib import asynccontextmanager

import pytest
import trio

from tests.services.still_daemon import MARKET, still_daemon
from traderd.errors import ConfigError
from traderd.model import events as ev
from traderd.model.orders import Side
from traderd.plugin_manager import load_plugins
from traderd.services.console_source import DaemonSource
from traderd.services.web import (
    GOODBYE_S,
    STATUS_INTERVAL_S,
    broadcast,
    serving,
)
from traderd.web.live import LiveHub
from traderd.web.send_times import FLUSH_INTERVAL_S


class Page:
    """A console that is connected to the hub: the messages that wait for it."""

    def __init__(self, client):
        self._client = client

    def messages(self):
        """Return what came since the last look."""
        return [json.loads(text) for text in self._client.mailbox.take()]

    def of_type(self, type_):
        return [message["data"] for message in self.messages() if message["type"] == type_]


@asynccontextmanager
async def page_of(daemon):
    """Broadcast to one page that has seen everything so far."""
    context = daemon.context("web")
    source = DaemonSource(context)
    hub = LiveHub(source)
    async with trio.open_nursery() as nursery:
        with hub.join() as client:
            client.mailbox.stale = False
            await nursery.start(hub.run)
            await nursery.start(broadcast, context, source, hub)
            await trio.testing.wait_all_tasks_blocked()
            page = Page(client)
            page.messages()
            yield page, client, hub
        nursery.cancel_scope.cancel()


async def test_an_order_is_told_with_each_of_its_changes(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon, page_of(daemon) as (page, _, _):
        key = daemon.place(Side.BID, "5", "0.45")
        await trio.testing.wait_all_tasks_blocked()
        (order,) = page.of_type("order")
        assert (order["key"], order["status"]) == (key, "resting")


async def test_a_fill_is_told_with_its_position(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon, page_of(daemon) as (page, _, _):
        daemon.fill(daemon.place(Side.BID, "5", "0.45"), "2", "0.45", "0.01")
        await trio.testing.wait_all_tasks_blocked()
        told = {message["type"]: message["data"] for message in page.messages()}
        assert told["fill"]["count"] == "2.00"
        assert (told["position"]["ticker"], told["position"]["count"]) == (MARKET, "2.00")
        assert told["order"]["filled"] == "2.00"


async def test_a_state_change_brings_the_status_with_it(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon, page_of(daemon) as (page, _, _):
        daemon.shared.lifecycle.stopping("SIGTERM")
        await trio.sleep(FLUSH_INTERVAL_S)
        await trio.testing.wait_all_tasks_blocked()
        told = {message["type"]: message["data"] for message in page.messages()}
        change = told["state_transition"]
        assert (change["from_state"], change["to_state"]) == ("initializing", "shutdown")
        assert change["metadata"] == {"reason": "SIGTERM"}
        assert told["trader_status"]["state"] == "shutdown"


async def test_a_calibration_is_told_with_the_account_and_what_differed(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon, page_of(daemon) as (page, _, _):
        daemon.sync("998.77")
        await trio.testing.wait_all_tasks_blocked()
        (update,) = page.of_type("trading_state")
        assert (update["balance_dollars"], update["sync_type"]) == ("998.770000", "initial")
        assert update["account"]["balance_dollars"] == "998.770000"
        assert update["differences"] == []


async def test_a_halt_is_told_when_it_begins_and_when_it_ends(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon, page_of(daemon) as (page, _, _):
        person = ev.Author.PERSON
        daemon.publish(
            ev.HaltRaised(at=daemon.now(), halt_id="h", author=person, reason="rain"),
            ev.HaltCleared(at=daemon.now(), halt_id="h", author=person),
        )
        await trio.testing.wait_all_tasks_blocked()
        raised, cleared = page.of_type("halt")
        assert (raised["id"], raised["reason"], raised["cleared"]) == ("h", "rain", False)
        assert cleared == {"id": "h", "cleared": True}


async def test_log_lines_are_told_as_they_are_written(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon, page_of(daemon) as (page, _, _):
        daemon.context("risk").log.warning("careful", ticker=MARKET)
        (line,) = page.of_type("log")
        assert (line["level"], line["event"]) == ("warning", "careful")
        assert line["fields"] == {"service": "risk", "ticker": MARKET}


async def test_the_status_comes_every_second(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon, page_of(daemon) as (page, _, _):
        uptimes = []
        for _ in range(3):
            await trio.sleep(STATUS_INTERVAL_S)
            await trio.testing.wait_all_tasks_blocked()
            uptimes += [status["uptime_s"] for status in page.of_type("trader_status")]
        assert len(uptimes) == 3
        assert uptimes[2] - uptimes[0] == pytest.approx(2 * STATUS_INTERVAL_S)


async def test_a_book_is_sent_only_to_who_watches_it(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon, page_of(daemon) as (page, client, _):
        daemon.snapshot(bids={"0.46": "10"}, asks={})
        await trio.sleep(0.5)
        assert page.of_type("book") == []
        client.watching = MARKET
        daemon.snapshot(bids={"0.47": "10"}, asks={})
        await trio.sleep(0.5)
        (book,) = page.of_type("book")
        assert (book["ticker"], book["best_bid"]) == (MARKET, "0.4700")


async def test_leaving_asks_politely_and_does_not_wait_for_who_stays(autojump_clock):
    stop, told = trio.Event(), []

    async def stubborn(*, task_status):
        task_status.started("served")
        await stop.wait()
        told.append("asked")
        await trio.sleep_forever()

    before = trio.current_time()
    with trio.move_on_after(5):
        async with serving(stubborn, stop) as served:
            assert served == "served"
            await trio.sleep_forever()
    assert told == ["asked"]
    assert trio.current_time() - before == pytest.approx(5 + GOODBYE_S)


async def test_a_server_that_is_stopped_while_it_starts_ends(autojump_clock):
    """Row D3: a stop at any moment ends in bounded time."""
    stop = trio.Event()

    async def slow(*, task_status):
        await trio.sleep(1)
        task_status.started("served")
        await stop.wait()

    before = trio.current_time()
    with trio.move_on_after(0.5):
        async with serving(slow, stop):
            await trio.sleep_forever()
    assert trio.current_time() - before == pytest.approx(1)


async def test_a_server_that_fails_ends_the_service_with_its_error(autojump_clock):
    async def broken(*, task_status):
        raise ConfigError("the port is taken")

    with pytest.raises(ExceptionGroup) as caught:
        async with serving(broken, trio.Event()):
            raise AssertionError("it was never served")
    assert caught.group_contains(ConfigError, match="the port is taken")


@pytest.mark.parametrize(("enabled", "expected"), [("true", True), ("false", False)])
async def test_the_console_can_be_switched_off(autojump_clock, tmp_path, enabled, expected):
    async with still_daemon(tmp_path, web__enabled=enabled) as daemon:
        names = [service.name for service in load_plugins([]).services(daemon.shared.config)]
        assert ("web" in names) is expected


async def test_without_a_page_neither_status_nor_news_are_even_made(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        context = daemon.context("web")
        source = DaemonSource(context)
        hub = LiveHub(source)
        async with trio.open_nursery() as nursery:
            await nursery.start(broadcast, context, source, hub)
            daemon.fill(daemon.place(Side.BID, "5", "0.45"), "2", "0.45", "0.01")
            await trio.sleep(5 * STATUS_INTERVAL_S)
            assert hub.statistics().published == 0
            nursery.cancel_scope.cancel()

import json
from contextlib import asynccontextmanager

import pytest
import trio

from tests.web.live_looking import ALPHA, BRAVO, LiveLookingSource, fill, log_line, order
from traderd.errors import BadInput
from traderd.web.live import (
    CLIENTS_MAX,
    HEAR_EVERY_S,
    SNAPSHOT_FILLS,
    SNAPSHOT_LOG_LINES,
    LiveHub,
    TooManyClients,
    watched_ticker,
)
from traderd.web.mailbox import EVENTS_MAX
from traderd.web.send_times import FLUSH_INTERVAL_S


class Console:
    """One connected client: what it was sent, and a way to say something."""

    def __init__(self) -> None:
        self.received = []
        self.readable = trio.Event()
        self.readable.set()
        self.said, self._hear = trio.open_memory_channel(10)
        self.stop = trio.Event()

    async def send(self, text):
        await self.readable.wait()
        self.received.append((trio.current_time(), json.loads(text)))

    async def receive(self):
        return await self._hear.receive()

    def of_type(self, type_):
        return [message["data"] for _at, message in self.received if message["type"] == type_]

    def types(self):
        return [message["type"] for _at, message in self.received]


@asynccontextmanager
async def running(source):
    hub = LiveHub(source)
    async with trio.open_nursery() as nursery:
        await nursery.start(hub.run)
        yield hub, nursery
        nursery.cancel_scope.cancel()


async def connect(hub, nursery, *, settle=True):
    console = Console()

    async def attend():
        with hub.join() as client:
            await hub.attend(client, send=console.send, receive=console.receive, stop=console.stop)

    nursery.start_soon(attend)
    if settle:
        await trio.sleep(1)
    return console


async def test_a_newcomer_is_told_who_we_are_and_then_the_present(autojump_clock):
    source = LiveLookingSource()
    async with running(source) as (hub, nursery):
        console = await connect(hub, nursery)
    assert console.types()[:2] == ["hello", "trader_status"]
    assert console.of_type("hello") == [{"version": "0.1.0", "environment": "sim", "dropped": 0}]
    assert console.of_type("state_transition") == source.transition_list
    assert console.of_type("order") == source.order_list[::-1]
    assert console.of_type("position") == source.positions()
    assert console.of_type("fill") == source.fill_list
    assert console.of_type("log") == source.lines


async def test_orders_which_the_source_has_newest_first_reach_a_newcomer_in_the_order_of_their_coming(
    autojump_clock,
):
    source = LiveLookingSource()
    # A page keeps the rows that came last.
    source.order_list = [order(f"k{number}", status="canceled") for number in range(40, 0, -1)]
    async with running(source) as (hub, nursery):
        console = await connect(hub, nursery)
    assert [record["key"] for record in console.of_type("order")] == [f"k{n}" for n in range(1, 41)]
    times = [record["timestamp"] for record in console.of_type("state_transition")]
    assert times == sorted(times)


async def test_the_history_of_a_newcomer_is_bounded(autojump_clock):
    source = LiveLookingSource()
    source.lines = [log_line(number) for number in range(5 * SNAPSHOT_LOG_LINES)]
    source.fill_list = [fill(number) for number in range(5 * SNAPSHOT_FILLS)]
    async with running(source) as (hub, nursery):
        console = await connect(hub, nursery)
    assert console.of_type("log") == source.lines[-SNAPSHOT_LOG_LINES:]
    assert console.of_type("fill") == source.fill_list[-SNAPSHOT_FILLS:]


async def test_news_reach_every_console(autojump_clock):
    async with running(LiveLookingSource()) as (hub, nursery):
        consoles = [await connect(hub, nursery) for _ in range(10)]
        hub.publish("halt", {"id": "h-9", "reason": "test"})
        await trio.sleep(1)
    assert [console.of_type("halt") for console in consoles] == [
        [{"id": "h-9", "reason": "test"}]
    ] * 10


async def test_a_fast_changing_order_is_sent_ten_times_a_second_at_most(autojump_clock):
    async with running(LiveLookingSource()) as (hub, nursery):
        console = await connect(hub, nursery)
        console.received.clear()
        for step in range(1_000):
            hub.publish("order", order("k1", filled=str(step)))
            await trio.sleep(0.001)
        await trio.sleep(1)
    versions = console.of_type("order")
    assert 5 <= len(versions) <= 1 / FLUSH_INTERVAL_S + 2
    assert versions[-1]["filled"] == "999"


async def test_a_status_that_changes_often_is_made_once_a_flush_and_only_for_who_looks(
    autojump_clock,
):
    source, made = LiveLookingSource(), []
    real = source.status
    source.status = lambda: made.append(1) or real()
    async with running(source) as (hub, nursery):
        hub.mark_status()
        await trio.sleep(1)
        assert made == []
        console = await connect(hub, nursery)
        console.received.clear()
        made.clear()
        for _ in range(100):
            hub.mark_status()
        await trio.sleep(1)
    assert len(made) == 1
    assert console.of_type("trader_status") == [real()]


async def busy_books(hub):
    """A market that changes a thousand times a second, so that the hub is never quiet."""
    while True:
        hub.mark_book(ALPHA)
        await trio.sleep(0.001)


@pytest.mark.parametrize("type_", ["state_transition", "halt", "fill", "order"])
async def test_what_somebody_waits_for_goes_at_once_while_books_keep_to_ten_times_a_second(
    autojump_clock, type_
):
    records = {"fill": fill(7), "order": order("k1")}
    async with running(LiveLookingSource()) as (hub, nursery):
        console = await connect(hub, nursery)
        await console.said.send(json.dumps({"watch": ALPHA}))
        nursery.start_soon(busy_books, hub)
        await trio.sleep(1.0433)
        console.received.clear()
        published_at = trio.current_time()
        hub.publish(type_, records.get(type_, {"id": "h-9"}))
        await trio.sleep(1)
    (arrived_at,) = [at for at, message in console.received if message["type"] == type_]
    assert arrived_at - published_at < 0.005
    assert 8 <= len(console.of_type("book")) <= 11


async def test_ready_acting_ready_within_milliseconds_arrive_as_they_happen(autojump_clock):
    async with running(LiveLookingSource()) as (hub, nursery):
        console = await connect(hub, nursery)
        console.received.clear()
        told = []
        for number in range(6):
            told.append(trio.current_time())
            hub.publish("state_transition", {"number": number})
            await trio.sleep(0.003)
        await trio.sleep(1)
    late = [at - told[data["data"]["number"]] for at, data in console.received]
    assert len(late) == 6
    assert max(late) < 0.002


async def test_fills_are_never_conflated(autojump_clock):
    async with running(LiveLookingSource()) as (hub, nursery):
        console = await connect(hub, nursery)
        console.received.clear()
        for number in range(500):
            hub.publish("fill", fill(number), key="same")
        await trio.sleep(1)
    assert [record["trade_id"] for record in console.of_type("fill")] == [
        f"d0c3{number:04d}" for number in range(500)
    ]


async def test_a_console_that_stops_reading_gets_a_snapshot_and_no_hole(autojump_clock):
    source = LiveLookingSource()
    async with running(source) as (hub, nursery):
        slow = await connect(hub, nursery)
        brisk = await connect(hub, nursery)
        slow.received.clear()
        slow.readable = trio.Event()
        for number in range(3 * EVENTS_MAX):
            source.lines.append(log_line(number))
            hub.publish("log", source.lines[-1])
            if number % 100 == 0:
                await trio.sleep(0.2)
        await trio.sleep(1)
        slow.readable.set()
        await trio.sleep(1)
        dropped = hub.statistics().dropped
    assert slow.types().count("hello") == 1
    assert slow.of_type("hello")[0]["dropped"] > EVENTS_MAX
    after = slow.types().index("hello")
    lines = [m["data"] for _at, m in slow.received[after:] if m["type"] == "log"]
    assert lines == source.lines[-SNAPSHOT_LOG_LINES:]
    assert dropped == slow.of_type("hello")[0]["dropped"]
    assert brisk.types().count("hello") == 1  # only its own, from joining
    assert len(brisk.of_type("log")) >= 3 * EVENTS_MAX


async def test_a_book_goes_only_to_who_watches_it_and_is_rendered_once_per_flush(autojump_clock):
    source = LiveLookingSource()
    async with running(source) as (hub, nursery):
        watchers = [await connect(hub, nursery) for _ in range(3)]
        other = await connect(hub, nursery)
        for console in watchers:
            await console.said.send(json.dumps({"watch": ALPHA}))
        await other.said.send(json.dumps({"watch": BRAVO}))
        await trio.sleep(1)
        assert [console.of_type("book")[0]["ticker"] for console in watchers] == [ALPHA] * 3
        for console in watchers:
            console.received.clear()
        before = source.books_rendered
        for _ in range(50):
            hub.mark_book(ALPHA)
            hub.mark_book("KXNOBODYWATCHES")
        await trio.sleep(1)
    assert source.books_rendered == before + 1
    assert [len(console.of_type("book")) for console in watchers] == [1, 1, 1]
    assert {record["ticker"] for record in other.of_type("book")} == {BRAVO}


async def test_who_chooses_a_market_gets_its_last_hour_and_a_newcomer_that_of_the_profit(
    autojump_clock,
):
    async with running(LiveLookingSource()) as (hub, nursery):
        console, other = await connect(hub, nursery), await connect(hub, nursery)
        assert [chart["ticker"] for chart in console.of_type("chart")] == [None]
        for ticker in (BRAVO, ALPHA):
            await console.said.send(json.dumps({"watch": ticker}))
        await trio.sleep(1)
        # Only the chart that is looked at is worth sending.
        assert [chart["ticker"] for chart in console.of_type("chart")][-1] == ALPHA
        assert [chart["ticker"] for chart in other.of_type("chart")] == [None]


async def test_watching_nothing_ends_the_books(autojump_clock):
    async with running(LiveLookingSource()) as (hub, nursery):
        console = await connect(hub, nursery)
        await console.said.send(json.dumps({"watch": ALPHA}))
        await trio.sleep(1)
        await console.said.send(json.dumps({"watch": None}))
        await trio.sleep(1)
        console.received.clear()
        hub.mark_book(ALPHA)
        hub.publish("book", {"ticker": ALPHA})
        await trio.sleep(1)
    assert console.received == []


async def test_who_asks_faster_than_a_person_is_heard_ten_times_a_second(autojump_clock):
    source = LiveLookingSource()
    chart, asked = source.chart, []
    source.chart = lambda ticker: asked.append(ticker) or chart(ticker)
    async with running(source) as (hub, nursery):
        console = await connect(hub, nursery)
        asked.clear()
        for ticker in (ALPHA, BRAVO) * 5:
            await console.said.send(json.dumps({"watch": ticker}))
        await trio.sleep(2.5 * HEAR_EVERY_S)
        assert asked == [ALPHA, BRAVO, ALPHA]
        await trio.sleep(10 * HEAR_EVERY_S)
        assert asked == [ALPHA, BRAVO] * 5


async def test_an_unknown_market_is_answered_with_a_book_that_says_so(autojump_clock):
    async with running(LiveLookingSource()) as (hub, nursery):
        console = await connect(hub, nursery)
        await console.said.send(json.dumps({"watch": "KXNONE"}))
        await trio.sleep(1)
    expected = {"ticker": "KXNONE", "usable": False, "reason": "this market is not watched"}
    assert console.of_type("book") == [expected]


async def test_a_message_that_makes_no_sense_is_answered_once_and_the_stream_goes_on(
    autojump_clock,
):
    async with running(LiveLookingSource()) as (hub, nursery):
        console = await connect(hub, nursery)
        await console.said.send("{")
        await trio.sleep(1)
        assert [error["code"] for error in console.of_type("error")] == ["bad_message"]
        hub.publish("log", log_line(1))
        await trio.sleep(1)
    assert console.types()[-1] == "log"


async def test_at_most_four_consoles_are_woken_in_one_scheduler_pass(autojump_clock):
    async with running(LiveLookingSource()) as (hub, nursery):
        for _ in range(20):
            await connect(hub, nursery, settle=False)
        await trio.sleep(1)
        clients = list(hub._clients.values())
        woken = []

        async def count_per_pass():
            while True:
                woken.append(sum(client.wake.is_set() for client in clients))
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as counting:
            hub.publish("log", log_line(1))
            counting.start_soon(count_per_pass)
            for _ in range(50):
                await trio.lowlevel.checkpoint()
            counting.cancel_scope.cancel()
    # Two groups may be visible at once: one just woken, one that has not run yet in this pass.
    assert 0 < max(woken) <= 8


async def test_the_hub_is_full_at_its_cap_and_has_room_again_when_one_leaves(autojump_clock):
    async with running(LiveLookingSource()) as (hub, nursery):
        consoles = [await connect(hub, nursery, settle=False) for _ in range(CLIENTS_MAX)]
        await trio.sleep(1)
        with pytest.raises(TooManyClients, match="64 consoles"), hub.join():
            pytest.fail("the hub admitted one too many")
        consoles[0].stop.set()
        await trio.sleep(1)
        assert hub.statistics().clients == CLIENTS_MAX - 1
        with hub.join():
            assert hub.statistics().clients == CLIENTS_MAX


async def test_the_stop_event_ends_a_live_stream(autojump_clock):
    async with running(LiveLookingSource()) as (hub, nursery):
        console = await connect(hub, nursery)
        console.stop.set()
        await trio.sleep(1)
        assert hub.statistics().clients == 0


def test_publishing_to_nobody_costs_no_encoding():
    hub = LiveHub(LiveLookingSource())
    hub.publish("log", {"unencodable": object()})
    assert hub.statistics().published == 1


@pytest.mark.parametrize(
    "raw",
    [
        None,
        "",
        b"",
        "{",
        "[" * 100_000,
        b"\xff\xfe",
        "[]",
        "7",
        "{}",
        '{"watch": 7}',
        '{"watch": ""}',
        '{"watch": {"a": 1}}',
        '{"watch": "' + "A" * 121 + '"}',
        '{"watch": "A", "more": 1}',
        '{"pause": true}',
    ],
)
def test_a_message_other_than_watch_is_bad_input(raw):
    with pytest.raises(BadInput):
        watched_ticker(raw)


def test_watch_names_a_ticker_or_nothing():
    assert watched_ticker('{"watch": "KXA-1"}') == "KXA-1"
    assert watched_ticker(b'{"watch": null}') is None

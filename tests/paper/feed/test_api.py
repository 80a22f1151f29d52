"""The WebSocket interface end to end: real signatures, a real client, the real venue."""

import json
from contextlib import AsyncExitStack

import pytest
import trio
import trio.testing
import trio_websocket
from wsproto.events import CloseConnection, TextMessage

from tests.paper.served import API, EPOCH_NS, FEED, A, B, RawFeed, open_bench, websocket
from traderd.model.ids import MarketTicker
from traderd.model.orders import Side
from traderd.model.units import Count, Price
from traderd.paper.feed.api import COMMANDS_PER_S_MAX, HEARTBEAT_S, SILENCE_S
from traderd.paper.serving.http_server import HttpLimits
from traderd.paper.serving.websocket_session import OutgoingLimits


def told(frames, kind: str) -> list[dict]:
    return [frame["msg"] for frame in frames if frame["type"] == kind]


async def refusal(bench, path: str, headers) -> trio_websocket.ConnectionRejected:
    """Return how an upgrade is refused."""
    with pytest.RaisesGroup(trio_websocket.ConnectionRejected, flatten_subgroups=True) as caught:
        async with websocket(await bench.listener.connect(), path, headers):
            raise AssertionError("the upgrade was accepted")
    return caught.value.exceptions[0]


async def test_the_upgrade_needs_a_signature(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        refused = await refusal(bench, FEED, [])
        assert refused.status_code == 401
        assert json.loads(refused.body)["error"]["code"] == "signature_is_missing_from_headers"
        wrong = trader.headers("GET", f"{API}/ws/v2")
        refused = await refusal(bench, FEED, wrong)
        assert json.loads(refused.body)["error"]["details"] == "INCORRECT_API_KEY_SIGNATURE"
        assert bench.exchange.feed.session_count == 0


async def test_only_one_path_is_a_feed(autojump_clock):
    async with open_bench() as bench:
        path = f"{API}/markets"
        refused = await refusal(bench, path, (await bench.trader()).headers("GET", path))
        assert refused.status_code == 404


async def test_snapshot_then_deltas_and_trades(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        async with trader.feed() as feed:
            await feed.send(
                "subscribe",
                channels=["orderbook_delta", "trade"],
                market_tickers=[A, B],
                use_yes_price=True,
            )
            got = await feed.get_all()
            assert [frame["type"] for frame in got] == [
                "subscribed",
                "subscribed",
                "orderbook_snapshot",
                "orderbook_snapshot",
            ]
            assert got[2]["msg"]["no_dollars_fp"] == [["0.5200", "3.00"], ["0.5400", "5.00"]]
            await trader.place("bid", "5", "0.52", client_order_id="mine")
            got = await feed.get_all()
            assert [(frame["type"], frame["sid"], frame["seq"]) for frame in got] == [
                ("orderbook_delta", 1, 3),
                ("trade", 2, 1),
                ("orderbook_delta", 1, 4),
            ]
            taken, rested = told(got, "orderbook_delta")
            assert (taken["side"], taken["price_dollars"], taken["delta_fp"]) == (
                "no",
                "0.5200",
                "-3.00",
            )
            assert taken["client_order_id"] == "mine", "our order took it"
            assert (rested["side"], rested["delta_fp"], rested["client_order_id"]) == (
                "yes",
                "2.00",
                "mine",
            )


async def test_a_book_rebuilt_from_the_feed_is_the_book_that_rest_shows(autojump_clock):
    async with open_bench(flow_rate=20.0) as bench:
        trader = await bench.trader()
        async with trader.feed() as feed:
            await feed.send("subscribe", channels=["orderbook_delta"], market_ticker=A)
            books: dict[str, dict[str, int]] = {"yes": {}, "no": {}}
            last = 0
            for _ in range(200):
                await trio.sleep(0.5)
                for frame in await feed.get_all():
                    if "seq" in frame:
                        assert frame["seq"] == last + 1
                        last = frame["seq"]
                    for side in ("yes", "no"):
                        for price, count in frame["msg"].get(f"{side}_dollars_fp", ()):
                            books[side][price] = round(float(count) * 100)
                    if frame["type"] == "orderbook_delta":
                        change = frame["msg"]
                        level = books[change["side"]]
                        price = change["price_dollars"]
                        level[price] = level.get(price, 0) + round(float(change["delta_fp"]) * 100)
                        if not level[price]:
                            del level[price]
            reader = await bench.trader()
            _, shown = await reader.ask("GET", f"/markets/{A}/orderbook")
            for side in ("yes", "no"):
                rebuilt = [[p, f"{c / 100:.2f}"] for p, c in sorted(books[side].items())]
                assert rebuilt == shown["orderbook_fp"][f"{side}_dollars"]
            assert last > 100


async def test_a_snapshot_never_precedes_news_that_it_includes(autojump_clock):
    async with open_bench() as bench:
        venue = bench.exchange.venue
        async with (await bench.trader()).feed() as feed:
            venue.street.add(
                MarketTicker(A), Side.BID, Price(4_600), Count(100), bench.exchange.now()
            )
            await feed.send("subscribe", channels=["orderbook_delta"], market_ticker=A)
            _, snapshot = await feed.get_all()
            assert ["0.4600", "1.00"] in snapshot["msg"]["yes_dollars_fp"]
            bench.exchange.settle()
            assert await feed.get_all() == []


async def test_private_news_goes_to_its_account_only(autojump_clock):
    async with open_bench() as bench:
        ann, bob = await bench.trader("ann"), await bench.trader("bob")
        async with ann.feed() as ours, bob.feed() as theirs:
            for feed in (ours, theirs):
                await feed.send("subscribe", channels=["fill", "user_orders"])
                assert len(await feed.get_all()) == 2
            await ann.place("bid", "4", "0.50", client_order_id="a")
            await bob.place("ask", "1", "0.50", client_order_id="b")
            mine, his = await ours.get_all(), await theirs.get_all()
            assert [
                (m["client_order_id"], m["status"], m["remaining_count_fp"])
                for m in told(mine, "user_order")
            ] == [("a", "resting", "4.00"), ("a", "resting", "3.00")]
            assert [m["client_order_id"] for m in told(his, "user_order")] == ["b"]
            (fill,), (other,) = told(mine, "fill"), told(his, "fill")
            assert fill["trade_id"] == other["trade_id"]
            assert (fill["is_taker"], other["is_taker"]) == (False, True)
            assert (fill["post_position_fp"], other["post_position_fp"]) == ("1.00", "-1.00")


async def test_the_reply_of_rest_and_the_news_of_the_feed_name_the_same_order(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        async with trader.feed() as feed:
            await feed.send("subscribe", channels=["user_orders"])
            _, made = await trader.place("bid", "1", "0.40")
            await trader.ask("DELETE", f"/portfolio/events/orders/{made['order_id']}")
            orders = told(await feed.get_all(), "user_order")
            assert [(o["order_id"], o["status"]) for o in orders] == [
                (made["order_id"], "resting"),
                (made["order_id"], "canceled"),
            ]


async def test_expiry_is_told_on_time_without_any_request(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        async with trader.feed() as feed:
            await feed.send(
                "subscribe", channels=["user_orders", "orderbook_delta"], market_ticker=A
            )
            await trader.place("bid", "1", "0.40", expiration_time=1_790_000_020)
            await feed.get_all()
            await trio.sleep_until(19.99)
            assert await feed.get_all() == []
            await trio.sleep_until(20.01)
            delta, order = await feed.get_all()
            assert (delta["msg"]["delta_fp"], order["msg"]["status"]) == ("-1.00", "canceled")
            assert order["msg"]["last_update_reason"] == "ExpiryCancel"


async def test_the_server_pings_every_ten_seconds(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        async with trader.feed() as feed:
            assert HEARTBEAT_S == 10.0
            await trio.sleep(200)
            # The client has answered every ping, so its silence never reached the bound.
            await feed.send("list_subscriptions")
            assert (await feed.get())["type"] == "ok"


async def test_a_client_that_never_answers_is_dropped(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        silent = RawFeed(await bench.listener.connect())
        await silent.open(trader.headers("GET", FEED))
        await trio.sleep(SILENCE_S - 1)
        pings = await silent.events()
        assert [bytes(ping.payload) for ping in pings] == [b"heartbeat"] * 5
        assert bench.exchange.feed.session_count == 1
        await trio.sleep(2 * HEARTBEAT_S)
        assert bench.exchange.feed.session_count == 0
        assert bench.exchange.server.clients == 0


async def test_a_slow_reader_is_told_and_closed_and_slows_nobody(autojump_clock):
    limits = HttpLimits(outgoing=OutgoingLimits(frames_max=20))
    async with open_bench(limits=limits) as bench:
        ann, bob = await bench.trader("ann"), await bench.trader("bob")
        slow = RawFeed(await bench.listener.connect(lockstep=True))
        await slow.open(ann.headers("GET", FEED))
        async with bob.feed() as feed:
            await feed.send("subscribe", channels=["user_orders"])
            await slow.send("subscribe", channels=["orderbook_delta"], market_ticker=A)
            for number in range(30):
                status, _ = await bob.place("bid", "1", "0.40", client_order_id=f"{number}")
                assert status == 201
            assert len(told(await feed.get_all(), "user_order")) == 30
            heard = []
            while not any(isinstance(event, CloseConnection) for event in heard):
                heard += await slow.events()
            texts = [json.loads(event.data) for event in heard if isinstance(event, TextMessage)]
            # Its number tells how many frames before it were never sent.
            assert texts[-1] == {
                "type": "error",
                "sid": 1,
                "seq": texts[-1]["seq"],
                "msg": {"code": 25, "msg": "Subscription buffer overflow"},
            }
            assert len(texts) < 5 < texts[-1]["seq"] - texts[-2]["seq"]
            await slow.stream.send_all(slow.protocol.send(heard[-1].response()))
            assert await slow.events() is None
            assert bench.exchange.feed.session_count == 1


async def test_whoever_asks_for_more_books_than_may_wait_gets_them_all(autojump_clock):
    limits = HttpLimits(outgoing=OutgoingLimits(frames_max=1))
    async with open_bench(limits=limits) as bench, (await bench.trader()).feed() as feed:
        await feed.send("subscribe", channels=["orderbook_delta"], market_tickers=[A, B])
        got = await feed.get_all()
        assert [frame["type"] for frame in got] == ["subscribed", *["orderbook_snapshot"] * 2]
        assert [frame["seq"] for frame in got[1:]] == [1, 2]
        await feed.send("list_subscriptions")
        assert (await feed.get())["type"] == "ok"


async def test_commands_beyond_the_bound_are_refused(autojump_clock):
    async with open_bench() as bench, (await bench.trader()).feed() as feed:
        for _ in range(COMMANDS_PER_S_MAX):
            await feed.connection.send_message('{"id":1,"cmd":"list_subscriptions"}')
            assert '"ok"' in await feed.connection.get_message()
        await feed.send("list_subscriptions")
        assert (await feed.get())["msg"] == {"code": 27, "msg": "Too many requests"}
        await trio.sleep(1)
        await feed.send("list_subscriptions")
        assert (await feed.get())["type"] == "ok"


async def test_every_data_frame_says_when_it_was_sent(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        async with trader.feed() as feed:
            await feed.send("subscribe", channels=["orderbook_delta", "trade"], market_ticker=A)
            await trio.sleep(1.5)
            await trader.place("bid", "1", "0.52")
            got = await feed.get_all()
            stamps = [frame.get("sending_ts_ms") for frame in got]
            before = EPOCH_NS // 1_000_000
            assert stamps == [None, None, before, before + 1_500, before + 1_500]


# --- what must not be known yet ---------------------------------------------------------------------


async def test_nothing_leaves_before_its_ticket_is_released(autojump_clock):
    async with open_bench() as bench:
        exchange = bench.exchange
        street, name = exchange.venue.street, MarketTicker(A)
        async with (await bench.trader()).feed() as first, (await bench.trader()).feed() as second:
            await first.send("subscribe", channels=["orderbook_delta"], market_ticker=A)
            assert len(await first.get_all()) == 2
            for ticket in (1, 2):
                exchange.feed.hold(ticket)
                street.add(name, Side.BID, Price(4_600), Count(100 * ticket), exchange.now())
                exchange.settle()
            # Whoever comes now may not learn of it from a snapshot either.
            await second.send("subscribe", channels=["orderbook_delta"], market_ticker=A)
            assert await first.get_all() == []
            assert await second.get_all() == []
            exchange.feed.release(1)
            (delta,) = await first.get_all()
            assert (delta["seq"], delta["msg"]["delta_fp"]) == (2, "1.00")
            assert await second.get_all() == []
            exchange.feed.release(2)
            (delta,) = await first.get_all()
            assert (delta["seq"], delta["msg"]["delta_fp"]) == (3, "2.00")
            _, snapshot = await second.get_all()
            assert snapshot["msg"]["yes_dollars_fp"][-2:] == [
                ["0.4600", "3.00"],
                ["0.4700", "3.00"],
            ]
            street.add(name, Side.BID, Price(4_600), Count(100), exchange.now())
            exchange.settle()
            assert [len(await each.get_all()) for each in (first, second)] == [1, 1]


async def test_heartbeats_go_on_while_texts_wait(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        raw = RawFeed(await bench.listener.connect())
        await raw.open(trader.headers("GET", FEED))
        bench.exchange.feed.hold(1)
        await raw.send("list_subscriptions")
        await trio.sleep(HEARTBEAT_S + 1)
        (ping,) = await raw.events()
        assert bytes(ping.payload) == b"heartbeat"
        bench.exchange.feed.release(1)
        (reply,) = await raw.events()
        assert json.loads(reply.data)["type"] == "ok"


async def test_a_client_that_leaves_while_texts_wait_costs_nothing(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        async with trader.feed() as feed:
            bench.exchange.feed.hold(1)
            await feed.send("subscribe", channels=["trade"])
            await trio.testing.wait_all_tasks_blocked()
        await trio.testing.wait_all_tasks_blocked()
        assert bench.exchange.feed.session_count == 0
        bench.exchange.feed.release(1)
        assert (await trader.place("bid", "1", "0.52"))[0] == 201


# --- many, and anything -----------------------------------------------------------------------------


async def test_every_session_hears_its_own_market_in_order(autojump_clock):
    async with open_bench() as bench, AsyncExitStack() as stack:
        exchange = bench.exchange
        trader = await bench.trader()
        feeds = [await stack.enter_async_context(trader.feed()) for _ in range(20)]
        for number, feed in enumerate(feeds):
            market = A if number % 2 else B
            await feed.send("subscribe", channels=["orderbook_delta"], market_ticker=market)
            await feed.get_all()
        for number in range(1, 101):
            name = MarketTicker(A if number % 2 else B)
            exchange.venue.street.add(name, Side.BID, Price(100), Count(number), exchange.now())
            exchange.settle()
        for number, feed in enumerate(feeds):
            got = await feed.get_all()
            assert [frame["seq"] for frame in got] == list(range(2, 52))
            assert {frame["msg"]["market_ticker"] for frame in got} == {A if number % 2 else B}


async def test_a_mebibyte_of_markets_is_one_command(autojump_clock):
    async with open_bench() as bench, (await bench.trader()).feed() as feed:
        names = [f"KXDEMO-26DEC31-{number:020d}" for number in range(25_000)]
        await feed.send("subscribe", channels=["orderbook_delta"], market_tickers=[*names, A])
        got = await feed.get_all()
        assert [frame["type"] for frame in got] == ["subscribed", "orderbook_snapshot"]
        await feed.send("update_subscription", sid=1, action="delete_markets", market_tickers=names)
        assert (await feed.get())["msg"] == {"market_tickers": [A]}


async def test_a_binary_frame_ends_its_session_only(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        async with trader.feed() as feed:
            async with trader.feed() as other:
                await other.connection.send_message(b"\x00\x01")
                with pytest.raises(trio_websocket.ConnectionClosed) as closed:
                    await other.get()
                assert closed.value.reason.code == 1003
            await feed.send("list_subscriptions")
            assert (await feed.get())["type"] == "ok"

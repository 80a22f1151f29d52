"""What a plan does to the frames of a WebSocket, seen from a client."""

import pytest
import trio
import trio_websocket

from tests.paper.faulty import bench_with
from tests.paper.served import A


async def subscribed(feed, channel: str, **params) -> None:
    await feed.send("subscribe", channels=[channel], **params)
    await feed.get_all()


async def test_a_lost_frame_is_a_gap_in_the_numbers(autojump_clock):
    rule = {"kind": "lost_frame", "channel": "orderbook_delta", "every": 3}
    async with bench_with(rule) as bench:
        ann = await bench.trader()
        async with ann.feed() as feed:
            # The snapshot is the first of three.
            await subscribed(feed, "orderbook_delta", market_tickers=[A])
            for cents in range(5):
                await ann.place("bid", "1", f"0.1{cents}00")
            assert [frame["seq"] for frame in await feed.get_all()] == [2, 4, 5]


async def test_a_fill_can_come_twice_and_late(autojump_clock):
    rules = (
        {"kind": "doubled_frame", "channel": "fill", "account": "ann"},
        {"kind": "late_frame", "channel": "fill", "account": "ann", "min_ms": 700, "max_ms": 700},
    )
    async with bench_with(*rules) as bench:
        ann, bob = await bench.trader("ann"), await bench.trader("bob")
        async with ann.feed() as hers, bob.feed() as his:
            for feed in (hers, his):
                await subscribed(feed, "fill")
            await ann.place("bid", "1", "0.48")
            await bob.place("ask", "1", "0.48")
            assert len(await his.get_all()) == 1
            assert await hers.get_all() == []
            await trio.sleep(0.7)
            first, second = await hers.get_all()
            assert first == second
            assert first["msg"]["market_ticker"] == A


async def test_late_frames_end_with_their_session(autojump_clock):
    rule = {"kind": "late_frame", "channel": "user_orders", "max_ms": 60_000, "min_ms": 60_000}
    async with bench_with(rule) as bench:
        ann = await bench.trader()
        async with ann.feed() as feed:
            await subscribed(feed, "user_orders")
            await ann.place("bid", "1", "0.10")
        await trio.sleep(120)
        assert bench.exchange.feed.session_count == 0


async def test_a_socket_breaks_instead_of_its_second_frame(autojump_clock):
    rule = {"kind": "dropped_websocket", "channel": "user_orders", "every": 2, "account": "ann"}
    async with bench_with(rule) as bench:
        ann, bob = await bench.trader("ann"), await bench.trader("bob")
        async with ann.feed() as hers, bob.feed() as his:
            for feed in (hers, his):
                await subscribed(feed, "user_orders")
            for trader in (ann, bob):
                await trader.place("bid", "1", "0.10")
                await trader.place("bid", "1", "0.11")
            assert (await hers.get())["type"] == "user_order"
            with pytest.raises(trio_websocket.ConnectionClosed) as caught:
                await hers.get()
            assert caught.value.reason.code == 1006
            assert len(await his.get_all()) == 2


async def test_answers_to_commands_are_never_struck(autojump_clock):
    async with bench_with({"kind": "lost_frame"}) as bench:
        ann = await bench.trader()
        async with ann.feed() as feed:
            await feed.send("subscribe", channels=["user_orders"])
            assert (await feed.get())["type"] == "subscribed"
            await ann.place("bid", "1", "0.10")
            await feed.send("list_subscriptions")
            assert (await feed.get())["type"] == "ok"


async def test_a_handshake_is_refused_by_account(autojump_clock):
    rule = {"kind": "refused_websocket", "status": 503, "account": "ann", "times": 1}
    async with bench_with(rule) as bench:
        ann, bob = await bench.trader("ann"), await bench.trader("bob")
        async with bob.feed() as his:
            await subscribed(his, "fill")
        with pytest.RaisesGroup(
            trio_websocket.ConnectionRejected, flatten_subgroups=True
        ) as caught:
            async with ann.feed():
                raise AssertionError("the upgrade was accepted")
        assert caught.value.exceptions[0].status_code == 503
        async with ann.feed() as hers:
            await subscribed(hers, "fill")

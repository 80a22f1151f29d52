"""What the operator sees."""

import pytest

from tests.paper.operated import Operator
from tests.paper.served import EMPTY, A, B, open_bench
from traderd.paper.admin import status as admin_status


async def test_the_status_tells_accounts_markets_and_connections(autojump_clock):
    async with open_bench() as bench:
        ann = await bench.trader()
        await ann.place("bid", "3", "0.60")
        await ann.place("bid", "10", "0.40")
        async with ann.feed() as feed:
            await feed.send("list_subscriptions")
            await feed.get()
            status, told = await Operator(bench.exchange).ask("GET", "/status")
        assert status == 200
        assert told["rest_url"] == bench.exchange.rest_url
        assert (told["connections"], told["websockets"], told["failures"]) == (2, 1, 0)
        assert (told["paused"], told["faults"], told["clock_offset_s"]) == (None, 0, 0.0)
        mine, other = told["accounts"]
        assert (mine["name"], other["name"]) == ("ann", "bob")
        assert (mine["positions"], mine["resting_orders"], mine["fills"]) == (1, 1, 1)
        assert float(mine["available_dollars"]) < float(mine["cash_dollars"]) < 1_000
        assert other["cash_dollars"] == other["available_dollars"] == "1000.000000"
        assert told["market_counts"] == {"active": 3}
        first, second, empty = told["markets"]
        assert (first["ticker"], first["yes_bid_dollars"], first["last_price_dollars"]) == (
            A,
            "0.4700",
            "0.5200",
        )
        assert (second["ticker"], second["yes_ask_dollars"]) == (B, "0.2500")
        assert (empty["ticker"], empty["yes_bid_dollars"], empty["result"]) == (EMPTY, None, None)


async def test_a_long_list_of_markets_is_cut_and_counted(autojump_clock, monkeypatch):
    monkeypatch.setattr(admin_status, "MARKETS_MAX", 2)
    async with open_bench() as bench:
        _, told = await Operator(bench.exchange).ask("GET", "/status")
        assert len(told["markets"]) == 2
        assert sum(told["market_counts"].values()) == 3


@pytest.mark.parametrize("whole_exchange", [False, True])
async def test_a_pause_is_in_the_status(autojump_clock, whole_exchange):
    async with open_bench() as bench:
        bench.exchange.pause(whole_exchange=whole_exchange)
        _, told = await Operator(bench.exchange).ask("GET", "/status")
        assert told["paused"] == ("exchange_is_paused" if whole_exchange else "trading_is_paused")

"""The public reads against the real venue, over HTTP."""

import json

import pytest

from tests.paper.served import API, EMPTY, A, B, open_bench
from traderd.kalshi.wire import rest
from traderd.kalshi.wire.rest import decode_body
from traderd.kalshi.wire.translate import market_from_wire
from traderd.model.market import LINEAR_CENT


async def test_the_exchange_says_that_it_is_open(autojump_clock):
    async with open_bench() as bench:
        status, body = await (await bench.client()).ask("GET", f"{API}/exchange/status")
        assert status == 200
        assert (body["exchange_active"], body["trading_active"]) == (True, True)
        assert body["exchange_index_statuses"][0]["exchange_index"] == 0


async def test_a_market_shows_its_touch_and_grid(autojump_clock):
    async with open_bench() as bench:
        client = await bench.client()
        status, body = await client.ask("GET", f"{API}/markets/{A}")
        assert status == 200
        market = body["market"]
        shown = {
            "yes_bid_dollars": "0.4700",
            "yes_bid_size_fp": "3.00",
            "yes_ask_dollars": "0.5200",
            "no_bid_dollars": "0.4800",
            "no_ask_dollars": "0.5300",
            "last_price_dollars": "0.0000",
            "status": "active",
            "yes_sub_title": "A wins",
            "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}],
        }
        assert {key: market[key] for key in shown} == shown
        understood = market_from_wire(
            decode_body(json.dumps(body).encode(), rest.MarketEnvelope, "market").market
        )
        assert understood.grid == LINEAR_CENT


async def test_an_empty_book_shows_the_documented_edges(autojump_clock):
    async with open_bench() as bench:
        client = await bench.client()
        _, body = await client.ask("GET", f"{API}/markets/{EMPTY}")
        assert body["market"]["yes_bid_dollars"] == body["market"]["no_bid_dollars"] == "0.0000"
        assert body["market"]["yes_ask_dollars"] == body["market"]["no_ask_dollars"] == "1.0000"
        status, body = await client.ask("GET", f"{API}/markets/{EMPTY}/orderbook")
        assert (status, body) == (200, {"orderbook_fp": {"yes_dollars": [], "no_dollars": []}})


async def test_a_percent_encoded_ticker_is_found(autojump_clock):
    async with open_bench() as bench:
        status, body = await (await bench.client()).ask(
            "GET", f"{API}/markets/KXVOID%2D26DEC31-1.5"
        )
        assert (status, body["market"]["ticker"]) == (200, EMPTY)


@pytest.mark.parametrize(
    ("query", "tickers"),
    [
        ("", [A, B, EMPTY]),
        (f"?tickers={EMPTY},{A}", [A, EMPTY]),
        ("?event_ticker=KXDEMO-26DEC31", [A, B]),
        ("?series_ticker=KXVOID", [EMPTY]),
        ("?status=open", [A, B, EMPTY]),
        ("?status=closed", []),
        ("?mve_filter=only", []),
        ("?mve_filter=exclude&limit=0", [A, B, EMPTY]),
        ("?max_close_ts=1790003600", [B]),
        ("?min_close_ts=1790003601", [A, EMPTY]),
        ("?cursor=garbage", [A, B, EMPTY]),
    ],
)
async def test_markets_are_filtered(autojump_clock, query, tickers):
    async with open_bench() as bench:
        status, body = await (await bench.client()).ask("GET", f"{API}/markets{query}")
        assert status == 200
        assert [market["ticker"] for market in body["markets"]] == tickers
        assert body["cursor"] == ""


async def test_markets_come_in_pages(autojump_clock):
    async with open_bench() as bench:
        client = await bench.client()
        _, first = await client.ask("GET", f"{API}/markets?limit=2")
        assert [market["ticker"] for market in first["markets"]] == [A, B]
        _, last = await client.ask("GET", f"{API}/markets?limit=2&cursor={first['cursor']}")
        assert [market["ticker"] for market in last["markets"]] == [EMPTY]
        assert last["cursor"] == ""


async def test_the_book_shows_bids_of_both_sides_ascending(autojump_clock):
    async with open_bench() as bench:
        client = await bench.client()
        _, body = await client.ask("GET", f"{API}/markets/{A}/orderbook")
        assert body == {
            "orderbook_fp": {
                "yes_dollars": [["0.4500", "10.00"], ["0.4700", "3.00"]],
                "no_dollars": [["0.4600", "5.00"], ["0.4800", "3.00"]],
            }
        }
        _, body = await client.ask("GET", f"{API}/markets/{A}/orderbook?depth=1")
        assert body["orderbook_fp"] == {
            "yes_dollars": [["0.4700", "3.00"]],
            "no_dollars": [["0.4800", "3.00"]],
        }


async def test_trades_are_public_and_newest_first(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        await trader.place("bid", "1", "0.52", time_in_force="immediate_or_cancel")
        await trader.place("ask", "2.5", "0.47", time_in_force="immediate_or_cancel")
        client = await bench.client()
        status, body = await client.ask("GET", f"{API}/markets/trades?ticker={A}")
        assert status == 200
        told = [
            (t["taker_book_side"], t["taker_outcome_side"], t["count_fp"], t["yes_price_dollars"])
            for t in body["trades"]
        ]
        assert told == [("ask", "no", "2.50", "0.4700"), ("bid", "yes", "1.00", "0.5200")]
        assert body["trades"][0]["no_price_dollars"] == "0.5300"
        for query in (f"?ticker={B}", "?is_block_trade=true", "?max_ts=1789999999"):
            _, body = await client.ask("GET", f"{API}/markets/trades{query}")
            assert body["trades"] == []
        _, first = await client.ask("GET", f"{API}/markets/trades?limit=1")
        _, second = await client.ask("GET", f"{API}/markets/trades?cursor={first['cursor']}")
        assert [t["yes_price_dollars"] for t in second["trades"]] == ["0.5200"]


async def test_limits_and_costs_are_told(autojump_clock):
    async with open_bench() as bench:
        _, costs = await (await bench.client()).ask("GET", f"{API}/account/endpoint_costs")
        assert costs["default_cost"] == 10
        assert {
            "method": "DELETE",
            "path": "/trade-api/v2/portfolio/events/orders/:order_id",
            "cost": 2,
        } in costs["endpoint_costs"]
        _, limits = await (await bench.trader()).ask("GET", "/account/limits")
        assert limits["write"] == {"refill_rate": 100, "bucket_capacity": 100}

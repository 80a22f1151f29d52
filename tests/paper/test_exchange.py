"""The whole exchange: accounts, the street, time, every fault, and a real socket."""

from functools import partial

import h11
import pytest
import trio
import trio_websocket

from tests.paper.served import (
    A,
    B,
    open_bench,
    scenario,
)
from traderd.model.market import MarketStatus
from traderd.model.units import parse_money
from traderd.paper.scenario import default_scenario, packaged_scenario
from traderd.paper.venue.messages import VenueRefusal


async def refused_upgrade(bench, trader) -> int:
    with pytest.RaisesGroup(trio_websocket.ConnectionRejected, flatten_subgroups=True) as caught:
        async with trader.feed():
            raise AssertionError("the upgrade was accepted")
    return caught.value.exceptions[0].status_code


# --- assembly -------------------------------------------------------------------------------------


async def test_the_urls_are_those_of_the_address(autojump_clock):
    async with open_bench() as bench:
        assert bench.exchange.rest_url == "http://exchange.test:80/trade-api/v2"
        assert bench.exchange.ws_url == "ws://exchange.test:80/trade-api/ws/v2"


async def test_without_a_list_the_scenarios_accounts_are_made(autojump_clock):
    accounts = [{"name": "carol", "cash": "250.00"}]
    async with open_bench(accounts=None, scenario=scenario(accounts=accounts)) as bench:
        assert list(bench.exchange.accounts) == ["carol"]
        _, balance = await (await bench.trader("carol")).ask("GET", "/portfolio/balance")
        assert balance["balance_dollars"] == "250.0000"


async def test_an_account_can_be_made_while_it_runs(autojump_clock):
    async with open_bench(accounts={}) as bench:
        made = bench.exchange.create_account("dave", parse_money("5"))
        _, balance = await (await bench.trader("dave")).ask("GET", "/portfolio/balance")
        assert balance["balance"] == 500
        assert made.private_pem.startswith(b"-----BEGIN PRIVATE KEY-----")
        assert "PRIVATE" not in repr(made)
        with pytest.raises(VenueRefusal):
            bench.exchange.create_account("eve", parse_money("-1"))
        bench.exchange.keys.remove(made.key_id)
        status, _ = await (await bench.trader("dave")).ask("GET", "/portfolio/balance")
        assert status == 401
        bench.total += parse_money("5")


async def test_equal_seeds_give_equal_streets(autojump_clock):
    async def history(seed: int) -> list:
        async with open_bench(flow_rate=10.0, seed=seed) as bench:
            await trio.sleep(300)
            venue = bench.exchange.venue
            trades = [(t.ticker, t.price, t.count, t.taker_side) for t in venue.trades()]
            return [trades, venue.book(A), venue.book(B)]

    first, same, other = await history(1), await history(1), await history(2)
    assert first[0]
    assert first == same
    assert first != other


async def test_the_default_scenario_trades_by_itself_and_reaches_subscribers(autojump_clock):
    async with open_bench(scenario=default_scenario(), flow_rate=5.0) as bench:
        trader = await bench.trader()
        tickers = [market.ticker for market in bench.exchange.venue.markets()]
        assert len(tickers) == 12
        async with trader.feed() as feed:
            await feed.send(
                "subscribe", channels=["orderbook_delta", "trade"], market_tickers=tickers
            )
            got = await feed.get_all()
            assert sum(frame["type"] == "orderbook_snapshot" for frame in got) == 12
            await trio.sleep(60)
            types = [frame["type"] for frame in await feed.get_all()]
            assert types.count("orderbook_delta") > 120
            assert types.count("trade") >= 3


async def test_a_scenario_without_opening_books_is_a_quiet_exchange(autojump_clock):
    markets = [
        {
            "ticker": "X-1-A",
            "event": "KXVOID-26DEC31",
            "title": "",
            "outcome": "",
            "market_id": "x",
            "closes_in_s": 60,
        }
    ]
    async with open_bench(scenario=scenario(markets=markets), flow_rate=5.0) as bench:
        await trio.sleep(30)
        assert (await (await bench.trader()).ask("GET", "/markets/X-1-A"))[0] == 200


async def test_a_scenarios_markets_open_and_settle_by_themselves_even_with_a_silent_street(
    autojump_clock,
):
    async with open_bench(scenario=packaged_scenario("showcase"), accounts=None) as bench:

        async def listed(ticker):
            # The server ends idle connections, so each question has its own.
            trader = await bench.trader("trader")
            return (await trader.ask("GET", f"/markets/{ticker}"))[1]["market"]

        assert (await listed("KXSHOWFREE-BILL-Y"))["status"] == "initialized"
        await trio.sleep(125)
        bill = await listed("KXSHOWFREE-BILL-Y")
        assert (bill["status"], bill["yes_bid_dollars"]) == ("active", "0.3000")
        await trio.sleep(100)
        coin = await listed("KXSHOWCOIN-NOON-B60500")
        assert (coin["status"], coin["result"]) == ("finalized", "no")


# --- time -----------------------------------------------------------------------------------------


async def test_a_market_closes_on_time_and_its_orders_with_it(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        async with trader.feed() as feed:
            await feed.send("subscribe", channels=["user_orders"])
            await trader.place("bid", "1", "0.10", ticker=B)
            await feed.get_all()
            await trio.sleep_until(3_599.5)
            assert bench.exchange.venue.market(B).status is MarketStatus.ACTIVE
            await trio.sleep_until(3_600.5)
            assert bench.exchange.venue.market(B).status is MarketStatus.CLOSED
            # Kalshi takes what rested off the book shortly after.
            await trio.sleep_until(3_602.5)
            (closed,) = await feed.get_all()
            assert closed["msg"]["last_update_reason"] == "CloseCancel"
        status, body = await (await bench.trader()).place("bid", "1", "0.10", ticker=B)
        assert (status, body["error"]["code"]) == (400, "market_inactive")


async def test_the_exchanges_time_never_goes_back(autojump_clock):
    async with open_bench(flow_rate=10.0) as bench:
        await trio.sleep(10)
        before = bench.exchange.now()
        bench.env.offset_ns -= 3_600 * 1_000_000_000
        assert bench.exchange.now() == before
        trades = len(bench.exchange.venue.trades())
        await trio.sleep(120)
        assert bench.exchange.now() == before
        # The street goes on although the wall clock fell behind.
        assert len(bench.exchange.venue.trades()) > trades


# --- faults ---------------------------------------------------------------------------------------


async def test_refused_requests_are_not_carried_out(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        bench.exchange.faults.refuse_requests("/portfolio/events", 503)
        status, body = await trader.place("bid", "1", "0.40")
        assert (status, body["error"]["code"]) == (503, "service_unavailable")
        assert (await trader.ask("GET", "/portfolio/orders"))[1]["orders"] == []
        assert (await trader.ask("GET", "/markets"))[0] == 200
        bench.exchange.faults.refuse_requests("/", 429)
        assert await trader.ask("GET", "/markets") == (429, {"error": "too many requests"})
        bench.exchange.faults.clear()
        assert (await trader.place("bid", "1", "0.40"))[0] == 201


async def test_a_lost_reply_hides_an_order_that_was_placed(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        bench.exchange.faults.lose_reply_of_next("POST", "/portfolio/events/orders")
        with pytest.raises(h11.RemoteProtocolError, match="ConnectionClosed"):
            await trader.place("bid", "1", "0.40", client_order_id="lost")
        trader = await bench.trader()
        _, orders = await trader.ask("GET", "/portfolio/orders")
        assert [order["client_order_id"] for order in orders["orders"]] == ["lost"]
        status, body = await trader.place("bid", "1", "0.40", client_order_id="lost")
        assert (status, body["error"]["code"]) == (409, "order_already_exists")


async def test_a_lost_cancel_is_a_cancel(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        _, made = await trader.place("bid", "1", "0.40")
        bench.exchange.faults.lose_reply_of_next("DELETE", "/portfolio/events/orders/")
        path = f"/portfolio/events/orders/{made['order_id']}"
        with pytest.raises(h11.RemoteProtocolError, match="ConnectionClosed"):
            await trader.ask("DELETE", path)
        assert (await (await bench.trader()).ask("DELETE", path))[0] == 404


async def test_a_lost_request_was_never_there(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        bench.exchange.faults.lose_next_request("POST", "/portfolio/events/orders")
        with pytest.raises(h11.RemoteProtocolError, match="ConnectionClosed"):
            await trader.place("bid", "1", "0.40")
        _, orders = await (await bench.trader()).ask("GET", "/portfolio/orders")
        assert orders["orders"] == []


async def test_a_spoiled_reply_hides_an_order_that_was_placed(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        bench.exchange.faults.spoil_reply_of_next("POST", "/portfolio/events/orders", 500)
        status, body = await trader.place("bid", "1", "0.40", client_order_id="spoiled")
        assert (status, body["error"]["code"]) == (500, "internal_error")
        _, orders = await trader.ask("GET", "/portfolio/orders")
        assert [order["client_order_id"] for order in orders["orders"]] == ["spoiled"]


async def test_a_pause_is_told_by_the_status_and_by_every_order(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        _, made = await trader.place("bid", "1", "0.40")
        path = f"/portfolio/events/orders/{made['order_id']}"
        bench.exchange.pause(whole_exchange=True)
        _, told = await trader.ask("GET", "/exchange/status")
        assert (told["exchange_active"], told["trading_active"]) == (False, False)
        assert (await trader.ask("DELETE", path))[0] == 409
        bench.exchange.pause()
        _, told = await trader.ask("GET", "/exchange/status")
        assert (told["exchange_active"], told["trading_active"]) == (True, False)
        status, body = await trader.place("bid", "1", "0.40")
        assert (status, body["error"]["code"]) == (409, "trading_is_paused")
        assert (await trader.ask("DELETE", path))[0] == 200
        bench.exchange.resume()
        assert (await trader.place("bid", "1", "0.40"))[0] == 201


async def test_delayed_requests_are_carried_out_although_their_client_left(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        bench.exchange.faults.delay_requests(3.0)
        with trio.move_on_after(1.0) as patience:
            await trader.place("bid", "1", "0.40", client_order_id="late")
        assert patience.cancelled_caught
        bench.exchange.faults.delay_requests(0)
        other = await bench.trader()
        assert (await other.ask("GET", "/portfolio/orders"))[1]["orders"] == []
        await trio.sleep(3.0)
        _, orders = await other.ask("GET", "/portfolio/orders")
        assert [order["client_order_id"] for order in orders["orders"]] == ["late"]


async def test_delayed_replies_come_after_the_deed(autojump_clock):
    async with open_bench() as bench:
        trader, watcher = await bench.trader(), await bench.trader()
        async with watcher.feed() as feed:
            await feed.send("subscribe", channels=["user_orders"])
            await feed.get_all()
            bench.exchange.faults.delay_replies(3.0)
            began = trio.current_time()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(trader.place, "bid", "1", "0.40"))
                await trio.sleep(1)
                assert (await feed.get())["msg"]["status"] == "resting"
            assert trio.current_time() - began == pytest.approx(3.0)
        bench.exchange.faults.delay_replies(0)
        began = trio.current_time()
        await trader.ask("GET", "/markets")
        assert trio.current_time() == began


async def test_websockets_can_be_refused_while_open_ones_stay(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        async with trader.feed() as feed:
            bench.exchange.faults.refuse_websockets(503)
            assert await refused_upgrade(bench, trader) == 503
            await feed.send("list_subscriptions")
            assert (await feed.get())["type"] == "ok"
        bench.exchange.faults.clear()
        async with trader.feed() as feed:
            await feed.send("list_subscriptions")
            assert (await feed.get())["type"] == "ok"


async def test_websockets_can_be_dropped_by_channel_or_all(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        async with trader.feed() as books, trader.feed() as orders:
            await books.send("subscribe", channels=["orderbook_delta"], market_ticker=A)
            await orders.send("subscribe", channels=["user_orders"])
            await books.get_all()
            await orders.get_all()
            faults = bench.exchange.faults
            assert faults.drop_websockets("fill") == 0
            assert faults.drop_websockets("orderbook_delta") == 1
            with pytest.raises(trio_websocket.ConnectionClosed) as caught:
                await books.get()
            # 1006: the connection ended without a close frame.
            assert caught.value.reason.code == 1006
            await orders.send("list_subscriptions")
            assert (await orders.get())["type"] == "ok"
            assert faults.drop_websockets() == 1
            with pytest.raises(trio_websocket.ConnectionClosed):
                await orders.get()

"""Order entry and portfolio reads against the real venue, over HTTP, with real signatures."""

import pytest

from tests.paper.served import A, B, open_bench

NOT_FOUND = {"error": {"code": "not_found", "message": "not found"}}


async def test_a_resting_order_lives_in_every_read_until_it_is_canceled(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        status, made = await trader.place("bid", "10", "0.45", client_order_id="mine-1")
        assert status == 201
        assert made == {
            "order_id": made["order_id"],
            "client_order_id": "mine-1",
            "fill_count": "0.00",
            "remaining_count": "10.00",
            "ts_ms": bench.env.wall_ns() // 1_000_000,
        }
        _, listed = await trader.ask("GET", "/portfolio/orders?status=resting")
        assert [order["order_id"] for order in listed["orders"]] == [made["order_id"]]
        status, single = await trader.ask("GET", f"/portfolio/orders/{made['order_id']}")
        assert status == 200
        shown = {
            "client_order_id": "mine-1",
            "status": "resting",
            "book_side": "bid",
            "outcome_side": "yes",
            "yes_price_dollars": "0.4500",
            "no_price_dollars": "0.5500",
            "initial_count_fp": "10.00",
            "remaining_count_fp": "10.00",
            "self_trade_prevention_type": "taker_at_cross",
        }
        assert {key: single["order"][key] for key in shown} == shown
        _, balance = await trader.ask("GET", "/portfolio/balance")
        assert balance["balance_dollars"] < "996"
        _, book = await trader.ask("GET", f"/markets/{A}/orderbook")
        assert ["0.4500", "20.00"] in book["orderbook_fp"]["yes_dollars"]

        path = f"/portfolio/events/orders/{made['order_id']}?market_ticker={A}"
        status, gone = await trader.ask("DELETE", path)
        assert (status, gone["order_id"], gone["reduced_by"]) == (200, made["order_id"], "10.00")
        assert await trader.ask("DELETE", path) == (404, NOT_FOUND)
        _, single = await trader.ask("GET", f"/portfolio/orders/{made['order_id']}")
        assert (single["order"]["status"], single["order"]["remaining_count_fp"]) == (
            "canceled",
            "0.00",
        )
        _, balance = await trader.ask("GET", "/portfolio/balance")
        assert (balance["balance"], balance["balance_dollars"]) == (100_000, "1000.0000")


async def test_a_taking_order_shows_averages_fill_position_and_balance(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        status, made = await trader.place(
            "bid", "1.00", "0.99", time_in_force="immediate_or_cancel"
        )
        assert status == 201
        assert (made["fill_count"], made["remaining_count"]) == ("1.00", "0.00")
        # The captured example: 1 at 0.52 costs a net fee of 0.0175.
        assert (made["average_fill_price"], made["average_fee_paid"]) == ("0.5200", "0.0175")
        assert "client_order_id" not in made
        _, fills = await trader.ask("GET", f"/portfolio/fills?order_id={made['order_id']}")
        (fill,) = fills["fills"]
        assert (fill["fee_cost"], fill["is_taker"], fill["yes_price_dollars"]) == (
            "0.017500",
            True,
            "0.5200",
        )
        assert fill["fill_id"] == fill["trade_id"]
        _, orders = await trader.ask("GET", "/portfolio/orders?status=executed")
        assert orders["orders"][0]["taker_fill_cost_dollars"] == "0.520000"
        assert orders["orders"][0]["taker_fees_dollars"] == "0.017500"
        _, positions = await trader.ask("GET", "/portfolio/positions")
        (market,), (event,) = positions["market_positions"], positions["event_positions"]
        assert (market["ticker"], market["position_fp"]) == (A, "1.00")
        assert market["market_exposure_dollars"] == "0.520000"
        assert (event["event_ticker"], event["event_exposure_dollars"]) == (
            "KXDEMO-26DEC31",
            "0.520000",
        )
        _, balance = await trader.ask("GET", "/portfolio/balance")
        assert balance["balance_dollars"] == "999.4625"
        assert balance["balance"] == 99_946
        assert balance["portfolio_value"] == 47
        assert balance["balance_breakdown"] == [{"exchange_index": 0, "balance": "999.4625"}]


async def test_two_accounts_trade_with_each_other(autojump_clock):
    async with open_bench() as bench:
        ann, bob = await bench.trader("ann"), await bench.trader("bob")
        await ann.place("bid", "4", "0.50", client_order_id="a")
        status, made = await bob.place("ask", "4", "0.50", client_order_id="a")
        assert (status, made["fill_count"]) == (201, "4.00")
        _, ours = await ann.ask("GET", "/portfolio/fills")
        _, theirs = await bob.ask("GET", "/portfolio/fills")
        assert ours["fills"][0]["trade_id"] == theirs["fills"][0]["trade_id"]
        assert (ours["fills"][0]["is_taker"], theirs["fills"][0]["is_taker"]) == (False, True)
        assert (await ann.ask("GET", f"/portfolio/orders/{made['order_id']}")) == (404, NOT_FOUND)
        cancel = await ann.ask("DELETE", f"/portfolio/events/orders/{made['order_id']}")
        assert cancel == (404, NOT_FOUND)
        _, positions = await bob.ask("GET", "/portfolio/positions")
        assert positions["market_positions"][0]["position_fp"] == "-4.00"


@pytest.mark.parametrize(
    ("change", "status", "code", "details"),
    [
        ({"ticker": "NOPE"}, 404, "market_not_found", None),
        ({"ticker": ""}, 400, "missing_parameters", "ticker"),
        ({"exchange_index": 1}, 404, "market_not_found", None),
        ({"price": "0.505"}, 400, "invalid_price", None),
        ({"price": "1.00"}, 400, "invalid_price", None),
        ({"price": "0"}, 400, "invalid_price", None),
        ({"count": "0"}, 400, "invalid_order_size", None),
        ({"count": "-1"}, 400, "invalid_order_size", None),
        ({"count": "1.001"}, 400, "invalid_order_size", None),
        ({"count": "100000"}, 400, "insufficient_balance", None),
        ({"price": "0.60", "post_only": True}, 400, "invalid_order", "post only cross"),
        ({"side": "yes"}, 400, "invalid_parameters", None),
        ({"time_in_force": "GTC"}, 400, "invalid_parameters", None),
        ({"expiration_time": 1_789_999_999}, 400, "invalid_order", None),
        ({"subaccount": 1}, 400, "invalid_parameters", "this account has no subaccounts"),
        ({"order_group_id": "g"}, 404, "order_group_not_found", None),
        (
            {"price": "0.60", "count": "50", "time_in_force": "fill_or_kill"},
            409,
            "fill_or_kill_insufficient_resting_volume",
            None,
        ),
        (
            {"reduce_only": True},
            400,
            "invalid_order",
            "reduce only requires immediate or cancel",
        ),
    ],
)
async def test_orders_are_refused_with_the_exchanges_codes(
    autojump_clock, change, status, code, details
):
    async with open_bench() as bench:
        trader = await bench.trader()
        got, body = await trader.place(**({"side": "bid", "count": "1", "price": "0.40"} | change))
        assert (got, body["error"]["code"]) == (status, code)
        if details is not None:
            assert body["error"]["details"] == details
        _, orders = await trader.ask("GET", "/portfolio/orders")
        assert orders["orders"] == []


async def test_a_client_order_id_is_burned_for_ever(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        _, made = await trader.place("bid", "1", "0.40", client_order_id="once")
        await trader.ask("DELETE", f"/portfolio/events/orders/{made['order_id']}")
        status, body = await trader.place("bid", "1", "0.40", client_order_id="once")
        assert (status, body) == (
            409,
            {"error": {"code": "order_already_exists", "message": "order already exists"}},
        )


@pytest.mark.parametrize(
    ("body", "field"),
    [({"count": 10}, "count"), ({"price": 0.5}, "price"), ({"price": 1}, "price")],
)
async def test_numbers_in_an_order_are_refused_flat(autojump_clock, body, field):
    async with open_bench() as bench:
        trader = await bench.trader()
        status, answer = await trader.place(
            **({"side": "bid", "count": "1", "price": "0.4"} | body)
        )
        assert status == 400
        assert answer == {
            "code": "bad_request",
            "message": "bad request",
            "details": "json: cannot unmarshal number into Go struct field "
            f"CreateOrderV2Request.{field} of type string",
        }


async def test_a_missing_field_is_named(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        status, body = await trader.ask("POST", "/portfolio/events/orders", {"ticker": A})
        assert (status, body["error"]["code"]) == (400, "missing_parameters")


async def test_unknown_fields_are_ignored(autojump_clock):
    async with open_bench() as bench:
        status, _ = await (await bench.trader()).place("bid", "1", "0.40", type="limit", extra=[1])
        assert status == 201


async def test_a_cancel_names_the_right_market_or_finds_nothing(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        _, made = await trader.place("bid", "1", "0.40")
        path = f"/portfolio/events/orders/{made['order_id']}"
        for query in (f"?market_ticker={B}", "?subaccount=1", "?exchange_index=2"):
            assert await trader.ask("DELETE", path + query) == (404, NOT_FOUND)
        assert (await trader.ask("DELETE", path + "?exchange_index=-1&subaccount=0"))[0] == 200


async def test_orders_and_fills_are_filtered_and_paged(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        for number in range(3):
            await trader.place("bid", "1", "0.40", client_order_id=f"a{number}")
        await trader.place("bid", "1", "0.19", ticker=B, client_order_id="b")
        await trader.place("bid", "1", "0.52", client_order_id="c")

        async def ids(query: str) -> list[str]:
            _, body = await trader.ask("GET", f"/portfolio/orders{query}")
            return [order["client_order_id"] for order in body["orders"]]

        assert await ids("") == ["c", "b", "a2", "a1", "a0"]
        assert await ids(f"?ticker={B}") == ["b"]
        assert await ids("?event_ticker=KXVOID-26DEC31") == []
        assert await ids("?event_ticker=KXVOID-26DEC31,KXDEMO-26DEC31&limit=2") == ["c", "b"]
        assert await ids("?status=executed") == ["c"]
        assert await ids("?subaccount=1") == await ids("?min_ts=1790000001") == []
        assert await ids("?cursor=garbage&limit=1") == ["c"]
        seen, cursor = [], ""
        for _ in range(3):
            _, body = await trader.ask("GET", f"/portfolio/orders?limit=2&cursor={cursor}")
            seen += [order["client_order_id"] for order in body["orders"]]
            cursor = body["cursor"]
        assert (seen, cursor) == (["c", "b", "a2", "a1", "a0"], "")

        for query, count in ((f"?ticker={A},{B}", 1), (f"?ticker={B}", 0), ("?max_ts=5", 0)):
            _, body = await trader.ask("GET", f"/portfolio/fills{query}")
            assert len(body["fills"]) == count


async def test_positions_are_filtered(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        await trader.place("bid", "1", "0.52")
        await trader.place("bid", "0.55", "0.25", ticker=B)
        await trader.place("ask", "0.55", "0.20", ticker=B)

        async def tickers(query: str) -> list[str]:
            _, body = await trader.ask("GET", f"/portfolio/positions{query}")
            return [position["ticker"] for position in body["market_positions"]]

        assert await tickers("") == [A, B]
        assert await tickers("?count_filter=position") == [A]
        assert await tickers("?count_filter=position,total_traded") == [A, B]
        assert await tickers(f"?ticker={B}") == [B]
        assert await tickers("?event_ticker=OTHER") == []
        assert await tickers("?settlement_status=settled") == []
        assert await tickers("?limit=1") == [A]


async def test_an_expired_order_is_gone_before_the_next_request_is_looked_at(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        _, made = await trader.place("bid", "1", "0.40", expiration_time=1_790_000_001)
        bench.env.offset_ns += 1_000_000_000
        cancel = await trader.ask("DELETE", f"/portfolio/events/orders/{made['order_id']}")
        assert cancel == (404, NOT_FOUND)
        _, single = await trader.ask("GET", f"/portfolio/orders/{made['order_id']}")
        assert single["order"]["status"] == "canceled"
        assert single["order"]["last_update_reason"] == "ExpiryCancel"

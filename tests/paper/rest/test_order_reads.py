"""Reads of orders and of places in queues."""

import pytest

from tests.paper.rest.orders import (
    NOT_FOUND,
    OTHER,
    TICKER,
    V1,
    V2,
    bench_with_book,
    later,
    legacy_bench,
    order,
    with_subaccount,
)
from tests.paper.venues import bid


async def ids(bench, query: str = "", **more) -> list[str]:
    status, body = await bench.ask("GET", f"{V1}{query}", **more)
    assert status == 200, body
    return [each["client_order_id"] for each in body["orders"]]


async def placed(bench, name: str, **more) -> str:
    status, body = await bench.ask("POST", V2, order(client_order_id=name, **more))
    assert status == 201, body
    return body["order_id"]


async def test_an_order_is_shown_as_it_was_captured(autojump_clock):
    bench = bench_with_book()
    order_id = await placed(
        bench, "7a5f", price="0.99", ticker=OTHER, time_in_force="immediate_or_cancel"
    )
    stamp = "2027-01-15T08:00:00Z"
    shown = {
        "order_id": order_id,
        "user_id": "ann",
        "client_order_id": "7a5f",
        "ticker": OTHER,
        "side": "yes",
        "action": "buy",
        "outcome_side": "yes",
        "book_side": "bid",
        "type": "limit",
        "status": "executed",
        "yes_price_dollars": "0.9900",
        "no_price_dollars": "0.0100",
        "initial_count_fp": "1.00",
        "fill_count_fp": "1.00",
        "remaining_count_fp": "0.00",
        "taker_fill_cost_dollars": "0.520000",
        "taker_fees_dollars": "0.017500",
        "maker_fill_cost_dollars": "0.000000",
        "maker_fees_dollars": "0.000000",
        "self_trade_prevention_type": "taker_at_cross",
        "created_time": stamp,
        "last_update_time": stamp,
        "subaccount_number": 0,
        "exchange_index": 0,
    }
    assert await bench.ask("GET", f"{V1}/{order_id}") == (200, {"order": shown})
    assert await bench.ask("GET", V1) == (200, {"orders": [shown], "cursor": ""})


async def test_a_canceled_order_keeps_its_initial_count(autojump_clock):
    bench = bench_with_book()
    order_id = await placed(bench, "a", count="3")
    await bench.ask("DELETE", f"{V2}/{order_id}")
    _, body = await bench.ask("GET", f"{V1}/{order_id}")
    shown = body["order"]
    assert (shown["status"], shown["initial_count_fp"], shown["remaining_count_fp"]) == (
        "canceled",
        "3.00",
        "0.00",
    )


async def test_an_order_is_nobody_elses_and_unknown_ones_are_not_found(autojump_clock):
    bench = with_subaccount(bench_with_book())
    order_id = await placed(bench, "a")
    for path, by in ((order_id, "bob"), ("nothing", "ann"), (order_id, "locked")):
        assert await bench.ask("GET", f"{V1}/{path}", by=by) == NOT_FOUND
        assert await bench.ask("GET", f"{V1}/{path}/queue_position", by=by) == NOT_FOUND


async def test_orders_are_filtered(autojump_clock):
    bench = with_subaccount(bench_with_book())
    await placed(bench, "a")
    later(bench, 1)
    await placed(bench, "b", ticker=OTHER)
    await placed(bench, "c", price="0.52")
    await bench.ask("DELETE", f"{V2}/{await placed(bench, 'd')}")
    await placed(bench, "e", subaccount=1)
    seconds = bench.now() // 1_000_000_000
    assert await ids(bench) == ["e", "d", "c", "b", "a"]
    assert await ids(bench, f"?ticker={OTHER}") == ["b"]
    assert await ids(bench, "?event_ticker=KXFEES-26DEC31,NOPE") == ["b"]
    assert await ids(bench, "?event_ticker=NOPE") == []
    assert await ids(bench, "?status=resting") == ["e", "b", "a"]
    assert await ids(bench, "?status=executed") == ["c"]
    assert await ids(bench, "?status=canceled") == ["d"]
    assert await ids(bench, "?subaccount=1") == ["e"]
    assert await ids(bench, "?subaccount=0&status=resting") == ["b", "a"]
    assert await ids(bench, "?subaccount=7") == []
    assert await ids(bench, f"?max_ts={seconds - 1}") == ["a"]
    assert await ids(bench, f"?min_ts={seconds}&ticker={TICKER}") == ["e", "d", "c"]
    assert await ids(bench, "?exchange_index=0&limit=1") == ["e"]
    assert await ids(bench, "?exchange_index=4") == []
    assert await ids(bench, by="locked") == ["e"]
    assert (await bench.ask("GET", f"{V1}?subaccount=0", by="locked"))[0] == 403


@pytest.mark.parametrize(
    "query",
    [
        "limit=1001",
        "limit=0",
        "limit=x",
        "status=pending",
        "event_ticker=a,b,c,d,e,f,g,h,i,j,k",
        "min_ts=-1",
    ],
)
async def test_a_parameter_that_cannot_be_is_refused_in_the_msg_shape(autojump_clock, query):
    status, body = await bench_with_book().ask("GET", f"{V1}?{query}")
    assert (status, list(body)) == (400, ["msg"])
    assert "GetOrders" in body["msg"]


async def test_pages_go_on_behind_an_order_that_has_ended_meanwhile(autojump_clock):
    bench = bench_with_book()
    made = {name: await placed(bench, name) for name in "abcde"}
    path = f"{V1}?status=resting&limit=2"
    _, body = await bench.ask("GET", path)
    assert [each["client_order_id"] for each in body["orders"]] == ["e", "d"]
    await bench.ask("DELETE", f"{V2}/{made['d']}")
    await placed(bench, "f")
    _, body = await bench.ask("GET", f"{path}&cursor={body['cursor']}")
    assert [each["client_order_id"] for each in body["orders"]] == ["c", "b"]
    _, body = await bench.ask("GET", f"{path}&cursor={body['cursor']}")
    assert [each["client_order_id"] for each in body["orders"]] == ["a"]
    assert body["cursor"] == ""
    assert await ids(bench, "?cursor=garbage&limit=1") == ["f"]


async def test_closed_orders_become_history_and_resting_ones_stay(autojump_clock):
    bench = bench_with_book(historical_after_s=60)
    gone = await placed(bench, "gone")
    await bench.ask("DELETE", f"{V2}/{gone}")
    await placed(bench, "stays")
    later(bench, 60)
    assert await ids(bench) == ["stays", "gone"]
    later(bench, 1)
    assert await ids(bench) == ["stays"]
    assert await bench.ask("GET", f"{V1}/{gone}") == NOT_FOUND


async def test_a_queue_position_counts_what_trades_before(autojump_clock):
    bench = bench_with_book()
    bench.venue.create_order("bob", bid("2.5", "0.40"), None, bench.now())
    order_id = await placed(bench, "a")
    path = f"{V1}/{order_id}/queue_position"
    # 10 at the better 0.45, and 2.5 in front at the same price.
    assert await bench.ask("GET", path) == (200, {"queue_position_fp": "12.50"})
    assert await bench.ask("GET", f"{V1}/queue_positions?market_tickers={TICKER},{OTHER}") == (
        200,
        {
            "queue_positions": [
                {"order_id": order_id, "market_ticker": TICKER, "queue_position_fp": "12.50"}
            ]
        },
    )
    await bench.ask("DELETE", f"{V2}/{order_id}")
    assert await bench.ask("GET", path) == NOT_FOUND


async def test_queue_positions_are_asked_for_by_markets_or_by_event(autojump_clock):
    bench = with_subaccount(bench_with_book())
    await placed(bench, "a")
    other = await placed(bench, "b", ticker=OTHER)
    inner = await placed(bench, "c", subaccount=1)

    async def found(query: str, **more) -> list[str]:
        _, body = await bench.ask("GET", f"{V1}/queue_positions?{query}", **more)
        return [each["order_id"] for each in body["queue_positions"]]

    assert await found("event_ticker=KXFEES-26DEC31") == [other]
    assert await found(f"market_tickers={TICKER}&subaccount=1") == [inner]
    assert await found(f"market_tickers={TICKER}", by="locked") == [inner]
    assert await found("market_tickers=NOPE") == []
    status, body = await bench.ask("GET", f"{V1}/queue_positions")
    assert (status, "'required' tag" in body["msg"]) == (400, True)


async def test_the_legacy_dialect_adds_the_integers(autojump_clock):
    bench = legacy_bench()
    order_id = await placed(bench, "a", count="2.5")
    _, body = await bench.ask("GET", f"{V1}/{order_id}")
    ints = {"yes_price": 40, "no_price": 60, "initial_count": 2, "queue_position": 0}
    assert {name: body["order"][name] for name in ints} == ints
    assert body["order"]["yes_price_dollars"] == "0.4000"
    _, body = await bench.ask("GET", f"{V1}/{order_id}/queue_position")
    assert body == {"queue_position_fp": "10.00", "queue_position": 10}
    _, body = await bench.ask("GET", f"{V1}/queue_positions?market_tickers={TICKER}")
    assert body["queue_positions"][0]["queue_position"] == 10

"""V1 order writes: gone in today's dialect, served in the legacy one."""

import pytest

from tests.paper.rest.orders import (
    NOT_FOUND,
    OTHER,
    TICKER,
    V1,
    V2,
    bench_with_book,
    legacy_bench,
    order,
    v1_order,
    with_subaccount,
)

GONE = {
    "error": {
        "code": "deprecated_v1_order_endpoint",
        "message": "Please switch to the V2 endpoints",
        "details": "https://docs.kalshi.com/api-reference/orders/create-order-v2",
    }
}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", V1),
        ("DELETE", f"{V1}/x"),
        ("POST", f"{V1}/x/amend"),
        ("POST", f"{V1}/x/decrease"),
        ("POST", f"{V1}/batched"),
        ("DELETE", f"{V1}/batched"),
    ],
)
async def test_every_v1_write_is_gone_today(autojump_clock, method, path):
    assert await bench_with_book().ask(method, path, b"{}") == (410, GONE)


async def created(bench, **more):
    status, body = await bench.ask("POST", V1, v1_order(**more))
    assert status == 201, body
    return body["order"]


async def test_a_create_answers_the_whole_order_in_both_languages(autojump_clock):
    bench = legacy_bench()
    made = await created(bench, yes_price=1, client_order_id="ae0d", cancel_order_on_pause=True)
    shown = {
        "client_order_id": "ae0d",
        "status": "resting",
        "side": "yes",
        "action": "buy",
        "book_side": "bid",
        "type": "limit",
        "yes_price": 1,
        "yes_price_dollars": "0.0100",
        "no_price": 99,
        "initial_count": 1,
        "initial_count_fp": "1.00",
        "remaining_count": 1,
        "cancel_order_on_pause": True,
    }
    assert {name: made[name] for name in shown} == shown
    _, body = await bench.ask("GET", f"{V1}/{made['order_id']}")
    assert body["order"] == made


async def test_an_order_for_no_is_read_back_in_the_words_it_was_sent_in(autojump_clock):
    bench = legacy_bench()
    bought = await created(bench, side="no", no_price=40)
    sold = await created(bench, side="no", action="sell", no_price=60)
    assert (bought["side"], bought["action"], bought["book_side"]) == ("no", "buy", "ask")
    assert (bought["no_price"], bought["yes_price_dollars"]) == (40, "0.6000")
    assert (sold["side"], sold["action"], sold["book_side"]) == ("no", "sell", "bid")


async def test_a_market_order_takes_what_there_is(autojump_clock):
    bench = legacy_bench()
    made = await created(bench, type="market", count=15)
    assert (made["status"], made["fill_count"], made["remaining_count"]) == ("canceled", 10, 0)
    assert made["taker_fill_cost"] == 520


async def test_a_maximum_cost_is_kept_or_nothing_is_bought(autojump_clock):
    bench = legacy_bench()
    status, body = await bench.ask("POST", V1, v1_order(count=2, yes_price=60, buy_max_cost=103))
    assert (status, body["error"]["code"]) == (409, "fill_or_kill_insufficient_resting_volume")
    made = await created(bench, count=2, yes_price=60, buy_max_cost=104, client_order_id="once")
    assert (made["status"], made["taker_fill_cost"]) == ("executed", 104)
    again = v1_order(count=2, yes_price=60, buy_max_cost=1, client_order_id="once")
    assert (await bench.ask("POST", V1, again))[1]["error"]["code"] == "order_already_exists"


async def test_a_floor_lets_only_what_is_held_be_sold(autojump_clock):
    bench = legacy_bench()
    sale = {"action": "sell", "yes_price": 60, "sell_position_floor": 0}
    status, body = await bench.ask("POST", V1, v1_order(**sale))
    assert (status, body["error"]["code"]) == (400, "exceeded_sell_position_floor")
    await created(bench, yes_price=52)
    assert (await created(bench, **sale))["status"] == "resting"
    for wrong in ({"sell_position_floor": 1}, {"action": "buy"}):
        assert (await bench.ask("POST", V1, v1_order(**(sale | wrong))))[0] == 400


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({}, 400, "missing_parameters"),
        ({"yes_price": 40, "no_price": 60}, 400, "invalid_parameters"),
        ({"yes_price": 40, "ticker": "NOPE"}, 404, "market_not_found"),
        ({"type": "market", "ticker": "NOPE"}, 404, "market_not_found"),
        ({"yes_price": 40, "buy_max_cost": 9, "ticker": "NOPE"}, 404, "market_not_found"),
        ({"yes_price": 40, "exchange_index": 1}, 404, "market_not_found"),
        ({"yes_price": 40, "expiration_ts": 5}, 400, "invalid_order"),
        ({"yes_price": 40, "expiration_ts": 10**13}, 400, "invalid_parameters"),
        ({"yes_price": 60, "post_only": True}, 400, "invalid_order"),
        ({"yes_price": 40, "reduce_only": True}, 400, "invalid_order"),
        ({"yes_price": 40, "time_in_force": "GTC"}, 400, "invalid_parameters"),
        ({"yes_price": 40, "subaccount": 4}, 400, "invalid_parameters"),
        ({"yes_price": 40, "order_group_id": "g"}, 404, "order_group_not_found"),
    ],
)
async def test_an_order_is_refused_as_in_v2(autojump_clock, more, status, code):
    bench = legacy_bench()
    got, body = await bench.ask("POST", V1, v1_order(**more))
    assert (got, body["error"]["code"]) == (status, code)
    assert bench.venue.orders("ann") == []


async def test_a_wrong_type_names_the_v1_body(autojump_clock):
    status, body = await legacy_bench().ask("POST", V1, v1_order(yes_price="40"))
    assert (status, body["details"]) == (
        400,
        "json: cannot unmarshal string into Go struct field CreateOrderRequest.yes_price of type int64",
    )


async def test_a_cancel_tells_the_order_and_what_went(autojump_clock):
    bench = legacy_bench()
    made = await created(bench, yes_price=40, count=3)
    status, body = await bench.ask("DELETE", f"{V1}/{made['order_id']}")
    assert (status, body["reduced_by"], body["reduced_by_fp"]) == (200, 3, "3.00")
    assert (body["order"]["status"], body["order"]["remaining_count"]) == ("canceled", 0)
    assert await bench.ask("DELETE", f"{V1}/{made['order_id']}") == NOT_FOUND


async def test_an_amend_tells_before_and_after_and_keeps_what_is_not_said(autojump_clock):
    bench = legacy_bench()
    made = await created(bench, side="no", no_price=40, count=3, client_order_id="a")
    body = {
        "ticker": TICKER,
        "side": "no",
        "action": "buy",
        "client_order_id": "a",
        "updated_client_order_id": "b",
    }
    path = f"{V1}/{made['order_id']}/amend"
    status, reply = await bench.ask("POST", path, body | {"no_price": 41})
    assert status == 200
    old, new = reply["old_order"], reply["order"]
    assert (old["no_price"], new["no_price"], new["initial_count"]) == (40, 41, 3)
    assert (old["client_order_id"], new["client_order_id"]) == ("a", "b")
    status, reply = await bench.ask("POST", path, body | {"client_order_id": "b", "count": 2})
    assert (reply["order"]["no_price"], reply["order"]["remaining_count"]) == (41, 2)
    status, reply = await bench.ask("POST", path, body | {"ticker": OTHER})
    assert (status, reply["error"]["code"]) == (400, "order_ticker_mismatch")


async def test_a_decrease_tells_the_order(autojump_clock):
    bench = legacy_bench()
    made = await created(bench, yes_price=40, count=3)
    path = f"{V1}/{made['order_id']}/decrease"
    _, body = await bench.ask("POST", path, {"reduce_by": 1})
    assert body["order"]["remaining_count"] == 2
    status, body = await bench.ask("POST", path, {"reduce_to": 0})
    assert (status, body["order"]["status"]) == (200, "canceled")


async def test_a_subaccount_is_named_in_the_body_or_the_query(autojump_clock):
    bench = with_subaccount(legacy_bench())
    made = await created(bench, yes_price=40, count=3, subaccount=1)
    assert made["subaccount_number"] == 1
    path = f"{V1}/{made['order_id']}"
    assert (await bench.ask("POST", f"{path}/decrease", {"reduce_by": 1}))[0] == 404
    body = {"reduce_by": 1, "subaccount": 1}
    assert (await bench.ask("POST", f"{path}/decrease", body))[0] == 200
    assert (await bench.ask("POST", f"{path}/decrease?subaccount=1", {"reduce_by": 1}))[0] == 200
    assert (await bench.ask("DELETE", f"{path}?subaccount=1"))[0] == 200


async def test_batches_answer_item_by_item(autojump_clock):
    bench = legacy_bench()
    orders = [v1_order(yes_price=40, client_order_id="a"), v1_order(client_order_id="b"), {}]
    status, body = await bench.ask("POST", f"{V1}/batched", {"orders": orders})
    assert status == 201
    good, bad, bare = body["orders"]
    assert (good["client_order_id"], good["order"]["yes_price"]) == ("a", 40)
    assert (bad["client_order_id"], bad["error"]["code"]) == ("b", "missing_parameters")
    assert bare["error"]["code"] == "missing_parameters"
    order_id = good["order"]["order_id"]
    body = {"ids": [order_id], "orders": [{"order_id": "nothing"}]}
    status, body = await bench.ask("DELETE", f"{V1}/batched", body)
    assert status == 200
    done, missing = body["orders"]
    assert (done["order_id"], done["reduced_by"], done["reduced_by_fp"]) == (order_id, 1, "1.00")
    assert done["order"]["status"] == "canceled"
    assert (missing["reduced_by"], missing["error"]["code"]) == (0, "not_found")


async def test_both_languages_write_to_one_book(autojump_clock):
    bench = legacy_bench()
    made = await created(bench, yes_price=40)
    assert (await bench.ask("DELETE", f"{V2}/{made['order_id']}"))[0] == 200
    _, body = await bench.ask("POST", V2, order())
    assert (await bench.ask("DELETE", f"{V1}/{body['order_id']}"))[1]["order"]["side"] == "yes"

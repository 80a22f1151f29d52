"""V2 order entry over REST, one order at a time: fields, success codes, replies and refusals."""

import json

import pytest

from tests.paper.rest.orders import (
    NOT_FOUND,
    OTHER,
    TICKER,
    V2,
    bench_with_book,
    later,
    order,
    settle,
    with_subaccount,
)
from traderd.paper.auth_check import RESTRICTED_KEY


async def placed(bench, **more) -> str:
    status, body = await bench.ask("POST", V2, order(**more))
    assert status == 201, body
    return body["order_id"]


async def test_a_resting_order_is_answered_without_averages_and_without_a_status(autojump_clock):
    bench = bench_with_book()
    status, body = await bench.ask("POST", V2, order(client_order_id="mine"))
    assert status == 201
    assert body == {
        "order_id": body["order_id"],
        "client_order_id": "mine",
        "fill_count": "0.00",
        "remaining_count": "1.00",
        "ts_ms": bench.now() // 1_000_000,
    }


async def test_a_taking_order_is_answered_with_the_captured_averages(autojump_clock):
    bench = bench_with_book()
    body = order(price="0.99", ticker=OTHER, time_in_force="immediate_or_cancel")
    status, made = await bench.ask("POST", V2, body)
    assert status == 201
    assert (made["fill_count"], made["remaining_count"]) == ("1.00", "0.00")
    assert (made["average_fill_price"], made["average_fee_paid"]) == ("0.5200", "0.0175")
    assert "client_order_id" not in made


async def test_an_immediate_order_with_nothing_to_hit_is_a_success(autojump_clock):
    bench = bench_with_book()
    status, made = await bench.ask("POST", V2, order(time_in_force="immediate_or_cancel"))
    assert (status, made["fill_count"], made["remaining_count"]) == (201, "0.00", "0.00")


async def test_every_field_of_a_create_reaches_the_order(autojump_clock):
    bench = with_subaccount(bench_with_book())
    group = bench.venue.groups.create(
        bench.venue.account("ann"), "g", 100_00, bench.now(), subaccount=1
    )
    order_id = await placed(
        bench,
        post_only=True,
        cancel_order_on_pause=True,
        order_group_id=group.group_id,
        subaccount=1,
        exchange_index=-1,
        expiration_time=bench.now() // 1_000_000_000 + 60,
        self_trade_prevention_type="maker",
        reduce_only=False,
    )
    made = bench.venue.order("ann", order_id)
    assert (made.post_only, made.cancel_on_pause, made.group_id, made.subaccount) == (
        True,
        True,
        "g",
        1,
    )
    assert made.expires_at == bench.now() // 1_000_000_000 * 1_000_000_000 + 60_000_000_000
    assert made.self_trade_prevention.value == "maker"


@pytest.mark.parametrize(
    ("change", "status", "code", "details"),
    [
        ({"ticker": "NOPE"}, 404, "market_not_found", None),
        ({"ticker": ""}, 400, "missing_parameters", "ticker"),
        ({"price": None}, 400, "missing_parameters", "price"),
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
        ({"self_trade_prevention_type": "x"}, 400, "invalid_parameters", None),
        (
            {"expiration_time": 5},
            400,
            "invalid_order",
            "Expiration timestamp must be in the future",
        ),
        (
            {"expiration_time": 0},
            400,
            "invalid_order",
            "Expiration timestamp must be in the future",
        ),
        (
            {"expiration_time": 1_800_000_000_000},
            400,
            "invalid_parameters",
            "expiration_time is Unix time in seconds, not in milliseconds",
        ),
        (
            {"expiration_time": 1_900_000_000, "time_in_force": "immediate_or_cancel"},
            400,
            "invalid_order",
            "Cannot specify both immediate_or_cancel and expiration_ts",
        ),
        ({"subaccount": 1}, 400, "invalid_parameters", "no subaccount 1"),
        ({"subaccount": -1}, 400, "invalid_parameters", None),
        ({"order_group_id": "g"}, 404, "order_group_not_found", None),
        (
            {"price": "0.60", "count": "50", "time_in_force": "fill_or_kill"},
            409,
            "fill_or_kill_insufficient_resting_volume",
            None,
        ),
        ({"reduce_only": True}, 400, "invalid_order", "reduce only requires immediate or cancel"),
    ],
)
async def test_an_order_is_refused_with_the_exchanges_code(
    autojump_clock, change, status, code, details
):
    bench = bench_with_book()
    got, body = await bench.ask("POST", V2, order(**change))
    assert (got, body["error"]["code"]) == (status, code)
    if details is not None:
        assert body["error"]["details"] == details
    assert bench.venue.orders("ann") == []


@pytest.mark.parametrize(
    ("body", "details"),
    [
        (
            order() | {"count": 1},
            "number into Go struct field CreateOrderV2Request.count of type string",
        ),
        (
            order() | {"price": 0.4},
            "number into Go struct field CreateOrderV2Request.price of type string",
        ),
        (
            order(post_only="yes"),
            "string into Go struct field CreateOrderV2Request.post_only of type bool",
        ),
        (b"[]", "array into Go value of type CreateOrderV2Request"),
    ],
)
async def test_a_wrong_json_type_is_refused_flat(autojump_clock, body, details):
    status, answer = await bench_with_book().ask("POST", V2, body)
    assert (status, answer["code"], answer["message"]) == (400, "bad_request", "bad request")
    assert answer["details"] == f"json: cannot unmarshal {details}"


@pytest.mark.parametrize("path", [V2, f"{V2}/x/amend", f"{V2}/x/decrease"])
@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"null"])
async def test_a_body_that_is_no_object_is_refused_flat(autojump_clock, path, body):
    status, answer = await bench_with_book().ask("POST", path, body)
    assert (status, answer["code"]) == (400, "bad_request")


async def test_a_client_order_id_is_burned_for_ever(autojump_clock):
    bench = bench_with_book()
    order_id = await placed(bench, client_order_id="once")
    await bench.ask("DELETE", f"{V2}/{order_id}")
    assert await bench.ask("POST", V2, order(client_order_id="once")) == (
        409,
        {"error": {"code": "order_already_exists", "message": "order already exists"}},
    )


async def test_pauses_refuse_creates_and_only_the_exchanges_refuses_cancels(autojump_clock):
    bench = bench_with_book()
    order_id, other = await placed(bench), await placed(bench)
    bench.venue.pauses.begin(bench.now())
    status, body = await bench.ask("POST", V2, order())
    assert (status, body["error"]["code"]) == (409, "trading_is_paused")
    assert (await bench.ask("DELETE", f"{V2}/{order_id}"))[0] == 200
    bench.venue.pauses.begin(bench.now(), whole_exchange=True)
    status, body = await bench.ask("DELETE", f"{V2}/{other}")
    assert (status, body["error"]["code"]) == (409, "exchange_is_paused")


async def test_a_closed_market_takes_neither_orders_nor_cancels(autojump_clock):
    bench = bench_with_book()
    order_id = await placed(bench)
    later(bench, 3600)
    for ask in (("POST", V2, order()), ("DELETE", f"{V2}/{order_id}")):
        status, body = await bench.ask(*ask)
        assert (status, body["error"]["code"]) == (400, "market_inactive")


async def test_a_cancel_says_what_it_took_off_the_book_and_works_once(autojump_clock):
    bench = bench_with_book()
    order_id = await placed(bench, count="3", client_order_id="mine")
    later(bench, 1)
    path = f"{V2}/{order_id}?market_ticker={TICKER}&exchange_index=-1&subaccount=0"
    assert await bench.ask("DELETE", path) == (
        200,
        {"order_id": order_id, "reduced_by": "3.00", "ts_ms": bench.now() // 1_000_000},
    )
    assert await bench.ask("DELETE", path) == NOT_FOUND
    assert await bench.ask("DELETE", f"{V2}/nothing") == NOT_FOUND


async def test_a_cancel_of_another_market_subaccount_or_engine_finds_nothing(autojump_clock):
    bench = bench_with_book()
    path = f"{V2}/{await placed(bench)}"
    assert await bench.ask("DELETE", f"{path}?market_ticker={OTHER}") == NOT_FOUND
    assert await bench.ask("DELETE", f"{path}?subaccount=1") == NOT_FOUND
    for query in ("market_ticker=NOPE", "exchange_index=2"):
        status, body = await bench.ask("DELETE", f"{path}?{query}")
        assert (status, body["error"]["code"]) == (404, "market_not_found")
    assert await bench.ask("DELETE", path, by="bob") == NOT_FOUND
    status, body = await bench.ask("DELETE", f"{path}?subaccount=64")
    assert (status, list(body)) == (400, ["msg"])


async def test_an_expired_order_is_gone_before_the_next_request_is_looked_at(autojump_clock):
    bench = bench_with_book()
    order_id = await placed(bench, expiration_time=bench.now() // 1_000_000_000 + 1)
    later(bench, 1)
    assert await bench.ask("DELETE", f"{V2}/{order_id}") == NOT_FOUND


async def test_a_decrease_keeps_the_place_and_tells_what_remains(autojump_clock):
    bench = bench_with_book()
    order_id = await placed(bench, count="5", client_order_id="mine")
    path = f"{V2}/{order_id}/decrease"
    reply = {"order_id": order_id, "client_order_id": "mine", "ts_ms": bench.now() // 1_000_000}
    assert await bench.ask("POST", path, {"reduce_by": "1.5", "market_ticker": TICKER}) == (
        200,
        reply | {"remaining_count": "3.50"},
    )
    assert await bench.ask("POST", f"{path}?subaccount=0", {"reduce_to": "2"}) == (
        200,
        reply | {"remaining_count": "2.00"},
    )
    status, body = await bench.ask("POST", path, {"reduce_to": "0.00"})
    assert (status, body["remaining_count"]) == (200, "0.00")
    assert await bench.ask("POST", path, {"reduce_by": "1"}) == NOT_FOUND


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "invalid_parameters"),
        ({"reduce_by": "1", "reduce_to": "1"}, 400, "invalid_parameters"),
        ({"reduce_by": "0"}, 400, "invalid_order_size"),
        ({"reduce_by": "9"}, 400, "invalid_order_size"),
        ({"reduce_to": "9"}, 400, "invalid_order_size"),
        ({"reduce_by": "1", "exchange_index": 3}, 404, "market_not_found"),
        ({"reduce_by": "1", "market_ticker": OTHER}, 404, "not_found"),
    ],
)
async def test_a_decrease_that_makes_no_sense_changes_nothing(autojump_clock, body, status, code):
    bench = bench_with_book()
    order_id = await placed(bench, count="5")
    got, answer = await bench.ask("POST", f"{V2}/{order_id}/decrease", body)
    assert (got, answer["error"]["code"]) == (status, code)
    assert bench.venue.order("ann", order_id).remaining_count == 500
    got, answer = await bench.ask("POST", f"{V2}/{order_id}/decrease", {"reduce_by": 1})
    assert answer["details"].endswith("DecreaseOrderV2Request.reduce_by of type string")


def amend(count: str, price: str, **more) -> dict:
    return {"ticker": TICKER, "side": "bid", "count": count, "price": price} | more


async def test_an_amend_tells_counts_only_if_something_changed(autojump_clock):
    bench = bench_with_book()
    order_id = await placed(bench, count="5", client_order_id="a")
    path, ts_ms = f"{V2}/{order_id}/amend", bench.now() // 1_000_000
    expiry = bench.now() // 1_000_000_000 + 60
    assert await bench.ask("POST", path, amend("5", "0.40", expiration_time=expiry)) == (
        200,
        {"order_id": order_id, "client_order_id": "a", "ts_ms": ts_ms},
    )
    assert bench.venue.order("ann", order_id).expires_at == expiry * 1_000_000_000
    body = amend("2", "0.40", client_order_id="a", updated_client_order_id="b", expiration_time=0)
    status, reply = await bench.ask("POST", f"{path}?subaccount=0", body)
    assert (status, reply) == (
        200,
        {
            "order_id": order_id,
            "client_order_id": "b",
            "remaining_count": "2.00",
            "fill_count": "0.00",
            "ts_ms": ts_ms,
        },
    )
    assert bench.venue.order("ann", order_id).expires_at is None


async def test_an_amend_that_crosses_tells_what_it_traded(autojump_clock):
    bench = bench_with_book()
    order_id = await placed(bench, count="5", ticker=OTHER)
    body = amend("12", "0.52", ticker=OTHER)
    status, reply = await bench.ask("POST", f"{V2}/{order_id}/amend", body)
    assert status == 200
    assert (reply["fill_count"], reply["remaining_count"]) == ("10.00", "2.00")
    assert (reply["average_fill_price"], reply["average_fee_paid"]) == ("0.5200", "0.0175")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"ticker": OTHER}, 400, "order_ticker_mismatch"),
        ({"ticker": ""}, 400, "missing_parameters"),
        ({"side": "ask"}, 400, "order_side_mismatch"),
        ({"side": "no"}, 400, "invalid_parameters"),
        ({"client_order_id": "x"}, 400, "order_id_and_client_order_id_mismatch"),
        ({"updated_client_order_id": "used"}, 409, "order_already_exists"),
        ({"price": "0.405"}, 400, "invalid_price"),
        ({"count": "0"}, 400, "invalid_order_size"),
        ({"expiration_time": 5}, 400, "invalid_order"),
        ({"expiration_time": -1}, 400, "invalid_order"),
        ({"expiration_time": 10**12}, 400, "invalid_parameters"),
        ({"exchange_index": 7}, 404, "market_not_found"),
        ({"count": "9000"}, 400, "insufficient_balance"),
    ],
)
async def test_an_amend_that_does_not_fit_changes_nothing(autojump_clock, change, status, code):
    bench = bench_with_book()
    await placed(bench, client_order_id="used")
    order_id = await placed(bench, count="5")
    before = bench.venue.order("ann", order_id)
    got, body = await bench.ask("POST", f"{V2}/{order_id}/amend", amend("5", "0.41") | change)
    assert (got, body["error"]["code"]) == (status, code)
    after = bench.venue.order("ann", order_id)
    assert (after.price, after.initial_count, after.client_order_id) == (
        before.price,
        before.initial_count,
        before.client_order_id,
    )
    assert await bench.ask("POST", f"{V2}/nothing/amend", amend("5", "0.41")) == NOT_FOUND


async def test_cancel_all_is_a_204_without_a_body_and_keeps_to_its_subaccount(autojump_clock):
    bench = with_subaccount(bench_with_book())
    first, second = await placed(bench), await placed(bench, subaccount=1)
    response = await bench.send("DELETE", V2, query=(("subaccount", "1"),))
    assert (response.status, response.body) == (204, b"")
    assert [o.order_id for o in bench.venue.orders("ann") if o.is_resting] == [first]
    assert not bench.venue.order("ann", second).is_resting
    assert (await bench.send("DELETE", V2)).status == 204
    assert not bench.venue.order("ann", first).is_resting
    assert all(each.is_resting for each in bench.venue.orders("bob"))


async def test_a_locked_key_acts_on_its_subaccount_and_no_other(autojump_clock):
    bench = with_subaccount(bench_with_book())
    status, made = await bench.ask("POST", V2, order(), by="locked")
    assert (status, bench.venue.order("ann", made["order_id"]).subaccount) == (201, 1)
    status, body = await bench.ask("POST", V2, order(subaccount=0), by="locked")
    assert (status, body["error"]["code"]) == (403, "forbidden")
    other = await placed(bench)
    assert await bench.ask("DELETE", f"{V2}/{other}", by="locked") == NOT_FOUND
    assert (await bench.ask("DELETE", f"{V2}/{other}?subaccount=0", by="locked"))[0] == 403
    assert (await bench.send("DELETE", V2, by="locked")).status == 204
    assert bench.venue.order("ann", other).is_resting
    assert "sub-account" in RESTRICTED_KEY
    assert "sub-account" in json.dumps(body)


async def test_an_order_of_another_subaccount_is_not_found_without_its_number(autojump_clock):
    bench = with_subaccount(bench_with_book())
    order_id = await placed(bench, subaccount=1)
    assert await bench.ask("DELETE", f"{V2}/{order_id}") == NOT_FOUND
    assert (await bench.ask("DELETE", f"{V2}/{order_id}?subaccount=1"))[0] == 200


async def test_a_settled_market_takes_no_orders(autojump_clock):
    bench = bench_with_book()
    settle(bench)
    status, body = await bench.ask("POST", V2, order())
    assert (status, body["error"]["code"]) == (400, "market_inactive")

"""Batches over REST: items stand and fall alone, and cost what they hold."""

import json

import pytest

from tests.paper.rest.orders import TICKER, V2, bench_with_book, order
from traderd.paper.rest.api import routes_of
from traderd.paper.rest.call import Call
from traderd.paper.serving.http_server import Request
from traderd.paper.settings import Tier

PATH = f"{V2}/batched"


async def test_a_batch_answers_every_order_in_turn(autojump_clock):
    bench = bench_with_book()
    orders = [
        order(client_order_id="a"),
        order(price="0.405", client_order_id="b"),
        {"ticker": TICKER},
        order(price="0.52", client_order_id="a"),
        order(price="0.60", count="2", time_in_force="immediate_or_cancel"),
        order(ticker="NOPE"),
    ]
    status, body = await bench.ask("POST", PATH, {"orders": orders, "more": 1})
    assert status == 201
    first, off_grid, bare, again, taker, nowhere = body["orders"]
    assert first["client_order_id"] == "a"
    assert (first["remaining_count"], first["ts_ms"]) == ("1.00", bench.now() // 1_000_000)
    assert off_grid == {
        "client_order_id": "b",
        "error": {"code": "invalid_price", "message": "invalid price"},
    }
    assert bare == {
        "error": {
            "code": "missing_parameters",
            "message": "missing parameters",
            "details": "side",
        }
    }
    assert again["error"]["code"] == "order_already_exists"
    assert (taker["fill_count"], taker["average_fill_price"]) == ("2.00", "0.5200")
    assert nowhere["error"]["code"] == "market_not_found"
    assert len(bench.venue.orders("ann")) == 2


async def test_one_wrong_type_spoils_the_whole_batch_before_anything_is_done(autojump_clock):
    bench = bench_with_book()
    status, body = await bench.ask("POST", PATH, {"orders": [order(), order() | {"count": 1}]})
    assert (status, body["code"]) == (400, "bad_request")
    assert body["details"].endswith("CreateOrderV2Request.count of type string")
    assert bench.venue.orders("ann") == []


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    ("body", "shape"),
    [
        (b"", "bad_request"),
        (b"[]", "bad_request"),
        (b"{}", "missing_parameters"),
        (b'{"orders":null}', "missing_parameters"),
        (b'{"orders":{}}', "bad_request"),
        (b'{"orders":[1]}', "bad_request"),
        (b'{"orders":[null]}', "bad_request"),
    ],
)
async def test_what_is_no_batch_is_refused(autojump_clock, method, body, shape):
    status, answer = await bench_with_book().ask(method, PATH, body)
    assert (status, answer.get("code") or answer["error"]["code"]) == (400, shape)


async def test_an_empty_batch_is_answered_with_nothing(autojump_clock):
    bench = bench_with_book()
    assert await bench.ask("POST", PATH, {"orders": []}) == (201, {"orders": []})
    assert await bench.ask("DELETE", PATH, {"orders": []}) == (200, {"orders": []})


async def test_cancels_of_a_batch_tell_what_each_took_off_the_book(autojump_clock):
    bench = bench_with_book()
    _, made = await bench.ask("POST", V2, order(count="3", client_order_id="a"))
    order_id = made["order_id"]
    items = [
        {"order_id": order_id, "market_ticker": TICKER, "exchange_index": -1, "subaccount": 0},
        {"order_id": order_id},
        {"order_id": "nothing", "subaccount": 9},
        {},
    ]
    status, body = await bench.ask("DELETE", PATH, {"orders": items})
    assert status == 200
    gone = {"code": "not_found", "message": "not found"}
    assert body["orders"] == [
        {
            "order_id": order_id,
            "client_order_id": "a",
            "reduced_by": "3.00",
            "ts_ms": bench.now() // 1_000_000,
        },
        {"order_id": order_id, "reduced_by": "0.00", "error": gone},
        {"order_id": "nothing", "reduced_by": "0.00", "error": gone},
        {
            "order_id": "",
            "reduced_by": "0.00",
            "error": {
                "code": "missing_parameters",
                "message": "missing parameters",
                "details": "order_id",
            },
        },
    ]


@pytest.mark.parametrize(
    ("method", "body", "tokens"),
    [
        ("POST", {"orders": [order()] * 3}, 30),
        ("POST", {"orders": []}, 10),
        ("POST", b"{", 10),
        ("POST", b"", 10),
        ("DELETE", {"orders": [{"order_id": "a"}] * 4}, 8),
        ("DELETE", [], 2),
    ],
)
async def test_a_batch_costs_the_tokens_of_its_items_and_counting_never_fails(
    autojump_clock, method, body, tokens
):
    bench = bench_with_book()
    route = routes_of(bench.desk)[PATH][method]
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = Request(method=method, path=PATH, query=(), headers={}, body=raw)
    assert route.cost_of(Call(request=request, now=bench.now())) == tokens


async def test_a_batch_over_the_budget_is_refused_whole(autojump_clock):
    bench = bench_with_book(tier=Tier.BASIC)
    body = {"orders": [order(client_order_id=str(n)) for n in range(11)]}
    assert (await bench.ask("POST", PATH, body))[0] == 429
    assert bench.venue.orders("ann") == []
    body["orders"].pop()
    assert (await bench.ask("POST", PATH, body))[0] == 201

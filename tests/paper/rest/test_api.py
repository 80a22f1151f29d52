"""Routes, signatures and refusals over HTTP; and that no input gives a 500."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.paper.served import API, A, B, open_bench
from traderd.paper.rest.api import RestApi
from traderd.paper.serving.http_server import Request

# --- routes and refusals --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "page_not_found"),
        ("GET", "/other", 404, "page_not_found"),
        ("GET", "/trade-api/v2", 404, "page_not_found"),
        ("GET", f"{API}/nothing", 404, "page_not_found"),
        ("GET", f"{API}//markets", 404, "page_not_found"),
        ("GET", f"{API}/markets/A/B/C", 404, "page_not_found"),
        ("GET", "/trade-api/ws/v2", 404, "page_not_found"),
        ("GET", f"{API}/markets/NOPE", 404, "market_not_found"),
        ("GET", f"{API}/markets/NOPE/orderbook", 404, "market_not_found"),
        ("PUT", f"{API}/markets", 405, "method_not_allowed"),
        ("GET", f"{API}/portfolio/events/orders", 405, "method_not_allowed"),
        ("POST", f"{API}/markets/trades", 405, "method_not_allowed"),
    ],
)
async def test_unknown_routes_and_methods(autojump_clock, method, path, status, code):
    async with open_bench() as bench:
        got, body = await (await bench.client()).ask(method, path)
        assert (got, body["error"]["code"]) == (status, code)


async def test_a_wrong_method_is_told_which_are_right(autojump_clock):
    async with open_bench() as bench:
        client = await bench.client()
        await client.send("PATCH", f"{API}/portfolio/orders/1")
        status, headers, _ = await client.read()
        assert (status, headers["allow"]) == (405, "DELETE, GET")


async def test_a_trailing_slash_is_sent_on_with_its_query(autojump_clock):
    async with open_bench() as bench:
        client = await bench.client()
        await client.send("GET", f"{API}/markets/?limit=1&tickers=a%2Cb")
        status, headers, body = await client.read()
        assert (status, body) == (301, b"")
        assert headers["location"] == f"{API}/markets?limit=1&tickers=a%2Cb"
        assert (await client.ask("GET", headers["location"]))[0] == 200


async def test_head_answers_like_get(autojump_clock):
    async with open_bench() as bench:
        client = await bench.client()
        await client.send("HEAD", f"{API}/markets")
        status, headers, body = await client.read()
        assert (status, body) == (200, b"")
        assert int(headers["content-length"]) > 100


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/markets?limit=1001", "'GetMarketsParams.Limit' Error"),
        ("/markets?status=active", "'oneof' tag"),
        ("/markets?limit=ten", 'strconv.ParseInt: parsing "ten"'),
        (f"/markets/{A}/orderbook?depth=101", "GetMarketOrderbook"),
        ("/markets/trades?limit=1001", "GetTrades"),
        ("/portfolio/orders?limit=0", "'gte' tag"),
        ("/portfolio/orders?limit=1001", "'lte' tag"),
        ("/portfolio/orders?status=pending", "GetOrders"),
        ("/portfolio/orders?subaccount=64", "Subaccount"),
        ("/portfolio/fills?limit=1001", "GetFills"),
        ("/portfolio/fills?ticker=" + ",".join(map(str, range(101))), "'max' tag"),
        ("/portfolio/positions?settlement_status=open", "GetPositions"),
        ("/portfolio/balance?exchange_index=x", "GetBalance"),
    ],
)
async def test_bad_queries_are_refused_in_the_msg_shape(autojump_clock, path, words):
    async with open_bench() as bench:
        status, body = await (await bench.trader()).ask("GET", path)
        assert status == 400
        assert list(body) == ["msg"]
        assert words in body["msg"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/portfolio/orders"),
        ("DELETE", "/portfolio/orders/abc"),
        ("POST", "/portfolio/orders/abc/amend"),
        ("POST", "/portfolio/orders/abc/decrease"),
        ("POST", "/portfolio/orders/batched"),
        ("DELETE", "/portfolio/orders/batched"),
    ],
)
async def test_v1_order_writes_are_gone(autojump_clock, method, path):
    async with open_bench() as bench:
        status, body = await (await bench.trader()).ask(method, path, {})
        assert status == 410
        assert body == {
            "error": {
                "code": "deprecated_v1_order_endpoint",
                "message": "Please switch to the V2 endpoints",
                "details": "https://docs.kalshi.com/api-reference/orders/create-order-v2",
            }
        }


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded"])
async def test_a_body_must_say_that_it_is_json(autojump_clock, kind):
    async with open_bench() as bench:
        trader = await bench.trader()
        path = f"{API}/portfolio/events/orders"
        headers = [*trader.headers("POST", path), ("content-type", kind)]
        status, body = await trader.client.ask("POST", path, b"{}", headers)
        assert (status, body["code"]) == (400, "invalid_content_type")


async def test_json_with_a_charset_is_json(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        path = f"{API}/portfolio/events/orders"
        kind = ("content-type", "application/json; charset=utf-8")
        status, body = await trader.client.ask(
            "POST", path, b"{}", [*trader.headers("POST", path), kind]
        )
        assert (status, body["error"]["code"]) == (400, "missing_parameters")


# --- signatures -----------------------------------------------------------------------------------


async def test_private_routes_need_a_signature(autojump_clock):
    async with open_bench() as bench:
        client = await bench.client()
        for path in ("/portfolio/balance", "/portfolio/orders", "/account/limits"):
            status, body = await client.ask("GET", API + path)
            assert status == 401
            assert body == {
                "error": {
                    "code": "signature_is_missing_from_headers",
                    "message": "signature is missing from headers",
                }
            }


async def test_a_public_read_with_a_bad_signature_is_refused(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        headers = trader.headers("GET", f"{API}/markets")
        assert (await trader.client.ask("GET", f"{API}/markets", headers=headers))[0] == 200
        wrong = trader.headers("GET", f"{API}/events")
        status, body = await trader.client.ask("GET", f"{API}/markets", headers=wrong)
        assert (status, body["error"]["details"]) == (401, "INCORRECT_API_KEY_SIGNATURE")


async def test_the_signature_does_not_cover_the_query(autojump_clock):
    async with open_bench() as bench:
        status, _ = await (await bench.trader()).ask(
            "GET", "/portfolio/orders?limit=5&status=resting"
        )
        assert status == 200


async def test_a_stale_clock_is_refused(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        headers = trader.headers("GET", f"{API}/portfolio/balance")
        bench.env.offset_ns = 11_000_000_000
        status, body = await trader.client.ask("GET", f"{API}/portfolio/balance", headers=headers)
        assert (status, body["error"]["code"]) == (401, "header_timestamp_expired")


# --- nothing gives a 500 --------------------------------------------------------------------------

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
bodies = st.fixed_dictionaries(
    {
        "ticker": st.sampled_from([A, B, "NOPE"]) | anything,
        "side": st.sampled_from(["bid", "ask"]) | anything,
        "count": st.sampled_from(["1", "0.01", "1e3", "９", "NaN", "-0", "9" * 40]) | anything,
        "price": st.sampled_from(["0.4", "0.99", ".5", "1e-1", "0.4000000000"]) | anything,
        "time_in_force": st.sampled_from([
            "good_till_canceled",
            "immediate_or_cancel",
            "fill_or_kill",
        ]),
        "self_trade_prevention_type": st.sampled_from(["taker_at_cross", "maker"]) | anything,
    },
    optional={
        "client_order_id": anything,
        "expiration_time": st.integers() | st.floats() | anything,
        "post_only": anything,
        "reduce_only": anything,
        "subaccount": anything,
        "exchange_index": anything,
        "order_group_id": anything,
        "cancel_order_on_pause": anything,
    },
)


def request_for(trader, method, path, query=(), body=b"") -> Request:
    headers = {name.lower(): value for name, value in trader.headers(method, path)}
    return Request(
        method=method,
        path=path,
        query=tuple(query),
        headers=headers | {"content-type": "application/json"},
        body=body,
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(bodies.map(json.dumps).map(str.encode) | st.binary(max_size=40) | st.text().map(str.encode))
async def test_no_body_gives_a_500(body):
    async with open_bench() as bench:
        trader = await bench.trader()
        api = api_of(bench)
        response = await api.handle(
            request_for(trader, "POST", f"{API}/portfolio/events/orders", body=body)
        )
        assert response.status in (201, 400, 404, 409)
        assert json.loads(response.body)


NAMES = [
    "limit",
    "cursor",
    "ticker",
    "tickers",
    "status",
    "event_ticker",
    "min_ts",
    "max_ts",
    "depth",
    "subaccount",
    "exchange_index",
    "count_filter",
    "order_id",
    "is_block_trade",
    "mve_filter",
]
PATHS = (
    f"/exchange/status /markets /markets/{A} /markets/{A}/orderbook /markets/trades "
    "/portfolio/orders /portfolio/fills /portfolio/positions /portfolio/balance "
    "/portfolio/orders/x /account/limits /markets/%ff%00 /markets/%F0%9F%98%80"
).split()
names = st.sampled_from(NAMES)
values = st.text(max_size=30) | st.integers().map(str) | st.sampled_from(["", "open", A, "MTp4"])
visible = st.text(st.characters(min_codepoint=33, max_codepoint=126))
paths = st.sampled_from(PATHS) | visible.map(lambda text: f"/{text}")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(paths, st.lists(st.tuples(names, values), max_size=4))
async def test_no_query_gives_a_500(path, query):
    async with open_bench() as bench:
        trader = await bench.trader()
        response = await api_of(bench).handle(request_for(trader, "GET", API + path, query))
        assert response.status in (200, 301, 400, 404, 405)
        if response.status != 301:
            assert json.loads(response.body)


def api_of(bench) -> RestApi:
    exchange = bench.exchange
    return RestApi(
        env=bench.env,
        venue=exchange.venue,
        keys=exchange.keys,
        faults=exchange.faults,
        now=exchange.now,
        settle=exchange.settle,
    )

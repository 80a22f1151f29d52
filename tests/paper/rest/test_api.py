"""The order of the checks before a handler: route, signature, scope, rate limit, content type."""

import json

import pytest
import trio

from tests.paper.rest.desks import RestBench
from tests.paper.served import API, open_bench
from tests.paper.venues import TICKER
from traderd.model.units import parse_price
from traderd.paper.auth_check import RESTRICTED_KEY
from traderd.paper.rest import api as rest_api
from traderd.paper.rest.api import RestApi
from traderd.paper.rest.call import Access, Route, Slow, answer
from traderd.paper.settings import Tier
from traderd.paper.venue.messages import VenueRefusal

ORDER = {
    "ticker": TICKER,
    "side": "bid",
    "count": "1",
    "price": "0.1000",
    "time_in_force": "good_till_canceled",
    "self_trade_prevention_type": "taker_at_cross",
}
ORDERS = "/portfolio/events/orders"
MISSING_SIGNATURE = {
    "error": {
        "code": "signature_is_missing_from_headers",
        "message": "signature is missing from headers",
    }
}

# --- routes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "page_not_found"),
        ("GET", "", 404, "page_not_found"),
        ("GET", "//markets", 404, "page_not_found"),
        ("GET", "/markets//orderbook", 404, "page_not_found"),
        ("GET", "/markets/A/B/C", 404, "page_not_found"),
        ("GET", "/portfolio/order%5fgroups", 404, "page_not_found"),
        ("GET", "/markets/NOPE", 404, "market_not_found"),
        ("PUT", "/markets", 405, "method_not_allowed"),
        ("OPTIONS", "/markets", 405, "method_not_allowed"),
        ("GET", ORDERS, 405, "method_not_allowed"),
        ("get", "/markets", 405, "method_not_allowed"),
    ],
)
async def test_routes_come_before_signatures(autojump_clock, method, path, status, code):
    got, body = await RestBench().ask(method, path, by=None)
    assert (got, body["error"]["code"]) == (status, code)


@pytest.mark.parametrize("path", ["/", "/other", "/trade-api/v2", "/trade-api/ws/v2"])
async def test_what_is_outside_of_the_prefix_is_not_found(autojump_clock, path):
    async with open_bench() as bench:
        status, body = await (await bench.client()).ask("GET", path)
        assert (status, body["error"]["code"]) == (404, "page_not_found")


async def test_a_wrong_method_is_told_which_are_right(autojump_clock):
    response = await RestBench().send("PATCH", "/portfolio/order_groups/1")
    assert response.status == 405
    assert dict(response.headers)["allow"] == "DELETE, GET, HEAD"
    response = await RestBench().send("GET", "/portfolio/order_groups/1/reset")
    assert dict(response.headers)["allow"] == "PUT"


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
    ("path", "key"),
    [
        ("/markets/trades", "trades"),
        ("/markets/orderbooks?tickers=A", "orderbooks"),
        (
            "/markets/candlesticks?market_tickers=A&start_ts=1&end_ts=2&period_interval=1",
            "markets",
        ),
        ("/events/multivariate", "events"),
        ("/events/fee_changes", "event_fee_changes"),
        ("/series/fee_changes", "series_fee_change_arr"),
        (f"/portfolio/orders/queue_positions?market_tickers={TICKER}", "queue_positions"),
    ],
)
async def test_words_in_a_path_win_over_parameters(autojump_clock, path, key):
    status, body = await RestBench().ask("GET", path)
    assert status == 200
    assert key in body


async def test_a_word_that_is_no_route_is_a_parameter(autojump_clock):
    bench = RestBench()
    status, body = await bench.ask("GET", "/markets/trades2")
    assert (status, body["error"]["code"]) == (404, "market_not_found")
    status, _ = await bench.ask("DELETE", "/portfolio/events/orders/batched", {"orders": []})
    assert status != 404


# --- signatures -----------------------------------------------------------------------------------


async def test_every_private_route_needs_a_signature(autojump_clock):
    bench = RestBench()
    for template, methods in rest_api.routes_of(bench.desk).items():
        path = template.replace("{}", "x")
        for method, route in methods.items():
            if not route.is_public:
                assert await bench.ask(method, path, {}, by=None) == (401, MISSING_SIGNATURE)


async def test_a_public_read_with_a_bad_signature_is_refused(autojump_clock):
    bench = RestBench()
    assert (await bench.ask("GET", "/markets"))[0] == 200
    wrong = bench.signed("ann", "GET", f"{API}/events")
    status, body = await bench.ask("GET", "/markets", by=None, headers=wrong)
    assert (status, body["error"]["details"]) == (401, "INCORRECT_API_KEY_SIGNATURE")
    status, body = await bench.ask("GET", "/markets", by=None, headers={"kalshi-access-key": "x"})
    assert (status, body) == (401, MISSING_SIGNATURE)


async def test_the_signature_covers_neither_query_nor_body(autojump_clock):
    bench = RestBench()
    assert (await bench.ask("GET", "/portfolio/orders?limit=5"))[0] == 200


async def test_a_stale_clock_is_refused(autojump_clock):
    bench = RestBench()
    headers = bench.signed("ann", "GET", f"{API}/portfolio/balance")
    bench.env.offset_ns += 11_000_000_000
    status, body = await bench.ask("GET", "/portfolio/balance", by=None, headers=headers)
    assert (status, body["error"]["code"]) == (401, "header_timestamp_expired")


# --- scopes and locks -----------------------------------------------------------------------------


async def test_every_route_asks_for_its_own_scope(autojump_clock):
    bench = RestBench()
    bench.add_key("nothing", "ann", scopes=("write::fcm_risk",))
    for template, methods in rest_api.routes_of(bench.desk).items():
        path = template.replace("{}", "x")
        for method, route in methods.items():
            status, body = await bench.ask(method, path, {}, by="nothing")
            assert (status == 403) is not route.is_public, (method, path)
            if status == 403:
                assert route.access.value in body["error"]["message"]


async def test_a_locked_key_is_kept_from_all_that_concerns_the_whole_account(autojump_clock):
    bench = RestBench()
    bench.add_key("locked", "ann", subaccount=0)
    wide = []
    for template, methods in rest_api.routes_of(bench.desk).items():
        path = template.replace("{}", "x")
        for method, route in methods.items():
            _, body = await bench.ask(method, path, {}, by="locked")
            is_kept_out = body == {"error": {"code": "forbidden", "message": RESTRICTED_KEY}}
            assert is_kept_out is route.account_wide, (method, path)
            if route.account_wide:
                wide.append(template)
    assert {"/api_keys", "/portfolio/subaccounts", "/portfolio/deposits"} <= set(wide)
    own = [path for path in wide if path.startswith(("/portfolio/orders", "/portfolio/events"))]
    assert own == []


async def test_a_signature_comes_before_its_scope(autojump_clock):
    bench = RestBench()
    bench.add_key("reader", "ann", scopes=("read",))
    wrong = bench.signed("reader", "GET", f"{API}/elsewhere")
    assert (await bench.ask("POST", ORDERS, ORDER, by=None, headers=wrong))[0] == 401
    assert (await bench.ask("POST", ORDERS, ORDER, by="reader"))[0] == 403


# --- rate limits ----------------------------------------------------------------------------------


async def test_a_429_has_the_string_body_and_changes_nothing(autojump_clock):
    bench = RestBench(tier=Tier.BASIC)
    for _ in range(10):
        assert (await bench.ask("POST", ORDERS, ORDER))[0] == 201
    heard = len(bench.news)
    response = await bench.send("POST", ORDERS, ORDER)
    assert (response.status, response.body) == (429, b'{"error":"too many requests"}')
    assert "retry-after" not in dict(response.headers)
    assert len(bench.venue.orders("ann")) == 10
    assert len(bench.news) == heard
    await trio.sleep(0.1)
    assert (await bench.ask("POST", ORDERS, ORDER))[0] == 201
    assert (await bench.ask("POST", ORDERS, ORDER))[0] == 429


async def test_reads_writes_and_accounts_have_buckets_of_their_own(autojump_clock):
    bench = RestBench(tier=Tier.BASIC)
    while (await bench.ask("POST", ORDERS, ORDER))[0] != 429:
        pass
    assert (await bench.ask("GET", "/portfolio/orders"))[0] == 200
    assert (await bench.ask("POST", ORDERS, ORDER, by="bob"))[0] == 201
    # Keys, unlike orders, draw on the read bucket.
    assert (await bench.ask("POST", "/api_keys/generate", {"name": "n"}))[0] == 201


async def test_cancels_cost_less_than_orders(autojump_clock):
    bench = RestBench(tier=Tier.BASIC)
    for _ in range(50):
        assert (await bench.ask("DELETE", f"{ORDERS}/x"))[0] == 404
    assert (await bench.ask("DELETE", f"{ORDERS}/x"))[0] == 429


async def test_a_batch_is_paid_whole_or_refused_whole(autojump_clock):
    bench = RestBench(tier=Tier.BASIC)
    path = f"{ORDERS}/batched"
    assert (await bench.ask("POST", path, {"orders": [ORDER] * 11}))[0] == 429
    assert bench.venue.orders("ann") == []
    assert (await bench.ask("POST", path, {"orders": [ORDER] * 10}))[0] == 201
    assert len(bench.venue.orders("ann")) == 10


async def test_public_reads_are_free_for_the_anonymous_and_cost_those_who_sign(autojump_clock):
    bench = RestBench(tier=Tier.BASIC)
    for _ in range(100):
        assert (await bench.ask("GET", "/exchange/status", by=None))[0] == 200
    for _ in range(60):
        assert (await bench.ask("GET", "/exchange/status"))[0] == 200
    assert (await bench.ask("GET", "/exchange/status"))[0] == 429
    assert (await bench.ask("GET", "/exchange/status", by=None))[0] == 200


async def test_what_is_refused_before_costs_nothing(autojump_clock):
    bench = RestBench(tier=Tier.BASIC)
    bench.add_key("reader", "ann", scopes=("read",))
    for _ in range(30):
        assert (await bench.ask("POST", ORDERS, ORDER, by="reader"))[0] == 403
        assert (await bench.ask("POST", "/nothing", ORDER))[0] == 404
    assert (await bench.ask("POST", ORDERS, ORDER))[0] == 201


async def test_the_limit_comes_before_the_content_type(autojump_clock):
    bench = RestBench(tier=Tier.BASIC)
    text = {"content-type": "text/plain"}
    for _ in range(10):
        assert (await bench.ask("POST", ORDERS, ORDER, headers=text))[0] == 400
    assert (await bench.ask("POST", ORDERS, ORDER, headers=text))[0] == 429


# --- content type ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded"])
async def test_a_body_must_say_that_it_is_json(autojump_clock, kind):
    status, body = await RestBench().ask(
        "POST", ORDERS, b"nonsense", headers={"content-type": kind}
    )
    assert (status, body["code"]) == (400, "invalid_content_type")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON"])
async def test_json_with_a_charset_is_json(autojump_clock, kind):
    status, body = await RestBench().ask("POST", ORDERS, {}, headers={"content-type": kind})
    assert (status, body["error"]["code"]) == (400, "missing_parameters")


# --- answers that take time, and refusals of every kind -------------------------------------------


def api_with(bench: RestBench, monkeypatch, handler) -> RestApi:
    route = Route(handler=handler, access=Access.PUBLIC)
    monkeypatch.setattr(rest_api, "routes_of", lambda desk: {"/probe": {"GET": route}})
    bench.api = RestApi(env=bench.env, desk=bench.desk, now=bench.now, settle=bench.settle)
    return bench.api


async def test_what_the_model_refuses_is_the_clients_fault(autojump_clock, monkeypatch):
    bench = RestBench()
    api_with(bench, monkeypatch, lambda call: answer({"price": parse_price("dear")}))
    status, body = await bench.ask("GET", "/probe", by=None)
    assert (status, body["error"]["code"]) == (400, "invalid_parameters")
    assert "dear" in body["error"]["details"]


async def test_slow_work_is_done_one_at_a_time_and_its_end_may_refuse(autojump_clock, monkeypatch):
    bench, busy, most = RestBench(), [], []

    async def run_blocking(work, *args):
        busy.append(work)
        most.append(len(busy))
        await trio.sleep(1)
        busy.remove(work)
        return work()

    def refuse(result):
        raise VenueRefusal(409, "too_late", details=result)

    monkeypatch.setattr(bench.env, "run_blocking", run_blocking)
    api_with(bench, monkeypatch, lambda call: Slow(lambda: "done", refuse))
    replies = []

    async def client():
        replies.append(await bench.ask("GET", "/probe", by=None))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(client)
    assert most == [1, 1, 1]
    assert {(status, body["error"]["details"]) for status, body in replies} == {(409, "done")}


async def test_others_are_served_while_a_key_is_made(autojump_clock, monkeypatch):
    bench, order = RestBench(), []

    async def run_blocking(work, *args):
        await trio.sleep(1)
        return work()

    monkeypatch.setattr(bench.env, "run_blocking", run_blocking)

    async def ask(*request):
        order.append((request[1], (await bench.ask(*request))[0]))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, "POST", "/api_keys/generate", {"name": "slow"})
        await trio.sleep(0.5)
        nursery.start_soon(ask, "GET", "/markets")
    assert order == [("/markets", 200), ("/api_keys/generate", 201)]


async def test_refusals_are_json(autojump_clock):
    response = await RestBench().send("GET", "/nothing")
    assert ("content-type", "application/json") in response.headers
    assert json.loads(response.body)["error"]["message"] == "page not found"

"""Nothing that a client sends gives a 500, on any route that there is: new ones are covered as they come."""

import json
from urllib.parse import quote, quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.paper.rest.desks import RestBench
from tests.paper.served import API
from tests.paper.venues import TICKER
from traderd.model.units import Count
from traderd.paper.auth_check import KeyRegistry
from traderd.paper.rest.api import routes_of
from traderd.paper.rest.call import Desk
from traderd.paper.serving.http_server import Request
from traderd.paper.settings import DEFAULT_SETTINGS
from traderd.paper.venue.venue import Venue

UUID = "6f0b6a5e-1c2d-4e3f-8a9b-0c1d2e3f4a5b"
WORDS = (TICKER, "KXDEMO", "KXDEMO-26DEC31", "NOPE", "group", "ann", "bob", "x", UUID)
NUMBERS = (0, 1, -1, 2, 63, 64, 100, 101, 1_800_000_000, 10**11, 2**31, 2**63, 10**19, 10**40)
TEXTS = (
    *("", "bid", "ask", "yes", "no", "buy", "sell", "read", "write", "write::trade", "all", "open"),
    *("1", "0.01", "10.00", "0.5000", "0.505", "1e3", "９", "NaN", "-0", "1e-9", "9" * 40),
    *("good_till_canceled", "immediate_or_cancel", "fill_or_kill", "taker_at_cross", "maker"),
    *("event_contract", "margined", "rsa", "ed25519", "2026-11-20T10:30:15Z", "\u0000", "😀"),
)
FIELDS = (
    *("ticker", "tickers", "market_ticker", "market_tickers", "event_ticker", "series_ticker"),
    *("limit", "cursor", "depth", "status", "subaccount", "subaccount_number", "exchange_index"),
    *("min_ts", "max_ts", "start_ts", "end_ts", "period_interval", "with_nested_markets"),
    *("side", "action", "type", "count", "count_fp", "price", "yes_price", "no_price", "orders"),
    *("yes_price_dollars", "reduce_by", "reduce_to", "time_in_force", "expiration_time", "ids"),
    *("self_trade_prevention_type", "client_order_id", "updated_client_order_id", "order_id"),
    *("post_only", "reduce_only", "order_group_id", "cancel_order_on_pause", "expiration_ts"),
    *("contracts_limit", "contracts_limit_fp", "client_transfer_id", "from_subaccount", "amount"),
    *("to_subaccount", "amount_cents", "enabled", "name", "public_key", "scopes", "key_type"),
    *("source", "destination", "allocations", "resting_margin_reservation", "percent"),
    *("count_filter", "settlement_status", "mve_filter", "is_block_trade", "fcm_subtrader_id"),
)

leaves = (
    st.none()
    | st.booleans()
    | st.sampled_from(NUMBERS)
    | st.floats()
    | st.sampled_from((*WORDS, *TEXTS))
    | st.text(max_size=12)
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=6,
)
pairs = st.lists(st.tuples(st.sampled_from(FIELDS) | st.text(max_size=5), values), max_size=10)


def as_object(fields) -> bytes:
    """Return a JSON object as written by somebody who does not mind NaN or a key that comes twice."""
    inside = ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in fields)
    return f"{{{inside}}}".encode()


PLAUSIBLE = (
    {
        "ticker": TICKER,
        "side": "bid",
        "count": "1",
        "price": "0.1000",
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
    },
    {
        "ticker": TICKER,
        "side": "yes",
        "action": "buy",
        "count": 1,
        "yes_price": 10,
        "type": "limit",
    },
    {"contracts_limit": 10},
    {"client_transfer_id": UUID, "from_subaccount": 0, "to_subaccount": 1, "amount_cents": 5},
    {"subaccount_number": 1, "enabled": True},
    {"name": "n", "key_type": "ed25519", "scopes": ["read"], "public_key": "x"},
    {
        "source": "event_contract",
        "destination": "event_contract",
        "amount": 1,
        "destination_subaccount": 1,
    },
    {"allocations": [{"exchange_index": 0, "percent": 100}]},
    {"reduce_by": "1"},
)
"""Bodies that some route takes; the test spoils one field or another of them."""
spoiled = st.builds(lambda whole, some: whole | dict(some), st.sampled_from(PLAUSIBLE), pairs)
bodies = (
    pairs.map(as_object)
    | spoiled.map(json.dumps).map(str.encode)
    | st.lists(spoiled, max_size=3).map(lambda some: json.dumps({"orders": some}).encode())
    | st.lists(pairs.map(as_object), max_size=3).map(
        lambda items: b'{"orders":[' + b",".join(items) + b"]}"
    )
    | values.map(json.dumps).map(str.encode)
    | st.binary(max_size=30)
    | st.sampled_from([b"", b"[" * 5_000, b'{"a":' * 5_000, b"\xef\xbb\xbf{}", b'"\\ud800"'])
)
queries = st.lists(
    st.tuples(
        st.sampled_from(FIELDS) | st.text(max_size=5),
        st.sampled_from((*WORDS, *TEXTS))
        | st.sampled_from(NUMBERS).map(str)
        | st.text(max_size=20),
    ),
    max_size=5,
)
segments = (
    st.sampled_from(WORDS)
    | st.text(min_size=1, max_size=8).map(lambda text: quote(text, safe=""))
    | st.binary(min_size=1, max_size=8).map(lambda raw: quote_from_bytes(raw, safe=""))
    | st.text("!$%&'()*+,;=:@-._~0aZ", min_size=1, max_size=8)
)
latin = st.text(st.characters(max_codepoint=255), max_size=30)


def lived_in() -> RestBench:
    """Return a bench where something of most kinds is there to be hit."""
    bench = RestBench()
    account = bench.venue.account("ann")
    now = bench.now()
    bench.venue.bank.open_subaccount(account, now)
    bench.venue.groups.create(account, "group", Count(1000), now)
    bench.rest_order(group_id="group")
    bench.rest_order("bob")
    bench.settle()
    return bench


def all_routes() -> list[tuple[str, str]]:
    """Return (method, template) of the whole table, for which an empty venue will do."""
    desk = Desk(
        venue=Venue(ids=lambda: "id"),
        keys=KeyRegistry(),
        settings=DEFAULT_SETTINGS,
        new_id=lambda: "id",
    )
    table = routes_of(desk)
    return [(method, template) for template, methods in table.items() for method in methods]


bounded = settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.parametrize(("method", "template"), all_routes())
@bounded
@given(data=st.data(), query=queries, body=bodies)
async def test_no_request_gives_a_500(method, template, data, query, body):
    bench = lived_in()
    path = template
    while "{}" in path:
        path = path.replace("{}", data.draw(segments, label="segment"), 1)
    if path.endswith("/"):
        path += "x"
    headers = bench.signed("ann", method, API + path) | {"content-type": "application/json"}
    request = Request(
        method=method, path=API + path, query=tuple(query), headers=headers, body=body
    )
    response = await bench.api.handle(request)
    assert 200 <= response.status < 500
    assert response.status == 204 or json.loads(response.body) is not None
    # Time goes on, and whatever was accepted can be carried on with.
    bench.env.offset_ns += 3_700_000_000_000
    bench.settle()
    bench.venue.check_money()


@settings(max_examples=1000, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["kalshi-access-key", "kalshi-access-timestamp", "kalshi-access-signature"])
        | st.sampled_from(["content-type", "accept", "x"]),
        latin | st.sampled_from(["ann", "1800000000000", "AAAA", "9" * 16]),
    ),
    st.sampled_from(["/markets", "/portfolio/balance"]),
)
async def test_no_headers_give_a_500(headers, path):
    response = await RestBench().send("GET", path, by=None, headers=headers)
    assert response.status in (200, 401)
    assert json.loads(response.body)


visible = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="?#"))


@settings(max_examples=1000, deadline=None)
@given(st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "X"]), visible)
async def test_no_path_gives_a_500(method, tail):
    bench = RestBench()
    path = f"{API}/{tail}"
    headers = bench.signed("ann", method, path)
    response = await bench.api.handle(
        Request(method=method, path=path, query=(("a", "b"),), headers=headers)
    )
    assert response.status in (200, 301, 400, 404, 405)


async def test_a_giant_query_is_only_a_query(autojump_clock):
    query = tuple(("tickers", "x" * 60) for _ in range(256))
    response = await RestBench().send("GET", "/markets", query=query)
    assert response.status in (200, 400)


def test_the_table_is_not_empty():
    routes = all_routes()
    assert len(routes) > 60
    assert ("PUT", "/portfolio/order_groups/{}/reset") in routes

"""Every dialect's writes go to one subaccount of one engine, and refusals of both kinds read alike."""

from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.paper.rest.orders import OTHER, TICKER, V1, V2, bench_with_book, with_subaccount
from tests.paper.venues import bid
from traderd.kalshi.wire.errors import Refusal, RequestRefused
from traderd.paper.rest.call import Call, refusal_of
from traderd.paper.rest.order_desk import OrderDesk, Whose, error_of
from traderd.paper.serving.http_server import Request
from traderd.paper.settings import Dialect
from traderd.paper.venue.messages import VenueRefusal


def call_of(bench, key_id: str = "ann") -> Call:
    request = Request(method="DELETE", path="/", query=(), headers={})
    key = next(key for key in bench.keys.of("ann") if key.key_id == key_id)
    return Call(request=request, key=key, now=bench.now())


async def test_a_cancel_goes_where_the_request_or_its_key_says(autojump_clock):
    bench = with_subaccount(bench_with_book())
    desk = OrderDesk(bench.venue)
    made = bench.venue.create_order("ann", bid("1", "0.1"), None, bench.now(), subaccount=1)
    for wrong in (Whose(), Whose(subaccount=1, ticker=OTHER)):
        with pytest.raises(VenueRefusal, match="not_found"):
            desk.cancel(call_of(bench), made.order_id, wrong)
    with pytest.raises(RequestRefused, match="market not found"):
        desk.cancel(call_of(bench), made.order_id, Whose(subaccount=1, engine=1))
    assert desk.cancel(call_of(bench, "locked"), made.order_id, Whose()).reduced_by == 100


def test_an_item_of_a_batch_carries_a_refusal_without_empty_words():
    assert error_of(VenueRefusal(409, "a_b")) == {"code": "a_b", "message": "a b"}
    refused = RequestRefused(Refusal(status=400, code="c", message="m", details="d"))
    assert error_of(refused) == {"code": "c", "message": "m", "details": "d"}
    assert refusal_of(VenueRefusal(409, "a_b", details="d")).status == 409


counts = st.sampled_from(["1", "0.01", "2.50", "7", "0", "-1", "1e3", "99999999999999999999", ""])
prices = st.sampled_from(["0.10", "0.45", "0.5200", "0.60", "0.99", "1", "0", "0.505", "x"])
wholes = st.sampled_from([0, 1, 2, 7, -1, 63, 64, 10**12, 10**40, 1.5])
texts = st.sampled_from(["a", "b", "", "id-1", "id-3", "id-5", TICKER, OTHER, "\u0000", "😀"])
FIELDS = {
    "ticker": st.sampled_from([TICKER, OTHER, "NOPE"]),
    "market_ticker": st.sampled_from([TICKER, OTHER, "NOPE"]),
    "side": st.sampled_from(["bid", "ask", "yes", "no"]),
    "action": st.sampled_from(["buy", "sell", "hold"]),
    "type": st.sampled_from(["limit", "market", "stop"]),
    "count": counts | wholes,
    "count_fp": counts,
    "price": prices,
    **dict.fromkeys(["yes_price", "no_price", "buy_max_cost", "sell_position_floor"], wholes),
    **dict.fromkeys(["yes_price_dollars", "no_price_dollars"], prices),
    **dict.fromkeys(["reduce_by", "reduce_to", "reduce_by_fp", "reduce_to_fp"], counts | wholes),
    "time_in_force": st.sampled_from([
        "good_till_canceled",
        "immediate_or_cancel",
        "fill_or_kill",
        "GTC",
    ]),
    "self_trade_prevention_type": st.sampled_from(["taker_at_cross", "maker", "none"]),
    **dict.fromkeys(["client_order_id", "updated_client_order_id", "order_group_id"], texts),
    **dict.fromkeys(["expiration_time", "expiration_ts", "subaccount", "exchange_index"], wholes),
    **dict.fromkeys(["post_only", "reduce_only", "cancel_order_on_pause"], st.booleans()),
    "order_id": texts,
    "ids": st.lists(texts, max_size=2),
}
RIGHT = {
    "ticker": TICKER,
    "side": "bid",
    "count": "2",
    "price": "0.60",
    "time_in_force": "good_till_canceled",
    "self_trade_prevention_type": "maker",
}
RIGHT_V1 = {"ticker": TICKER, "side": "no", "action": "buy", "count": 2, "no_price": 60}
# Nearly right ones get furthest: all fields are right but for a few.
changes = st.lists(st.sampled_from(sorted(FIELDS)), max_size=4, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: FIELDS[name] for name in names})
)
bodies = st.builds(
    lambda base, more: {**base, **more}, st.sampled_from([RIGHT, RIGHT_V1, {}]), changes
)
WRITES = [
    (method, path + tail)
    for path in (V1, V2)
    for method, tail in (
        ("POST", ""),
        ("DELETE", ""),
        ("DELETE", "/{}"),
        ("POST", "/{}/amend"),
        ("POST", "/{}/decrease"),
        ("POST", "/batched"),
        ("DELETE", "/batched"),
    )
]
writes = st.tuples(
    st.sampled_from(WRITES),
    st.integers(0, 3),
    bodies | st.lists(bodies, max_size=3).map(lambda orders: {"orders": orders}),
    st.dictionaries(
        st.sampled_from(["subaccount", "exchange_index", "market_ticker"]),
        st.sampled_from(["0", "1", "-1", "64", TICKER]),
        max_size=1,
    ),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from(Dialect), st.lists(writes, max_size=25))
async def test_no_write_in_any_dialect_fails_or_makes_money(autojump_clock, dialect, asked):
    bench = with_subaccount(bench_with_book(dialect=dialect))
    bench.rest_order()
    for (method, path), nth, body, query in asked:
        orders = bench.venue.orders("ann")
        order_id = orders[min(nth, len(orders) - 1)].order_id
        for by in ("ann", "locked"):
            target = f"{path.format(order_id)}?{urlencode(query)}"
            status, answer = await bench.ask(method, target, body, by=by)
            assert status < 500, (method, target, body, answer)
            assert (answer is None) == (status == 204)
    bench.venue.check_money()
    for name in ("ann", "bob"):
        for path in ("orders", "fills", "positions", "settlements", "balance"):
            assert (await bench.ask("GET", f"/portfolio/{path}", by=name))[0] == 200

"""Reads of settlements."""

from tests.paper.rest.orders import (
    OTHER,
    TICKER,
    V2,
    bench_with_book,
    later,
    legacy_bench,
    order,
    settle,
    with_subaccount,
)

PATH = "/portfolio/settlements"


async def traded(bench):
    for body in (
        order("bid", "2", "0.52", ticker=OTHER),
        order("ask", "1", "0.45"),
        order("bid", "1", "0.52", subaccount=1),
    ):
        assert (await bench.ask("POST", V2, body))[0] == 201
    settle(bench, OTHER, "yes")
    later(bench, 1)
    settle(bench, TICKER, "yes")
    return bench


async def found(bench, query: str = "", **more) -> list[tuple[str, int]]:
    status, body = await bench.ask("GET", f"{PATH}{query}", **more)
    assert status == 200, body
    return [(each["ticker"], each["revenue"]) for each in body["settlements"]]


async def test_a_settlement_is_shown_with_every_field(autojump_clock):
    bench = await traded(with_subaccount(bench_with_book()))
    _, body = await bench.ask("GET", f"{PATH}?ticker={OTHER}")
    assert body == {
        "settlements": [
            {
                "ticker": OTHER,
                "exchange_index": 0,
                "event_ticker": "KXFEES-26DEC31",
                "market_result": "yes",
                "yes_count_fp": "2.00",
                "yes_total_cost_dollars": "1.040000",
                "no_count_fp": "0.00",
                "no_total_cost_dollars": "0.000000",
                "revenue": 200,
                "settled_time": "2027-01-15T08:00:00Z",
                "fee_cost": "0.035000",
                "value": 100,
            }
        ],
        "cursor": "",
    }


async def test_settlements_are_filtered_and_paged_newest_first(autojump_clock):
    bench = await traded(with_subaccount(bench_with_book()))
    seconds = bench.now() // 1_000_000_000
    everything = await found(bench)
    assert everything == [(TICKER, 100), (TICKER, 0), (OTHER, 200)]
    assert await found(bench, "?event_ticker=KXFEES-26DEC31") == [(OTHER, 200)]
    assert await found(bench, "?event_ticker=NOPE") == []
    assert await found(bench, "?subaccount=1") == [(TICKER, 100)]
    assert await found(bench, by="locked") == [(TICKER, 100)]
    assert await found(bench, f"?max_ts={seconds - 1}") == [(OTHER, 200)]
    assert await found(bench, f"?min_ts={seconds}&subaccount=0") == [(TICKER, 0)]
    assert (await bench.ask("GET", f"{PATH}?limit=0"))[0] == 400
    _, body = await bench.ask("GET", f"{PATH}?limit=2")
    assert await found(bench, f"?limit=2&cursor={body['cursor']}") == everything[2:]


async def test_settlements_leave_the_live_list(autojump_clock):
    bench = await traded(with_subaccount(bench_with_book(historical_after_s=60)))
    later(bench, 60)
    assert await found(bench) == [(TICKER, 100), (TICKER, 0)]
    later(bench, 1)
    assert await found(bench) == []


async def test_the_legacy_dialect_adds_the_integers(autojump_clock):
    bench = await traded(with_subaccount(legacy_bench()))
    _, body = await bench.ask("GET", f"{PATH}?ticker={TICKER}&subaccount=0")
    ints = {"yes_count": 0, "yes_total_cost": 0, "no_count": 1, "no_total_cost": 55}
    assert {name: body["settlements"][0][name] for name in ints} == ints

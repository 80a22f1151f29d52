"""Reads of fills."""

from tests.paper.rest.orders import (
    OTHER,
    TICKER,
    V2,
    bench_with_book,
    later,
    legacy_bench,
    order,
    with_subaccount,
)

PATH = "/portfolio/fills"


async def taken(bench, **more) -> str:
    body = order(price="0.99", time_in_force="immediate_or_cancel", **more)
    status, made = await bench.ask("POST", V2, body)
    assert (status, made["fill_count"]) == (201, "1.00"), made
    return made["order_id"]


async def found(bench, query: str = "", **more) -> list[str]:
    status, body = await bench.ask("GET", f"{PATH}{query}", **more)
    assert status == 200, body
    return [fill["order_id"] for fill in body["fills"]]


async def test_a_fill_is_shown_as_it_was_captured(autojump_clock):
    bench = bench_with_book()
    order_id = await taken(bench, ticker=OTHER, client_order_id="mine")
    _, body = await bench.ask("GET", PATH)
    (fill,) = body["fills"]
    assert fill == {
        "fill_id": fill["trade_id"],
        "trade_id": fill["trade_id"],
        "exchange_index": 0,
        "order_id": order_id,
        "ticker": OTHER,
        "market_ticker": OTHER,
        "outcome_side": "yes",
        "book_side": "bid",
        "side": "yes",
        "action": "buy",
        "count_fp": "1.00",
        "yes_price_dollars": "0.5200",
        "no_price_dollars": "0.4800",
        "is_taker": True,
        "fee_cost": "0.017500",
        "created_time": "2027-01-15T08:00:00Z",
        "ts": bench.now() // 1_000_000_000,
        "subaccount_number": 0,
    }
    assert body["cursor"] == ""


async def test_both_sides_share_a_trade_id(autojump_clock):
    bench = bench_with_book()
    await taken(bench)
    _, ours = await bench.ask("GET", PATH)
    _, theirs = await bench.ask("GET", PATH, by="bob")
    assert ours["fills"][0]["trade_id"] == theirs["fills"][0]["trade_id"]
    assert (theirs["fills"][0]["is_taker"], theirs["fills"][0]["book_side"]) == (False, "ask")


async def test_fills_are_filtered_and_paged(autojump_clock):
    bench = with_subaccount(bench_with_book())
    a = await taken(bench)
    later(bench, 1)
    b = await taken(bench, ticker=OTHER)
    c = await taken(bench, subaccount=1)
    seconds = bench.now() // 1_000_000_000
    assert await found(bench) == [c, b, a]
    assert await found(bench, f"?ticker={OTHER}") == [b]
    assert await found(bench, f"?ticker={OTHER},{TICKER}") == [c, b, a]
    assert await found(bench, f"?order_id={a}") == [a]
    assert await found(bench, f"?max_ts={seconds - 1}") == [a]
    assert await found(bench, f"?min_ts={seconds}&subaccount=0") == [b]
    assert await found(bench, "?exchange_index=1") == []
    assert await found(bench, by="locked") == [c]
    assert (await bench.ask("GET", f"{PATH}?limit=0"))[0] == 400
    _, body = await bench.ask("GET", f"{PATH}?limit=2")
    assert await found(bench, f"?limit=2&cursor={body['cursor']}") == [a]
    tickers = ",".join(f"T{n}" for n in range(101))
    assert (await bench.ask("GET", f"{PATH}?ticker={tickers}"))[0] == 400


async def test_fills_become_history(autojump_clock):
    bench = bench_with_book(historical_after_s=60)
    a = await taken(bench)
    later(bench, 60)
    b = await taken(bench)
    assert await found(bench) == [b, a]
    later(bench, 1)
    assert await found(bench) == [b]


async def test_the_legacy_dialect_adds_the_integers_and_the_client_order_id(autojump_clock):
    bench = legacy_bench()
    await taken(bench, client_order_id="mine")
    _, body = await bench.ask("GET", PATH)
    legacy = {
        "count": 1,
        "price": 0.52,
        "yes_price": 52,
        "no_price": 48,
        "yes_price_fixed": "0.5200",
        "no_price_fixed": "0.4800",
        "client_order_id": "mine",
    }
    assert {name: body["fills"][0][name] for name in legacy} == legacy

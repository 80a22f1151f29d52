"""Reads of positions, by market and by event."""

import pytest

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

PATH = "/portfolio/positions"


async def trade(bench, side: str, count: str, price: str, **more) -> None:
    body = order(side, count, price, time_in_force="fill_or_kill", **more)
    assert (await bench.ask("POST", V2, body))[0] == 201


async def tickers(bench, query: str = "", **more) -> list[str]:
    status, body = await bench.ask("GET", f"{PATH}{query}", **more)
    assert status == 200, body
    return [each["ticker"] for each in body["market_positions"]]


async def test_positions_are_shown_with_every_field(autojump_clock):
    bench = bench_with_book()
    await trade(bench, "bid", "3", "0.52", ticker=OTHER)
    status, body = await bench.ask("GET", PATH)
    assert status == 200
    assert body == {
        "cursor": "",
        "market_positions": [
            {
                "ticker": OTHER,
                "exchange_index": 0,
                "position_fp": "3.00",
                "total_traded_dollars": "1.560000",
                "market_exposure_dollars": "1.560000",
                "realized_pnl_dollars": "0.000000",
                "fees_paid_dollars": "0.052500",
                "last_updated_ts": "2027-01-15T08:00:00Z",
            }
        ],
        "event_positions": [
            {
                "event_ticker": "KXFEES-26DEC31",
                "total_cost_dollars": "1.560000",
                "total_cost_shares_fp": "3.00",
                "event_exposure_dollars": "1.560000",
                "realized_pnl_dollars": "0.000000",
                "fees_paid_dollars": "0.052500",
            }
        ],
    }


async def test_a_short_position_is_negative_and_reduction_realizes_at_average_cost(autojump_clock):
    bench = bench_with_book()
    await trade(bench, "ask", "4", "0.45")
    await trade(bench, "bid", "1", "0.52")
    _, body = await bench.ask("GET", PATH)
    (held,) = body["market_positions"]
    # Three NO at 0.55 are left; the one sold back at 0.48 lost seven cents.
    assert (held["position_fp"], held["market_exposure_dollars"]) == ("-3.00", "1.650000")
    assert held["realized_pnl_dollars"] == "-0.070000"


async def test_positions_are_filtered_and_paged(autojump_clock):
    bench = with_subaccount(bench_with_book())
    await trade(bench, "bid", "1", "0.52")
    await trade(bench, "bid", "1", "0.52", ticker=OTHER)
    await trade(bench, "ask", "1", "0.45", ticker=OTHER)
    await trade(bench, "bid", "1", "0.52", subaccount=1)
    assert await tickers(bench) == [TICKER, OTHER]
    assert await tickers(bench, "?count_filter=position") == [TICKER]
    assert await tickers(bench, "?count_filter=position,total_traded") == [TICKER, OTHER]
    assert await tickers(bench, f"?ticker={OTHER}") == [OTHER]
    assert await tickers(bench, "?event_ticker=KXFEES-26DEC31") == [OTHER]
    assert await tickers(bench, "?event_ticker=NOPE") == []
    assert await tickers(bench, "?exchange_index=1") == []
    assert await tickers(bench, "?subaccount=1") == [TICKER]
    assert await tickers(bench, by="locked") == [TICKER]
    _, body = await bench.ask("GET", f"{PATH}?limit=1")
    assert [each["event_ticker"] for each in body["event_positions"]] == ["KXDEMO-26DEC31"]
    assert await tickers(bench, f"?limit=1&cursor={body['cursor']}") == [OTHER]


@pytest.mark.parametrize("query", ["count_filter=volume", "settlement_status=open", "limit=0"])
async def test_words_that_are_none_are_refused(autojump_clock, query):
    status, body = await bench_with_book().ask("GET", f"{PATH}?{query}")
    assert (status, list(body)) == (400, ["msg"])


async def test_settled_positions_are_shown_when_asked_for_and_become_history(autojump_clock):
    bench = bench_with_book(historical_after_s=60)
    await trade(bench, "bid", "2", "0.52")
    await trade(bench, "bid", "1", "0.52", ticker=OTHER)
    settle(bench)
    assert await tickers(bench) == [OTHER]
    assert await tickers(bench, "?settlement_status=settled") == [TICKER]
    assert await tickers(bench, "?settlement_status=all") == [TICKER, OTHER]
    _, body = await bench.ask("GET", f"{PATH}?settlement_status=settled")
    (held,) = body["market_positions"]
    assert (held["position_fp"], held["realized_pnl_dollars"]) == ("0.00", "0.960000")
    later(bench, 61)
    assert await tickers(bench, "?settlement_status=all") == [OTHER]


async def test_the_legacy_dialect_adds_the_integers(autojump_clock):
    bench = legacy_bench()
    await trade(bench, "ask", "2", "0.45")
    await bench.ask("POST", V2, order(count="5"))
    _, body = await bench.ask("GET", PATH)
    ints = {
        "total_traded": 110,
        "position": -2,
        "market_exposure": 110,
        "realized_pnl": 0,
        "fees_paid": 0,
        "resting_orders_count": 5,
    }
    assert {name: body["market_positions"][0][name] for name in ints} == ints
    assert body["event_positions"][0]["total_cost_shares"] == 2

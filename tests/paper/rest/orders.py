"""What the tests of order entry share: a body that is right, and a bench with something on the book."""

from __future__ import annotations

from typing import Any

from tests.paper.rest.desks import RestBench
from tests.paper.venues import STANDARD, TICKER, ask, bid, list_market, market
from traderd.paper.settings import Dialect
from traderd.paper.venue.listings import Result

V2 = "/portfolio/events/orders"
V1 = "/portfolio/orders"
OTHER = "KXFEES-26DEC31-B"
"""A market with Kalshi's usual fees; the first has none."""
NOT_FOUND = (404, {"error": {"code": "not_found", "message": "not found"}})


def order(side: str = "bid", count: str = "1", price: str = "0.40", **more: Any) -> dict[str, Any]:
    body = {
        "ticker": TICKER,
        "side": side,
        "count": count,
        "price": price,
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
    }
    return {name: value for name, value in (body | more).items() if value is not None}


def v1_order(action: str = "buy", side: str = "yes", count: int = 1, **more: Any) -> dict[str, Any]:
    return {"ticker": TICKER, "action": action, "side": side, "count": count} | more


def bench_with_book(**settings: Any) -> RestBench:
    """Bob quotes 0.45 / 0.52 in both markets."""
    bench = RestBench(**settings)
    list_market(bench.venue, market(OTHER, fees=STANDARD))
    for ticker in (TICKER, OTHER):
        bench.venue.create_order("bob", bid("10", "0.45", ticker=ticker), None, bench.now())
        bench.venue.create_order("bob", ask("10", "0.52", ticker=ticker), None, bench.now())
    return bench


def legacy_bench(**settings: Any) -> RestBench:
    return bench_with_book(dialect=Dialect.LEGACY, **settings)


def with_subaccount(bench: RestBench, *, locked_key: str = "locked") -> RestBench:
    """Give ann a subaccount 1 with money, and a key that may use nothing else."""
    account = bench.venue.account("ann")
    number = bench.venue.bank.open_subaccount(account, bench.now())
    bench.venue.bank.transfer(account, "t", 0, number, 100_000_000, bench.now())
    bench.add_key(locked_key, "ann", subaccount=number)
    return bench


def settle(bench: RestBench, ticker: str = TICKER, result: str = "yes") -> None:
    """Let a market end and pay out now."""
    bench.venue.life.determine(ticker, Result(result), None, bench.now())
    bench.venue.life.finalize(ticker, bench.now())


def later(bench: RestBench, seconds: float) -> None:
    bench.env.offset_ns += round(seconds * 1_000_000_000)

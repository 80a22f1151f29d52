"""The historical tier and the live lists: everything is in exactly one of them."""

from tests.paper.rest.desks import RestBench
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


async def aged(bench: RestBench) -> RestBench:
    """Fill, cancel and rest orders, settle one market, and let a minute and more go by between the halves."""
    for _ in range(2):
        await bench.ask("POST", V2, order(price="0.52"))
        await bench.ask("POST", V2, order(price="0.52", ticker=OTHER, subaccount=1))
        await bench.ask("POST", V2, order(price="0.10"))
        _, made = await bench.ask("POST", V2, order(price="0.11"))
        await bench.ask("DELETE", f"{V2}/{made['order_id']}")
        later(bench, 40)
    settle(bench, TICKER)
    later(bench, 40)
    return bench


async def listed(bench: RestBench, path: str, name: str, key: str, query: str = "", **more) -> list:
    status, body = await bench.ask("GET", f"{path}{query}", **more)
    assert status == 200, body
    return [each[key] for each in body[name]]


async def test_orders_and_fills_are_live_or_historical_and_never_both(autojump_clock):
    bench = await aged(with_subaccount(bench_with_book(historical_after_s=100)))
    for name, key, total in (("orders", "order_id", 8), ("fills", "order_id", 4)):
        live = await listed(bench, f"/portfolio/{name}", name, key)
        past = await listed(bench, f"/historical/{name}", name, key)
        assert live
        assert past
        assert len(live) + len(past) == len({*live, *past}) == total


async def test_history_is_filtered_and_paged(autojump_clock):
    bench = await aged(with_subaccount(bench_with_book(historical_after_s=100)))
    for name in ("orders", "fills"):
        path = f"/historical/{name}"
        everything = await listed(bench, path, name, "order_id")
        inner = await listed(bench, path, name, "order_id", "?subaccount=1")
        assert len(inner) == 1
        assert await listed(bench, path, name, "order_id", f"?ticker={OTHER}") == inner
        assert await listed(bench, path, name, "order_id", by="locked") == inner
        assert await listed(bench, path, name, "order_id", "?max_ts=5") == []
        _, body = await bench.ask("GET", f"{path}?limit=1")
        rest = await listed(bench, path, name, "order_id", f"?cursor={body['cursor']}")
        assert rest == everything[1:]
        assert (await bench.ask("GET", f"{path}?limit=1001"))[0] == 400
        assert (await bench.ask("GET", f"{path}?limit=0"))[0] == 400


async def test_settled_positions_become_history(autojump_clock):
    bench = await aged(with_subaccount(bench_with_book(historical_after_s=100)))
    path, name, key = "/historical/positions", "market_positions", "ticker"
    assert await listed(bench, path, name, key) == []
    later(bench, 61)
    assert await listed(bench, path, name, key) == [TICKER]
    assert await listed(bench, path, name, key, f"?ticker={OTHER}") == []
    assert await listed(bench, path, name, key, "?subaccount=1") == []
    assert await listed(bench, path, "event_positions", "event_ticker") == ["KXDEMO-26DEC31"]


async def test_history_speaks_the_legacy_dialect_too(autojump_clock):
    bench = await aged(with_subaccount(legacy_bench(historical_after_s=1)))
    assert await listed(bench, "/historical/orders", "orders", "yes_price")
    assert await listed(bench, "/historical/fills", "fills", "count")
    assert await listed(bench, "/historical/positions", "market_positions", "position") == [0]

"""Reads of money."""

from tests.paper.rest.orders import V2, bench_with_book, order, with_subaccount

PATH = "/portfolio/balance"
RESTING = "/portfolio/summary/total_resting_order_value"


async def test_a_balance_is_cut_to_cents_and_told_in_dollars(autojump_clock):
    bench = bench_with_book()
    body = order(price="0.99", ticker="KXFEES-26DEC31-B", time_in_force="immediate_or_cancel")
    await bench.ask("POST", V2, body)
    assert await bench.ask("GET", PATH) == (
        200,
        {
            "balance": 99_946,
            "balance_dollars": "999.4625",
            "portfolio_value": 45,
            "updated_ts": bench.now() // 1_000_000_000,
            "balance_breakdown": [{"exchange_index": 0, "balance": "999.4625"}],
        },
    )


async def test_what_orders_tie_up_is_taken_off_or_not_by_the_settings(autojump_clock):
    for available, dollars in ((True, "996.0000"), (False, "1000.0000")):
        bench = bench_with_book(balance_is_available=available)
        await bench.ask("POST", V2, order(count="10"))
        _, body = await bench.ask("GET", PATH)
        assert body["balance_dollars"] == dollars


async def test_a_balance_is_one_subaccounts_and_one_engines(autojump_clock):
    bench = with_subaccount(bench_with_book())
    _, body = await bench.ask("GET", f"{PATH}?subaccount=1")
    assert body["balance_dollars"] == "100.0000"
    _, body = await bench.ask("GET", PATH)
    assert body["balance_dollars"] == "900.0000"
    _, body = await bench.ask("GET", f"{PATH}?exchange_index=2")
    assert (body["balance"], body["portfolio_value"], body["balance_breakdown"]) == (0, 0, [])
    assert (await bench.ask("GET", f"{PATH}?subaccount=5"))[0] == 400


async def test_a_locked_key_sees_its_own_balance_without_a_breakdown(autojump_clock):
    bench = with_subaccount(bench_with_book())
    _, body = await bench.ask("GET", PATH, by="locked")
    assert body["balance_dollars"] == "100.0000"
    assert "balance_breakdown" not in body
    assert (await bench.ask("GET", f"{PATH}?subaccount=0", by="locked"))[0] == 403
    assert (await bench.ask("GET", RESTING, by="locked"))[0] == 403


async def test_the_balance_needs_only_its_own_scope(autojump_clock):
    bench = bench_with_book()
    bench.add_key("narrow", "ann", scopes=("read::portfolio_balance",))
    assert (await bench.ask("GET", PATH, by="narrow"))[0] == 200
    assert (await bench.ask("GET", "/portfolio/positions", by="narrow"))[0] == 403


async def test_resting_orders_are_worth_what_they_would_cost(autojump_clock):
    bench = with_subaccount(bench_with_book())
    await bench.ask("POST", V2, order(count="10"))
    await bench.ask("POST", V2, order("ask", "1.5", "0.60", subaccount=1))
    assert await bench.ask("GET", RESTING) == (
        200,
        {
            "total_resting_order_value": 460,
            "resting_order_value_breakdown": [{"exchange_index": 0, "balance": "4.6000"}],
        },
    )

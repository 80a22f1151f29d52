"""What a plan does to requests, seen from a client; the switches are tested with the exchange."""

from functools import partial

import h11
import pytest
import trio

from tests.paper.faulty import bench_with, rule
from tests.paper.served import API, open_bench, signed
from traderd.paper.faults.faults import ORDERS
from traderd.paper.faults.request_door import claimed_account


async def client_ids(trader, status: str) -> list[str]:
    _, listed = await trader.ask("GET", "/portfolio/orders")
    return [o["client_order_id"] for o in listed["orders"] if o["status"] == status]


async def test_a_rule_strikes_only_its_account(autojump_clock):
    async with bench_with({"kind": "refused", "status": 503, "account": "ann"}) as bench:
        ann, bob = await bench.trader("ann"), await bench.trader("bob")
        assert (await ann.ask("GET", "/portfolio/balance"))[0] == 503
        assert (await bob.ask("GET", "/portfolio/balance"))[0] == 200
        # Nobody's requests are not ann's either.
        nobody = await bench.client()
        assert (await nobody.ask("GET", f"{API}/markets"))[0] == 200


async def test_every_second_create_gets_429_and_was_not_placed(autojump_clock):
    second = {"kind": "refused", "status": 429, "method": "POST", "path": ORDERS, "every": 2}
    async with bench_with(second) as bench:
        ann = await bench.trader()
        told = [await ann.place("bid", "1", "0.10", client_order_id=f"c{n}") for n in range(4)]
        assert [status for status, _ in told] == [201, 429, 201, 429]
        assert told[1][1] == {"error": "too many requests"}
        assert await client_ids(ann, "resting") == ["c2", "c0"]


async def test_a_reply_can_be_lost_after_the_order_was_placed(autojump_clock):
    async with bench_with({"kind": "lost_reply", "method": "POST", "times": 1}) as bench:
        ann = await bench.trader()
        with pytest.raises(h11.RemoteProtocolError, match="ConnectionClosed"):
            await ann.place("bid", "1", "0.10", client_order_id="lost")
        assert await client_ids(await bench.trader(), "resting") == ["lost"]


async def test_a_500_can_hide_an_order_that_was_placed(autojump_clock):
    async with bench_with({"kind": "spoiled_reply", "status": 500, "method": "POST"}) as bench:
        ann = await bench.trader()
        status, body = await ann.place("bid", "1", "0.10", client_order_id="hidden")
        assert (status, body["error"]["code"]) == (500, "internal_error")
        assert await client_ids(ann, "resting") == ["hidden"]


async def test_latency_lies_between_its_bounds(autojump_clock):
    async with bench_with({"kind": "slow_reply", "min_ms": 100, "max_ms": 300}) as bench:
        ann = await bench.trader()
        waits = []
        for _ in range(20):
            began = trio.current_time()
            assert (await ann.ask("GET", "/markets"))[0] == 200
            waits.append(trio.current_time() - began)
        assert 0.1 <= min(waits) < max(waits) <= 0.3


async def test_a_plan_repeats_with_its_seed(autojump_clock):
    async def statuses(seed: int) -> list[int]:
        async with open_bench(seed=seed) as bench:
            plan = [rule("refused", status=503, probability=0.4)]
            bench.exchange.faults.set_plan(plan)
            ann = await bench.trader()
            return [(await ann.ask("GET", "/markets"))[0] for _ in range(30)]

    first = await statuses(1)
    assert {*first} == {200, 503}
    assert first == await statuses(1)
    assert first != await statuses(2)


# --- cancel-all -----------------------------------------------------------------------------------


async def test_a_greedy_cancel_all_catches_what_is_placed_in_the_minute_after_it(autojump_clock):
    async with bench_with({"kind": "greedy_cancel_all"}) as bench:
        ann, bob = await bench.trader("ann"), await bench.trader("bob")
        await ann.place("bid", "1", "0.10", client_order_id="before")
        assert (await ann.ask("DELETE", ORDERS))[0] == 204
        assert (await ann.place("bid", "1", "0.10", client_order_id="caught"))[0] == 201
        await bob.place("bid", "1", "0.10", client_order_id="another account")
        assert await client_ids(ann, "canceled") == ["caught", "before"]
        assert await client_ids(bob, "resting") == ["another account"]
        await trio.sleep(60)
        ann = await bench.trader("ann")
        await ann.place("bid", "1", "0.10", client_order_id="after")
        assert await client_ids(ann, "resting") == ["after"]


async def test_a_cancel_all_is_exact_without_the_fault(autojump_clock):
    async with open_bench() as bench:
        ann = await bench.trader()
        assert (await ann.ask("DELETE", ORDERS))[0] == 204
        await ann.place("bid", "1", "0.10", client_order_id="stays")
        assert await client_ids(ann, "resting") == ["stays"]


async def test_a_reset_forgets_a_greedy_cancel_all(autojump_clock):
    async with bench_with({"kind": "greedy_cancel_all"}) as bench:
        ann = await bench.trader()
        assert (await ann.ask("DELETE", ORDERS))[0] == 204
        bench.exchange.reset()
        await ann.place("bid", "1", "0.10", client_order_id="stays")
        assert await client_ids(ann, "resting") == ["stays"]


# --- the clock ------------------------------------------------------------------------------------


async def test_a_wrong_clock_is_in_the_date_and_in_the_judgement_of_signatures(autojump_clock):
    async with open_bench() as bench:
        ann = await bench.trader()
        path = f"{API}/portfolio/balance"
        credentials = bench.exchange.accounts["ann"]

        async def ask(skew_s: float):
            headers = signed(credentials, bench.env.wall_ns() + round(skew_s * 1e9), "GET", path)
            await ann.client.send("GET", path, headers=headers)
            status, answered, _ = await ann.client.read()
            return status, answered["date"]

        right, date = await ask(0)
        assert right == 200
        bench.exchange.faults.shift_clock(40)
        assert (await ask(0))[0] == 401
        shifted, later = await ask(40)
        assert shifted == 200
        assert later != date
        bench.exchange.faults.shift_clock(0)
        assert await ask(0) == (200, date)


async def test_a_wrong_clock_is_in_the_times_that_the_exchange_tells(autojump_clock):
    async with open_bench() as bench:
        ann = await bench.trader()
        _, right = await ann.place("bid", "1", "0.10")
        bench.exchange.faults.shift_clock(5)
        _, wrong = await ann.place("bid", "1", "0.10")
        assert wrong["ts_ms"] - right["ts_ms"] == 5_000


# --- who asks -------------------------------------------------------------------------------------


async def test_who_asks_is_taken_from_the_key_and_is_not_proven(autojump_clock):
    async with open_bench() as bench:
        exchange = bench.exchange
        who = partial(claimed_account, exchange.keys, exchange.venue)
        key_id = exchange.accounts["bob"].key_id
        assert who({"kalshi-access-key": key_id}) == "bob"
        assert who({"kalshi-access-key": "another"}) is None
        assert who({}) is None

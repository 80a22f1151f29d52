"""One exchange from its state file to its last task: over restarts, and on a real socket."""

import json
from functools import partial

import pytest
import trio

from tests.paper.served import API, FEED, RawClient, open_bench, scenario, signed, websocket
from traderd.errors import StoreError
from traderd.model.units import parse_money
from traderd.paper.ids import SeededIds
from traderd.paper.running import run_paper_exchange
from traderd.paper.scenario import default_scenario
from traderd.paper.settings import ExchangeSettings, Tier
from traderd.paper.state.file import open_state
from traderd.runtime.env import RealEnv

BASIC = ExchangeSettings(tier=Tier.BASIC)
UPGRADE = "/account/api_usage_level/upgrade"
TARGET = "/portfolio/target_balance_allocation"
WHOLE = {"allocations": [{"exchange_index": 0, "percent": 100}]}


# --- a past -----------------------------------------------------------------------------------------


def opened(path, accounts=None):
    """Serve an exchange that keeps everything in `path`; the first one makes ann."""
    cash = parse_money("1000")
    made = {"ann": cash} if accounts is None else accounts
    return open_bench(state=path, settings=BASIC, accounts=made, ids=SeededIds(7))


async def told(bench) -> tuple[str, dict]:
    """Return the tier and the target of ann."""
    trader = await bench.trader()
    tier = (await trader.ask("GET", "/account/limits"))[1]["usage_tier"]
    return tier, (await trader.ask("GET", TARGET))[1]


async def test_a_granted_tier_and_a_target_allocation_outlive_a_restart(autojump_clock, tmp_path):
    path = tmp_path / "exchange.sqlite3"
    async with opened(path) as bench:
        assert not bench.exchange.resumed
        trader = await bench.trader()
        await trader.place("bid", "1", "0.10")
        assert (await trader.ask("POST", UPGRADE, {}))[0] == 201
        assert (await trader.ask("POST", TARGET, WHOLE))[0] == 200
        before = await told(bench)
    for _ in range(2):
        async with opened(path) as bench:
            assert bench.exchange.resumed
            assert await told(bench) == before
    assert before == ("advanced", WHOLE | {"resting_margin_reservation": "sum"})


async def test_a_reset_takes_grants_and_targets_back_on_the_disk_too(autojump_clock, tmp_path):
    path = tmp_path / "exchange.sqlite3"
    async with opened(path) as bench:
        trader = await bench.trader()
        await trader.place("bid", "1", "0.10")
        await trader.ask("POST", UPGRADE, {})
        await trader.ask("POST", TARGET, WHOLE)
        bench.exchange.reset()
        after = await told(bench)
    async with opened(path) as bench:
        assert await told(bench) == after
    assert after == ("basic", {"allocations": [], "resting_margin_reservation": "sum"})


async def test_a_past_that_cannot_be_read_ends_the_exchange_before_it_serves(
    autojump_clock, tmp_path
):
    path = tmp_path / "exchange.sqlite3"
    file = open_state(path)
    file.write([("order", "x", b"{}")])
    file.close()
    with pytest.RaisesGroup(StoreError, flatten_subgroups=True) as caught:
        async with opened(path):
            raise AssertionError("it served")
    assert "order of the state file cannot be read" in str(caught.value.exceptions[0])


async def test_without_a_list_the_scenarios_accounts_have_their_own_cash(autojump_clock):
    carol = scenario(accounts=[{"name": "carol", "cash": "2.50"}])
    async with open_bench(accounts=None, scenario=carol) as bench:
        (account_id,) = bench.exchange.venue.account_ids()
        assert bench.exchange.venue.balance(account_id).cash == parse_money("2.50")


# --- a real socket --------------------------------------------------------------------------------


async def test_it_serves_on_a_real_loopback_socket():
    env = RealEnv(seed=1)
    with trio.fail_after(120):
        listener, port = await env.listen("127.0.0.1", 0)
        async with trio.open_nursery() as nursery:
            exchange = await nursery.start(
                partial(
                    run_paper_exchange,
                    env=env,
                    listener=listener,
                    address=f"127.0.0.1:{port}",
                    scenario=default_scenario(),
                    seed=1,
                    accounts={"ann": parse_money("1000")},
                    flow_rate=50.0,
                )
            )
            ann = exchange.accounts["ann"]
            async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                client, path = RawClient(stream), f"{API}/portfolio/balance"
                for _ in range(3):
                    headers = signed(ann, env.wall_ns(), "GET", path)
                    status, balance = await client.ask("GET", path, headers=headers)
                    assert (status, balance["balance_dollars"]) == (200, "1000.0000")
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            headers = signed(ann, env.wall_ns(), "GET", FEED)
            async with stream, websocket(stream, FEED, headers) as feed:
                tickers = [market.ticker for market in exchange.venue.markets()]
                command = {
                    "id": 1,
                    "cmd": "subscribe",
                    "params": {"channels": ["orderbook_delta"], "market_tickers": tickers},
                }
                await feed.send_message(json.dumps(command))
                frames = [json.loads(await feed.get_message()) for _ in range(23)]
            assert [frame["type"] for frame in frames[:13]] == [
                "subscribed",
                *["orderbook_snapshot"] * 12,
            ]
            assert [frame["seq"] for frame in frames[1:]] == list(range(1, 23))
            # Malformed input on a real socket still gets its answer before the close.
            async with await trio.open_tcp_stream("127.0.0.1", port) as raw:
                await raw.send_all(b"nonsense\r\n\r\n" + b"x" * 100_000)
                assert (await raw.receive_some(1000)).startswith(b"HTTP/1.1 400 ")
            assert exchange.server.failures == 0
            nursery.cancel_scope.cancel()

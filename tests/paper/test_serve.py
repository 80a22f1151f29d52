"""The stand-alone exchange as another process would find it."""

import json
from functools import partial
from pathlib import Path

import pytest
import trio

from tests.paper.served import API, A, RawClient, VirtualEnv, scenario, signed
from traderd.errors import ConfigError
from traderd.model.units import parse_money
from traderd.paper.exchange import Credentials
from traderd.paper.serve import serve_exchange
from traderd.runtime.env import RealEnv


def options(tmp_path: Path, env, **changes):
    return {
        "env": env,
        "host": "127.0.0.1",
        "port": 0,
        "scenario": scenario(),
        "seed": 1,
        "accounts": {"ann": parse_money("1000"), "bob": parse_money("25.50")},
        "keys_dir": tmp_path / "keys",
        "ready_file": tmp_path / "ready.json",
        "flow_rate": 0,
    } | changes


def credentials(account: dict) -> Credentials:
    return Credentials(
        name=account["name"],
        account_id="",
        key_id=account["key_id"],
        private_pem=Path(account["key_file"]).read_bytes(),
    )


async def balance_of(env, client: RawClient, account: dict) -> str:
    path = f"{API}/portfolio/balance"
    headers = signed(credentials(account), env.wall_ns(), "GET", path)
    status, body = await client.ask("GET", path, headers=headers)
    assert status == 200, body
    return body["balance_dollars"]


async def test_the_ready_file_tells_all_that_a_trader_needs(autojump_clock, tmp_path):
    env = VirtualEnv()
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(serve_exchange, **options(tmp_path, env)))
        ready = json.loads((tmp_path / "ready.json").read_bytes())
        assert ready["rest_url"] == "http://127.0.0.1:40000/trade-api/v2"
        assert ready["ws_url"] == "ws://127.0.0.1:40000/trade-api/ws/v2"
        client = RawClient(await env.connect("127.0.0.1", 40_000, tls=False))
        balances = {
            account["name"]: await balance_of(env, client, account) for account in ready["accounts"]
        }
        assert balances == {"ann": "1000.0000", "bob": "25.5000"}
        nursery.cancel_scope.cancel()
    assert not (tmp_path / "ready.json").exists()


async def test_keys_outlive_the_exchange(autojump_clock, tmp_path):
    env, seen = VirtualEnv(), []
    for _ in range(2):
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(serve_exchange, **options(tmp_path, env)))
            seen.append(json.loads((tmp_path / "ready.json").read_bytes())["accounts"])
            nursery.cancel_scope.cancel()
    assert seen[0] == seen[1]


async def test_without_a_ready_file_it_serves_all_the_same(autojump_clock, tmp_path):
    env = VirtualEnv()
    async with trio.open_nursery() as nursery:
        run = partial(serve_exchange, **options(tmp_path, env, ready_file=None, host="::1"))
        exchange = await nursery.start(run)
        assert exchange.rest_url == "http://[::1]:40000/trade-api/v2"
        client = RawClient(await env.connect("::1", 40_000, tls=False))
        assert (await client.ask("GET", f"{API}/markets/{A}"))[0] == 200
        nursery.cancel_scope.cancel()


async def test_a_ready_file_from_before_is_removed_first(autojump_clock, tmp_path):
    (tmp_path / "ready.json").write_text("stale")
    bad = options(tmp_path, VirtualEnv(), accounts={"../x": parse_money("1")})
    with pytest.raises(ConfigError, match="account's name"):
        await serve_exchange(**bad)
    assert not (tmp_path / "ready.json").exists()


async def test_a_ready_file_that_cannot_be_written_is_named(autojump_clock, tmp_path):
    run = options(tmp_path, VirtualEnv(), ready_file=tmp_path / "none" / "ready.json")
    with pytest.raises(ConfigError, match=r"ready\.json"):
        await serve_exchange(**run)


async def test_a_port_that_is_taken_is_named(tmp_path):
    env = RealEnv()
    listener, port = await env.listen("127.0.0.1", 0)
    async with listener:
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}"):
            await serve_exchange(**options(tmp_path, env, port=port))


async def test_it_serves_another_connection_on_a_real_port(tmp_path):
    env = RealEnv()
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(serve_exchange, **options(tmp_path, env, flow_rate=10.0)))
            ready = json.loads((tmp_path / "ready.json").read_bytes())
            port = int(ready["rest_url"].split(":")[2].split("/")[0])
            async with await env.connect("127.0.0.1", port, tls=False) as stream:
                bob = ready["accounts"][1]
                assert await balance_of(env, RawClient(stream), bob) == "25.5000"
            nursery.cancel_scope.cancel()
    assert not (tmp_path / "ready.json").exists()

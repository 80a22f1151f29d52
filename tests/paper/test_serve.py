"""The stand-alone exchange as another process would find it."""

import json
from functools import partial
from pathlib import Path

import pytest
import trio

from tests.paper.faulty import rule
from tests.paper.served import API, A, RawClient, VirtualEnv, scenario
from traderd.errors import ConfigError
from traderd.kalshi.auth import load_signer
from traderd.model.units import NS_PER_MS, parse_money
from traderd.paper.faults.plan import FaultPlan
from traderd.paper.serve import ServeOptions, serve_exchange
from traderd.paper.settings import ExchangeSettings, Tier
from traderd.runtime.env import RealEnv


def options(tmp_path: Path, **changes) -> ServeOptions:
    return ServeOptions(
        **{
            "host": "127.0.0.1",
            "port": 0,
            "scenario": scenario(),
            "seed": 1,
            "accounts": {"ann": parse_money("1000"), "bob": parse_money("25.50")},
            "keys_dir": tmp_path / "keys",
            "key_type": "ed25519",
            "ready_file": tmp_path / "ready.json",
            "flow_rate": 0,
        }
        | changes
    )


async def asked(env, client: RawClient, account: dict, method: str, path: str, body=None):
    signer = load_signer(account["key_id"], Path(account["key_file"]))
    headers = signer.headers(method, API + path, env.wall_ns() // NS_PER_MS)
    headers["content-type"] = "application/json"
    raw = b"" if body is None else json.dumps(body).encode()
    return await client.ask(method, API + path, raw, [*headers.items()])


async def balance_of(env, client: RawClient, account: dict) -> str:
    status, body = await asked(env, client, account, "GET", "/portfolio/balance")
    assert status == 200, body
    return body["balance_dollars"]


async def served(nursery: trio.Nursery, env, chosen: ServeOptions):
    return await nursery.start(partial(serve_exchange, chosen, env=env))


async def test_the_ready_file_tells_all_that_a_trader_needs(autojump_clock, tmp_path):
    env = VirtualEnv()
    async with trio.open_nursery() as nursery:
        await served(nursery, env, options(tmp_path))
        ready = json.loads((tmp_path / "ready.json").read_bytes())
        assert ready["rest_url"] == "http://127.0.0.1:40000/trade-api/v2"
        assert ready["ws_url"] == "ws://127.0.0.1:40000/trade-api/ws/v2"
        assert ready["admin_url"] == "http://127.0.0.1:40001/admin"
        assert (ready["seed"], ready["seeded"]) == (1, True)
        client = RawClient(await env.connect("127.0.0.1", 40_000, tls=False))
        balances = {
            account["name"]: await balance_of(env, client, account) for account in ready["accounts"]
        }
        assert balances == {"ann": "1000.0000", "bob": "25.5000"}
        nursery.cancel_scope.cancel()
    assert not (tmp_path / "ready.json").exists()


async def test_the_operator_finds_the_admin_address_by_its_private_file(autojump_clock, tmp_path):
    env = VirtualEnv()
    async with trio.open_nursery() as nursery:
        await served(nursery, env, options(tmp_path, host="0.0.0.0"))
        admin_file = tmp_path / "keys" / "admin.json"
        assert admin_file.stat().st_mode & 0o077 == 0
        admin = json.loads(admin_file.read_bytes())
        ready = json.loads((tmp_path / "ready.json").read_bytes())
        assert (ready["admin_url"], ready["admin_file"]) == (admin["admin_url"], str(admin_file))
        assert admin["token"] not in (tmp_path / "ready.json").read_text()
        # This machine only, whatever the exchange's own address is.
        assert admin["admin_url"] == "http://127.0.0.1:40001/admin"
        client = RawClient(await env.connect("127.0.0.1", 40_001, tls=False))
        headers = [("authorization", f"Bearer {admin['token']}")]
        await client.send("GET", "/admin/status", headers=headers)
        # RawClient names another host, as a page of an attacker would.
        assert (await client.read())[0] == 403
        nursery.cancel_scope.cancel()
    assert not admin_file.exists()


async def test_keys_outlive_the_exchange(autojump_clock, tmp_path):
    env, seen = VirtualEnv(), []
    for _ in range(2):
        async with trio.open_nursery() as nursery:
            await served(nursery, env, options(tmp_path))
            seen.append(json.loads((tmp_path / "ready.json").read_bytes())["accounts"])
            nursery.cancel_scope.cancel()
    assert seen[0] == seen[1]


async def test_without_a_ready_file_it_serves_all_the_same(autojump_clock, tmp_path):
    env = VirtualEnv()
    async with trio.open_nursery() as nursery:
        running = await served(nursery, env, options(tmp_path, ready_file=None, host="::1"))
        assert running.exchange.rest_url == "http://[::1]:40000/trade-api/v2"
        assert running.ready.rest_url == running.exchange.rest_url
        client = RawClient(await env.connect("::1", 40_000, tls=False))
        assert (await client.ask("GET", f"{API}/markets/{A}"))[0] == 200
        nursery.cancel_scope.cancel()


async def ids_of_one_run(tmp_path, seed: int | None) -> tuple[str, str]:
    """Place one order on a fresh exchange and return its id and its owner's."""
    env = RealEnvWithVirtualStreams()
    async with trio.open_nursery() as nursery:
        running = await served(nursery, env, options(tmp_path, seed=seed))
        client = RawClient(await env.connect("127.0.0.1", 40_000, tls=False))
        (ann, _) = json.loads((tmp_path / "ready.json").read_bytes())["accounts"]
        body = {
            "ticker": A,
            "side": "bid",
            "count": "1",
            "price": "0.10",
            "time_in_force": "good_till_canceled",
            "self_trade_prevention_type": "taker_at_cross",
        }
        status, made = await asked(env, client, ann, "POST", "/portfolio/events/orders", body)
        assert status == 201, made
        (account_id, _) = running.exchange.venue.account_ids()
        nursery.cancel_scope.cancel()
    return made["order_id"], account_id


class RealEnvWithVirtualStreams(VirtualEnv):
    """Ids that never repeat, as on a real machine."""

    _made = 0

    def new_id(self) -> str:
        type(self)._made += 1
        return f"00000000-0000-4000-8000-{self._made:012d}"


async def test_with_a_seed_every_id_repeats_and_without_one_none_does(autojump_clock, tmp_path):
    assert await ids_of_one_run(tmp_path, 7) == await ids_of_one_run(tmp_path, 7)
    assert await ids_of_one_run(tmp_path, 7) != await ids_of_one_run(tmp_path, 8)
    first, second = await ids_of_one_run(tmp_path, None), await ids_of_one_run(tmp_path, None)
    assert not {*first} & {*second}


async def test_a_seed_that_nobody_gave_is_told(autojump_clock, tmp_path):
    env = VirtualEnv()
    async with trio.open_nursery() as nursery:
        running = await served(nursery, env, options(tmp_path, seed=None))
        assert not running.ready.seeded
        assert 0 <= running.ready.seed < 2**32
        nursery.cancel_scope.cancel()


async def test_settings_and_faults_are_those_that_were_chosen(autojump_clock, tmp_path):
    env = VirtualEnv()
    chosen = options(
        tmp_path,
        settings=ExchangeSettings(tier=Tier.PREMIER),
        faults=FaultPlan(fault=(rule("refused", status=503, path="/markets"),)),
    )
    async with trio.open_nursery() as nursery:
        await served(nursery, env, chosen)
        ready = json.loads((tmp_path / "ready.json").read_bytes())
        client = RawClient(await env.connect("127.0.0.1", 40_000, tls=False))
        assert (await client.ask("GET", f"{API}/markets"))[0] == 503
        _, limits = await asked(env, client, ready["accounts"][0], "GET", "/account/limits")
        assert limits["usage_tier"] == "premier"
        nursery.cancel_scope.cancel()


async def test_a_state_file_brings_money_and_orders_back(tmp_path):
    env = RealEnv()
    seen = []
    with trio.fail_after(120):
        for dollars in ("1000", "5"):
            chosen = options(
                tmp_path,
                seed=None,
                state=tmp_path / "exchange.sqlite3",
                accounts={"ann": parse_money(dollars)},
            )
            async with trio.open_nursery() as nursery:
                running = await served(nursery, env, chosen)
                (account_id,) = running.exchange.venue.account_ids()
                seen.append((account_id, running.exchange.venue.balance(account_id).cash))
                nursery.cancel_scope.cancel()
    assert seen == [seen[0], (seen[0][0], parse_money("1000"))]


async def test_a_ready_file_from_before_is_removed_first(autojump_clock, tmp_path):
    (tmp_path / "ready.json").write_text("stale")
    bad = options(tmp_path, accounts={"../x": parse_money("1")})
    with pytest.raises(ConfigError, match="account's name"):
        await serve_exchange(bad, env=VirtualEnv())
    assert not (tmp_path / "ready.json").exists()


async def test_a_ready_file_that_cannot_be_written_is_named(autojump_clock, tmp_path):
    bad = options(tmp_path, ready_file=tmp_path / "none" / "ready.json")
    with pytest.raises(ConfigError, match=r"ready\.json"):
        await serve_exchange(bad, env=VirtualEnv())
    assert not (tmp_path / "keys" / "admin.json").exists()


async def test_a_port_that_is_taken_is_named(tmp_path):
    env = RealEnv()
    listener, port = await env.listen("127.0.0.1", 0)
    async with listener:
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}"):
            await serve_exchange(options(tmp_path, port=port), env=env)


async def test_it_serves_another_connection_on_a_real_port(tmp_path):
    env = RealEnv()
    with trio.fail_after(120):
        async with trio.open_nursery() as nursery:
            await served(nursery, env, options(tmp_path, flow_rate=10.0, key_type="rsa"))
            ready = json.loads((tmp_path / "ready.json").read_bytes())
            port = int(ready["rest_url"].split(":")[2].split("/")[0])
            async with await env.connect("127.0.0.1", port, tls=False) as stream:
                bob = ready["accounts"][1]
                assert bob["key_type"] == "rsa"
                assert await balance_of(env, RawClient(stream), bob) == "25.5000"
            nursery.cancel_scope.cancel()
    assert not (tmp_path / "ready.json").exists()

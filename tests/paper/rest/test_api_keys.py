"""API keys over REST: whose they are, what they may, and that they work at once."""

import attrs
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from tests.paper.rest.desks import PRIVATE, RestBench
from tests.paper.served import FEED, open_bench
from traderd.kalshi.auth import parse_signer
from traderd.paper.auth_check import RESTRICTED_KEY
from traderd.paper.rest.api_keys import KEYS_MAX

PEM = (
    PRIVATE
    .public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)


async def test_an_account_lists_its_own_keys(autojump_clock):
    bench = RestBench()
    bench.add_key("locked", "ann", name="bot", scopes=("read",), subaccount=0)
    assert await bench.ask("GET", "/api_keys") == (
        200,
        {
            "api_keys": [
                {"api_key_id": "ann", "name": "", "scopes": ["read", "write"]},
                {"api_key_id": "locked", "name": "bot", "scopes": ["read"], "subaccount": 0},
            ]
        },
    )
    _, body = await bench.ask("GET", "/api_keys", by="bob")
    assert [key["api_key_id"] for key in body["api_keys"]] == ["bob"]
    assert (await bench.ask("GET", "/api_keys?fcm_subtrader_id=x"))[1] == {"api_keys": []}


async def test_a_public_key_of_ones_own_works_at_once(autojump_clock):
    bench = RestBench()
    status, body = await bench.ask("POST", "/api_keys", {"name": "mine", "public_key": PEM})
    assert (status, list(body)) == (201, ["api_key_id"])
    assert (await bench.ask("GET", "/api_keys", by=body["api_key_id"]))[0] == 200
    assert bench.keys.of("ann")[-1].name == "mine"


@pytest.mark.parametrize(
    ("asked", "kind", "label", "family"),
    [
        (None, "rsa", "BEGIN RSA PRIVATE KEY", rsa.RSAPrivateKey),
        ("rsa", "rsa", "BEGIN RSA PRIVATE KEY", rsa.RSAPrivateKey),
        ("ed25519", "ed25519", "BEGIN PRIVATE KEY", ed25519.Ed25519PrivateKey),
    ],
)
async def test_a_generated_key_works_at_once(autojump_clock, asked, kind, label, family):
    bench = RestBench()
    status, body = await bench.ask(
        "POST", "/api_keys/generate", {"name": "bot", "key_type": asked, "scopes": ["read"]}
    )
    assert (status, body["key_type"]) == (201, kind)
    pem = body["private_key"].encode()
    assert label in body["private_key"].splitlines()[0]
    assert isinstance(serialization.load_pem_private_key(pem, None), family)
    signer = parse_signer(body["api_key_id"], pem, source="the reply")
    stamp = bench.env.wall_ns() // 1_000_000
    headers = {
        name.lower(): value
        for name, value in signer.headers("GET", "/trade-api/v2/api_keys", stamp).items()
    }
    status, listed = await bench.ask("GET", "/api_keys", by=None, headers=headers)
    assert status == 200
    assert listed["api_keys"][-1]["scopes"] == ["read"]


async def test_a_generated_key_opens_a_websocket_at_once(autojump_clock):
    async with open_bench() as bench:
        trader = await bench.trader()
        made = {"name": "bot", "key_type": "ed25519", "scopes": ["read"]}
        status, body = await trader.ask("POST", "/api_keys/generate", made)
        assert status == 201
        trader.credentials = attrs.evolve(
            trader.credentials,
            key_id=body["api_key_id"],
            private_pem=body["private_key"].encode(),
        )
        async with trader.feed() as feed:
            await feed.send("list_subscriptions")
            assert (await feed.get())["type"] == "ok"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scopes": ["write::trade"]}, "does not have the scope read"),
        ({"subaccount": 0}, RESTRICTED_KEY),
    ],
)
async def test_a_key_that_may_not_see_everything_gets_no_websocket(autojump_clock, changes, words):
    async with open_bench() as bench:
        trader = await bench.trader()
        made = {"name": "bot", "key_type": "ed25519"} | changes
        _, body = await trader.ask("POST", "/api_keys/generate", made)
        trader.credentials = attrs.evolve(
            trader.credentials,
            key_id=body["api_key_id"],
            private_pem=body["private_key"].encode(),
        )
        upgrade = [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ]
        client = await bench.client()
        status, body = await client.ask(
            "GET", FEED, headers=[*trader.headers("GET", FEED), *upgrade]
        )
        assert status == 403
        assert words in body["error"]["message"]


async def test_key_pairs_are_made_off_the_loop(autojump_clock, monkeypatch):
    bench, off_the_loop = RestBench(), []

    async def run_blocking(function, *args):
        off_the_loop.append(function)
        return function(*args)

    monkeypatch.setattr(bench.env, "run_blocking", run_blocking)
    assert (await bench.ask("POST", "/api_keys/generate", {"name": "bot"}))[0] == 201
    assert len(off_the_loop) == 1


async def test_a_deleted_key_is_not_found_even_its_own(autojump_clock):
    bench = RestBench()
    bench.add_key("second", "ann")
    response = await bench.send("DELETE", "/api_keys/second")
    assert (response.status, response.body) == (204, b"")
    status, body = await bench.ask("GET", "/api_keys", by="second")
    assert (status, body["error"]["details"]) == (401, "NOT_FOUND")
    assert (await bench.ask("DELETE", "/api_keys/second"))[0] == 404
    assert (await bench.ask("DELETE", "/api_keys/ann"))[0] == 204
    assert (await bench.ask("GET", "/api_keys"))[0] == 401


async def test_nobody_deletes_the_key_of_another_account(autojump_clock):
    bench = RestBench()
    status, body = await bench.ask("DELETE", "/api_keys/bob")
    assert (status, body["error"]["code"]) == (404, "not_found")
    assert (await bench.ask("GET", "/api_keys", by="bob"))[0] == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": ""}, "invalid_parameters"),
        ({"name": "  "}, "invalid_parameters"),
        ({"name": "x" * 201}, "invalid_parameters"),
        ({"name": None}, "missing_parameters"),
        ({"scopes": []}, "invalid_parameters"),
        ({"scopes": ["read", "admin"]}, "invalid_parameters"),
        ({"scopes": ["write"]}, "invalid_parameters"),
        ({"subaccount": 1}, "invalid_parameters"),
        ({"subaccount": -1}, "invalid_parameters"),
        ({"fcm_subtrader_id": "u_a"}, "invalid_parameters"),
        ({"public_key": "-----BEGIN PUBLIC KEY-----"}, "invalid_parameters"),
        ({"public_key": ""}, "invalid_parameters"),
        ({"public_key": "\ud83d\ude00\u0000"}, "invalid_parameters"),
    ],
)
async def test_what_cannot_be_a_key_is_refused(autojump_clock, changes, code):
    bench = RestBench()
    body = {"name": "mine", "public_key": PEM} | changes
    paths = ["/api_keys"] if "public_key" in changes else ["/api_keys", "/api_keys/generate"]
    for path in paths:
        status, refused = await bench.ask("POST", path, body)
        assert (status, refused["error"]["code"]) == (400, code)
    assert len(bench.keys.of("ann")) == 1


async def test_a_short_rsa_key_is_refused(autojump_clock):
    short = rsa.generate_private_key(public_exponent=65_537, key_size=1024).public_key()
    pem = short.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()
    status, body = await RestBench().ask("POST", "/api_keys", {"name": "n", "public_key": pem})
    assert (status, "2048 bits" in body["error"]["details"]) == (400, True)


async def test_another_kind_of_key_is_refused(autojump_clock):
    body = {"name": "n", "key_type": "dsa"}
    status, refused = await RestBench().ask("POST", "/api_keys/generate", body)
    assert (status, refused["error"]["details"]) == (400, "key_type must be one of rsa, ed25519")


async def test_the_keys_of_one_account_are_bounded(autojump_clock):
    bench = RestBench()
    for number in range(KEYS_MAX - 1):
        bench.add_key(f"key-{number}", "ann")
    assert (await bench.ask("POST", "/api_keys", {"name": "n", "public_key": PEM}))[0] == 400
    assert (await bench.ask("POST", "/api_keys", {"name": "n", "public_key": PEM}, by="bob"))[
        0
    ] == 201


async def test_child_scopes_need_no_parent_and_repeats_count_once(autojump_clock):
    bench = RestBench()
    body = {"name": "n", "public_key": PEM, "scopes": ["write::trade", "write::trade"]}
    assert (await bench.ask("POST", "/api_keys", body))[0] == 201
    assert bench.keys.of("ann")[-1].scopes == ("write::trade",)


async def test_making_keys_needs_write_and_no_lock(autojump_clock):
    bench = RestBench()
    bench.add_key("trader", "ann", scopes=("read", "write::trade"))
    bench.add_key("locked", "ann", subaccount=0)
    body = {"name": "n", "public_key": PEM}
    assert (await bench.ask("GET", "/api_keys", by="trader"))[0] == 200
    for path in ("/api_keys", "/api_keys/generate"):
        assert (await bench.ask("POST", path, body, by="trader"))[0] == 403
        status, refused = await bench.ask("POST", path, body, by="locked")
        assert (status, refused["error"]["message"]) == (403, RESTRICTED_KEY)
    assert (await bench.ask("DELETE", "/api_keys/ann", by="locked"))[0] == 403

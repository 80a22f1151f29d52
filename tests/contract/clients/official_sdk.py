"""Everything that the official SDK 3.34 can ask, by two accounts that trade with each other."""

from __future__ import annotations

from typing import Any

import official_reads
import official_trading
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from official_recorder import Json, Recorder, methods
from served import Served, tell


def session(served: Served) -> dict[str, Any]:
    """Return every reply, and which of the SDK's calls were made."""
    alice, bob = Recorder.of(served, "alice"), Recorder.of(served, "bob")
    document: dict[str, Any] = {
        "trading": official_trading.trade(alice, bob),
        "groups": official_trading.order_groups(alice, bob),
        "batches": official_trading.batches(alice),
        "subaccounts": official_trading.subaccounts(alice, bob),
        "refusals": official_trading.refusals(alice),
        "keys": keys(served, alice),
        "public": official_reads.public(alice),
        "account": official_reads.account(alice),
        "nothing": official_reads.nothing_there(alice),
    }
    served.operate("deposit", account="bob", dollars="12.34")
    document["cash"] = official_trading.cash(bob)
    served.operate("settle", ticker=official_trading.GAME, result="yes", now=True)
    document["settled"] = {
        "alice": official_trading.after_settlement(alice),
        "bob": official_trading.after_settlement(bob),
        "market": alice.ask("get_market", official_trading.GAME)["market"],
    }
    statuses = bob.statuses | alice.statuses
    return document | {
        "statuses": statuses,
        "uncalled": sorted(methods() - set(statuses)),
        "strangers": sorted(alice.strangers | bob.strangers),
    }


def keys(served: Served, alice: Recorder) -> dict[str, Any]:
    """Make keys of every kind, use each, and find a deleted one refused."""
    own = ed25519.Ed25519PrivateKey.generate()
    public = own.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    private = own.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    rsa = alice.ask("generate_api_key", name="rsa")
    edwards = alice.ask("generate_api_key", name="edwards", key_type="ed25519", scopes=["read"])
    brought = alice.ask("create_api_key", name="brought", public_key=public.decode())
    pairs = {
        "rsa": (rsa["api_key_id"], rsa["private_key"]),
        "edwards": (edwards["api_key_id"], edwards["private_key"]),
        "brought": (brought["api_key_id"], private),
    }
    clients = {
        name: Recorder(served, key_id=key_id, private_key=pem)
        for name, (key_id, pem) in pairs.items()
    }
    order = official_trading.order(official_trading.OTHER_GAME, "bid", "1.00", "0.0100")
    found: dict[str, Json] = {
        "listed": alice.ask("get_api_keys")["api_keys"],
        "read_with": {name: client.ask("get_balance") for name, client in clients.items()},
        "may_not_write": clients["edwards"].refusal("create_order_v2", **order),
        "labels": {"rsa": rsa["private_key"].partition("\n")[0]}
        | {"edwards": edwards["private_key"].partition("\n")[0]},
    }
    for key_id, _ in pairs.values():
        alice.ask("delete_api_key", key_id)
    found["after_delete"] = {
        name: client.refusal("get_balance") for name, client in clients.items()
    }
    found["left"] = alice.ask("get_api_keys")["api_keys"]
    stranger = Recorder(served, key_id=served.key_id("bob"), private_key=private)
    return found | {"wrong_key": stranger.refusal("get_balance")}


if __name__ == "__main__":
    tell(session)

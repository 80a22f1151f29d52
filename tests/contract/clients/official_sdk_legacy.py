"""What the official SDK 3.2 of December 2025 can ask: V1 orders, whole cents and whole contracts."""

from __future__ import annotations

import time
import uuid
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from official_recorder import Json, Recorder, methods
from served import Served, tell

SERIES = "KXCLIENT"
EVENT = "KXCLIENT-GAME"
GAME = "KXCLIENT-GAME-A"
COIN = "KXCOIN-NOON-T60000"
NOBODY = str(uuid.UUID(int=0))

ABSENT = (
    "get_milestone",
    "get_structured_target",
    "get_multivariate_event_collection",
    "get_rfq",
    "delete_rfq",
    "get_quote",
    "delete_quote",
    "confirm_quote",
)
"""Reads and writes of one thing by its id, of which this exchange has none."""


def session(served: Served) -> dict[str, Any]:
    """Return every reply, and which of the SDK's calls were made."""
    alice, bob = Recorder.of(served, "alice"), Recorder.of(served, "bob")
    document: dict[str, Any] = {
        "trading": trade(alice, bob),
        "no_side": buy_no(alice, bob),
        "market_order": market_order(alice, bob),
        "batches": batches(alice),
        "group": order_group(alice),
        "refusals": refusals(alice),
        "keys": keys(served, alice),
        "public": public(alice),
        "nothing": nothing_there(alice),
    }
    document["alice"] = standing(alice)
    document["bob"] = standing(bob)
    served.operate("settle", ticker=GAME, result="no", now=True)
    document["market"] = alice.ask("get_market", GAME)["market"]
    document["settled"] = {
        name: {
            "balance": client.ask("get_balance"),
            "settlements": client.ask("get_settlements")["settlements"],
        }
        for name, client in (("alice", alice), ("bob", bob))
    }
    statuses = bob.statuses | alice.statuses
    return document | {"statuses": statuses, "uncalled": sorted(methods() - set(statuses))}


def place(client: Recorder, action: str, side: str, count: int, **more: Any) -> Json:
    """Place one V1 order in the game."""
    order = {"ticker": GAME, "action": action, "side": side, "count": count, "type": "limit"}
    return client.ask("create_order", **(order | more))["order"]


def trade(alice: Recorder, bob: Recorder) -> dict[str, Any]:
    """Let one order live its whole life."""
    now = {"time_in_force": "immediate_or_cancel"}
    steps: dict[str, Any] = {}
    steps["bid"] = place(alice, "buy", "yes", 10, yes_price=40, client_order_id="alice-1")
    order_id = steps["bid"]["order_id"]
    steps["queue"] = alice.ask("get_order_queue_position", order_id)
    steps["queues"] = alice.ask("get_order_queue_positions", market_tickers=GAME)
    steps["book"] = alice.ask("get_market_orderbook", GAME)
    steps["resting_value"] = alice.ask("get_portfolio_resting_order_total_value")
    steps["sold"] = place(bob, "buy", "no", 4, no_price=60, **now)
    amend = {"ticker": GAME, "action": "buy", "side": "yes", "count": 8, "yes_price": 41}
    names = {"client_order_id": "alice-1", "updated_client_order_id": "alice-2"}
    steps["amended"] = alice.ask("amend_order", order_id, **amend, **names)
    steps["decreased"] = alice.ask("decrease_order", order_id, reduce_to=3)["order"]
    steps["canceled"] = alice.ask("cancel_order", order_id)
    steps["read"] = alice.ask("get_order", order_id)["order"]
    return steps


def buy_no(alice: Recorder, bob: Recorder) -> dict[str, Any]:
    """Rest a NO order of one and sell into it from the other side, then sell some of the NO again."""
    steps: dict[str, Any] = {}
    steps["rests"] = place(alice, "buy", "no", 3, no_price_dollars="0.5500")
    steps["taken"] = place(bob, "buy", "yes", 3, yes_price=45, time_in_force="fill_or_kill")
    steps["sells"] = place(bob, "sell", "yes", 1, yes_price=50, post_only=True)
    steps["bought"] = place(alice, "sell", "no", 1, no_price=50)
    steps["orders"] = alice.ask("get_orders", ticker=GAME, status="executed")["orders"]
    return steps


def market_order(alice: Recorder, bob: Recorder) -> dict[str, Any]:
    """Buy at any price, with a bound on the cost."""
    place(bob, "sell", "yes", 2, yes_price=70)
    bound = {"type": "market", "buy_max_cost": 150, "yes_price": 99}
    return {"bought": place(alice, "buy", "yes", 2, **bound)}


def batches(alice: Recorder) -> dict[str, Any]:
    """Place and cancel several at once, one of which cannot be."""
    base = {"ticker": GAME, "action": "buy", "side": "yes", "count": 1}
    orders = [base | {"yes_price": 5}, base | {"ticker": "KXNOTHING", "yes_price": 5}]
    created = alice.ask("batch_create_orders", orders=orders)["orders"]
    ids = [created[0]["order"]["order_id"], NOBODY]
    return {"created": created, "canceled": alice.ask("batch_cancel_orders", ids=ids)["orders"]}


def order_group(alice: Recorder) -> dict[str, Any]:
    """Make a group with an order in it, and take it away."""
    made = alice.ask("create_order_group", contracts_limit=5)
    group_id = made["order_group_id"]
    order = place(alice, "buy", "yes", 1, yes_price=6, order_group_id=group_id)
    found = {
        "order": order,
        "all": alice.ask("get_order_groups")["order_groups"],
        "one": alice.ask("get_order_group", group_id),
        "reset": alice.ask("reset_order_group", group_id),
        "deleted": alice.ask("delete_order_group", group_id),
    }
    return found | {"after": alice.ask("get_order", order["order_id"])["order"]}


def refusals(alice: Recorder) -> dict[str, Any]:
    """Be refused in the ways that a V1 bot has to tell apart."""
    order = {"ticker": GAME, "action": "buy", "side": "yes", "count": 1}
    both = order | {"yes_price": 40, "no_price": 60}
    return {
        "twice": alice.refusal("create_order", **order, yes_price=1, client_order_id="alice-1"),
        "too_dear": alice.refusal("create_order", **(order | {"count": 99_999}), yes_price=99),
        "both_prices": alice.refusal("create_order", **both),
        "no_price": alice.refusal("create_order", **order),
        "cancel_of_nothing": alice.refusal("cancel_order", NOBODY),
        "no_market": alice.refusal("get_market", "KXNOTHING"),
    }


def keys(served: Served, alice: Recorder) -> dict[str, Any]:
    """Make a key, bring the public half of another, use both and delete them."""
    own = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    public = own.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    private = own.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    made = alice.ask("generate_api_key", name="made")
    brought = alice.ask("create_api_key", name="brought", public_key=public.decode())
    pairs = {made["api_key_id"]: made["private_key"], brought["api_key_id"]: private.decode()}
    clients = [Recorder(served, key_id=key_id, private_key=pem) for key_id, pem in pairs.items()]
    read = [client.ask("get_balance") for client in clients]
    listed = alice.ask("get_api_keys")["api_keys"]
    for key_id in pairs:
        alice.ask("delete_api_key", key_id)
    return {
        "listed": listed,
        "read": read,
        "deleted": [client.refusal("get_balance")["status"] for client in clients],
    }


def public(client: Recorder) -> dict[str, Any]:
    """Read what everybody may read."""
    start, end = int(time.time()) - 3_600, int(time.time()) + 60
    return {
        "status": client.ask("get_exchange_status"),
        "schedule": client.ask("get_exchange_schedule"),
        "announcements": client.ask("get_exchange_announcements"),
        "as_of": client.ask("get_user_data_timestamp"),
        "markets": client.ask("get_markets", event_ticker=EVENT)["markets"],
        "coin": client.ask("get_market", COIN)["market"],
        "coin_book": client.ask("get_market_orderbook", COIN),
        "trades": client.ask("get_trades", ticker=GAME)["trades"],
        "candles": client.ask("get_market_candlesticks", SERIES, GAME, start, end, 1),
        "some_candles": client.ask("batch_get_market_candlesticks", GAME, start, end, 60),
        "event_candles": client.ask(
            "get_market_candlesticks_by_event", EVENT, SERIES, start, end, 1
        ),
        "all_series": client.ask("get_series_list", category="Crypto"),
        "series": client.ask("get_series", SERIES)["series"],
        "series_fees": client.ask("get_series_fee_changes"),
        "events": client.ask("get_events", with_nested_markets=True)["events"],
        "event": client.ask("get_event", EVENT),
        "metadata": client.ask("get_event_metadata", EVENT),
        "tags": client.ask("get_tags_for_series_categories"),
    }


def nothing_there(client: Recorder) -> dict[str, Any]:
    """Ask for what a paper exchange has none of."""
    empty = {
        "combos": client.ask("get_multivariate_events"),
        "collections": client.ask("get_multivariate_event_collections"),
        "milestones": client.ask("get_milestones", 10),
        "targets": client.ask("get_structured_targets"),
        "incentives": client.ask("get_incentive_programs"),
        "live": client.ask("get_live_datas", [NOBODY]),
        "sports": client.ask("get_filters_for_sports"),
        "forecasts": client.ask(
            "get_event_forecast_percentiles_history", EVENT, SERIES, [5000], 0, 60, 60
        ),
        "rfqs": client.ask("get_rfqs"),
        "quotes": client.ask("get_quotes", rfq_creator_user_id=NOBODY),
    }
    quote = {"rfq_id": NOBODY, "yes_bid": "0.4000", "no_bid": "0.5000", "rest_remainder": False}
    refused = {method: client.refusal(method, NOBODY)["status"] for method in ABSENT} | {
        "get_live_data": client.refusal("get_live_data", "game", NOBODY)["status"],
        # This version of the SDK reads the schema's `yes` as the YAML that it also is.
        "accept_quote": client.refusal("accept_quote", NOBODY, accepted_side="true")["status"],
        "create_quote": client.refusal("create_quote", **quote)["status"],
        "create_rfq": client.refusal(
            "create_rfq", market_ticker=GAME, contracts=1, rest_remainder=False
        )["status"],
        "get_fcm_orders": client.refusal("get_fcm_orders", NOBODY)["status"],
        "get_fcm_positions": client.refusal("get_fcm_positions", NOBODY)["status"],
    }
    legs = {"selected_markets": [{"market_ticker": GAME, "event_ticker": EVENT, "side": "true"}]}
    refused |= {
        method: client.refusal(method, NOBODY, **legs)["status"]
        for method in (
            "create_market_in_multivariate_event_collection",
            "lookup_tickers_for_market_in_multivariate_event_collection",
        )
    }
    history = "get_multivariate_event_collection_lookup_history"
    refused[history] = client.refusal(history, NOBODY, 10)["status"]
    return {"empty": empty, "refused": refused, "id": client.ask("get_communications_id")}


def standing(client: Recorder) -> dict[str, Any]:
    """Read what an account has."""
    return {
        "balance": client.ask("get_balance"),
        "fills": client.ask("get_fills")["fills"],
        "positions": client.ask("get_positions"),
    }


if __name__ == "__main__":
    tell(session)

"""Orders and money through the official SDK: what two accounts do to each other, each step with its reply."""

from __future__ import annotations

import time
import uuid
from typing import Any

from official_recorder import Json, Recorder

GAME = "KXCLIENT-GAME-A"
OTHER_GAME = "KXCLIENT-GAME-B"
EVENT = "KXCLIENT-GAME"
NOBODY = str(uuid.UUID(int=0))


def order(ticker: str, side: str, count: str, price: str, **more: Any) -> dict[str, Any]:
    """Return the fields of an order that rests; what is given more replaces them."""
    return {
        "ticker": ticker,
        "side": side,
        "count": count,
        "price": price,
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
        "client_order_id": str(uuid.uuid4()),
    } | more


def place(client: Recorder, side: str, count: str, price: str, **more: Any) -> Json:
    """Place one order in the game that the clients trade."""
    return client.ask("create_order_v2", **order(GAME, side, count, price, **more))


def trade(alice: Recorder, bob: Recorder) -> dict[str, Any]:
    """Let a bid live a whole life: rest, fill in parts, move, shrink and go; then sell some of what it bought."""
    now = {"time_in_force": "immediate_or_cancel"}
    steps: dict[str, Any] = {"first": alice.ask("get_balance")}
    bid = place(alice, "bid", "10.00", "0.4000", client_order_id="alice-1")
    order_id = bid["order_id"]
    steps["bid"] = bid
    steps["reserved"] = alice.ask("get_balance")
    steps["rests"] = alice.ask("get_order", order_id)["order"]
    steps["queue"] = alice.ask("get_order_queue_position", order_id)
    steps["queues"] = alice.ask("get_order_queue_positions", market_tickers=GAME)
    steps["resting_value"] = alice.ask("get_portfolio_resting_order_total_value")
    steps["book"] = alice.ask("get_market_orderbook", GAME)
    steps["ask"] = place(bob, "ask", "4.00", "0.4000", **now)
    changed = {"ticker": GAME, "side": "bid", "price": "0.4100", "count": "8.00"}
    names = {"client_order_id": "alice-1", "updated_client_order_id": "alice-2"}
    steps["amended"] = alice.ask("amend_order_v2", order_id, **changed, **names)
    steps["decreased"] = alice.ask("decrease_order_v2", order_id, reduce_by="1.00")
    steps["better"] = place(bob, "ask", "1.50", "0.3900", **now)
    steps["canceled"] = alice.ask("cancel_order_v2", order_id, market_ticker=GAME)
    steps["gone"] = alice.ask("get_order", order_id)["order"]
    steps["unfilled"] = place(bob, "bid", "1.00", "0.4200", **now)
    steps["sells"] = place(alice, "ask", "2.00", "0.4500", post_only=True)
    steps["buys_back"] = place(bob, "bid", "2.00", "0.4700", time_in_force="fill_or_kill")
    for name, client in (("alice", alice), ("bob", bob)):
        steps[name] = {
            "orders": client.ask("get_orders", ticker=GAME)["orders"],
            "fills": client.ask("get_fills")["fills"],
            "positions": client.ask("get_positions"),
            "balance": client.ask("get_balance"),
        }
    steps["trades"] = alice.ask("get_trades", ticker=GAME)["trades"]
    return steps


def order_groups(alice: Recorder, bob: Recorder) -> dict[str, Any]:
    """Make a group, let it be triggered by a fill and by hand, change it and take it away."""
    steps: dict[str, Any] = {"none": alice.ask("get_order_groups")}
    made = alice.ask("create_order_group", contracts_limit=3)
    group_id = made["order_group_id"]
    first = place(alice, "bid", "5.00", "0.3000", order_group_id=group_id)
    steps["one"] = alice.ask("get_order_group", group_id)
    steps["members"] = [first["order_id"]]
    place(bob, "ask", "4.00", "0.3000", time_in_force="immediate_or_cancel")
    steps["after_fill"] = alice.ask("get_order", first["order_id"])["order"]
    refused = order(GAME, "bid", "1.00", "0.3000", order_group_id=group_id)
    steps["refused"] = alice.refusal("create_order_v2", **refused)
    steps["reset"] = alice.ask("reset_order_group", group_id)
    second = place(alice, "bid", "1.00", "0.3000", order_group_id=group_id)
    steps["trigger"] = alice.ask("trigger_order_group", group_id)
    steps["after_trigger"] = alice.ask("get_order", second["order_id"])["order"]
    steps["limit"] = alice.ask("update_order_group_limit", group_id, contracts_limit_fp="7.00")
    steps["all"] = alice.ask("get_order_groups")
    steps["made"] = made
    steps["deleted"] = alice.ask("delete_order_group", group_id)
    steps["gone"] = alice.refusal("get_order_group", group_id)
    return steps


def batches(alice: Recorder) -> dict[str, Any]:
    """Place and cancel several at once, with one that cannot be in each; then cancel all."""
    orders = [order(OTHER_GAME, "bid", "1.00", price) for price in ("0.1000", "0.1005", "0.1200")]
    created = alice.ask("batch_create_orders_v2", orders=orders)
    first = created["orders"][0]["order_id"]
    canceled = alice.ask(
        "batch_cancel_orders_v2", orders=[{"order_id": first}, {"order_id": NOBODY}]
    )
    alice.ask("cancel_all_orders")
    resting = alice.ask("get_orders", status="resting")["orders"]
    return {"sent": orders, "created": created, "canceled": canceled, "resting": resting}


def subaccounts(alice: Recorder, bob: Recorder) -> dict[str, Any]:
    """Open one, give it money, trade with it, and bring some of the money back."""
    made = alice.ask("create_subaccount")
    number = made["subaccount_number"]
    move = {"client_transfer_id": uuid.uuid4(), "from_subaccount": 0, "to_subaccount": number}
    steps: dict[str, Any] = {
        "made": made,
        "moved": alice.ask("apply_subaccount_transfer", **move, amount_cents=10_000),
        "again": alice.refusal("apply_subaccount_transfer", **move, amount_cents=10_000),
    }
    place(alice, "ask", "1.00", "0.6000", subaccount=number)
    place(bob, "bid", "1.00", "0.6000", time_in_force="fill_or_kill")
    alice.ask("update_subaccount_netting", subaccount_number=number, enabled=True)
    steps |= {
        "balance": alice.ask("get_balance", subaccount=number),
        "positions": alice.ask("get_positions", subaccount=number)["market_positions"],
        "fills": alice.ask("get_fills", subaccount=number)["fills"],
        "balances": alice.ask("get_subaccount_balances")["subaccount_balances"],
        "transfers": alice.ask("get_subaccount_transfers"),
        "netting": alice.ask("get_subaccount_netting")["netting_configs"],
    }
    back = {
        "source": "event_contract",
        "destination": "event_contract",
        "source_subaccount": number,
        "amount": 250_000,
    }
    steps["back"] = alice.ask("intra_exchange_instance_transfer", **back)
    steps["after"] = alice.ask("get_subaccount_balances")["subaccount_balances"]
    return steps


def refusals(alice: Recorder) -> dict[str, Any]:
    """Be refused in every way that a user of the SDK has to tell apart."""
    past = int(time.time()) - 60
    now = {"time_in_force": "immediate_or_cancel"}
    kill = {"time_in_force": "fill_or_kill"}
    wrong: dict[str, dict[str, Any]] = {
        "twice": order(GAME, "bid", "1.00", "0.0100", client_order_id="alice-1"),
        "too_dear": order(GAME, "bid", "100000.00", "0.9900"),
        "off_grid": order(GAME, "bid", "1.00", "0.4050"),
        "no_market": order("KXNOTHING", "bid", "1.00", "0.4000"),
        "cannot_fill": order(GAME, "bid", "1.00", "0.4000", **kill),
        "expired": order(GAME, "bid", "1.00", "0.4000", expiration_time=past),
        "no_group": order(GAME, "bid", "1.00", "0.4000", order_group_id=NOBODY),
        "reduces_nothing": order(GAME, "bid", "1.00", "0.4000", reduce_only=True),
        "expires_now": order(GAME, "bid", "1.00", "0.4000", expiration_time=past + 3600, **now),
        "no_price": order(GAME, "bid", "1.00", "forty cents"),
    }
    found = {name: alice.refusal("create_order_v2", **fields) for name, fields in wrong.items()}
    found["cancel_of_nothing"] = alice.refusal("cancel_order_v2", NOBODY)
    found["no_such_status"] = alice.refusal("get_orders", status="open")
    found["no_candles"] = alice.refusal("get_market_candlesticks", "KXCLIENT", GAME, 1000, 0, 60)
    return found


def cash(bob: Recorder) -> dict[str, Any]:
    """Read what came in and went out."""
    return {
        "deposits": bob.ask("get_deposits"),
        "withdrawals": bob.ask("get_withdrawals"),
        "moves": bob.ask("get_intra_exchange_instance_transfers"),
        "no_move": bob.refusal("get_intra_exchange_instance_transfer", NOBODY),
        "set": bob.ask(
            "set_target_balance_allocation", allocations=[{"exchange_index": 0, "percent": 100}]
        ),
        "allocation": bob.ask("get_target_balance_allocation"),
        "balance": bob.ask("get_balance"),
    }


def after_settlement(client: Recorder) -> dict[str, Any]:
    """Read what is left of an account once the game is over."""
    return {
        "balance": client.ask("get_balance"),
        "balances": client.ask("get_subaccount_balances")["subaccount_balances"],
        "settlements": client.ask("get_settlements")["settlements"],
        "open": client.ask("get_positions")["market_positions"],
        "settled": client.ask("get_positions", settlement_status="settled")["market_positions"],
        "fills": client.ask("get_fills", limit=1000)["fills"],
    }

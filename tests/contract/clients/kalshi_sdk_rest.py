"""The REST half of kalshi-sdk: its models are the strictest of all clients', so each reply is a check of every field."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

from kalshi import KalshiClient
from kalshi.errors import KalshiError
from kalshi.models.orders import (
    AmendOrderV2Request,
    BatchCancelOrdersV2Request,
    BatchCreateOrdersV2Request,
    CreateOrderV2Request,
    DecreaseOrderV2Request,
)

SERIES = "KXCLIENT"
EVENT = "KXCLIENT-GAME"
GAME = "KXCLIENT-GAME-A"
OTHER_GAME = "KXCLIENT-GAME-B"
COIN = "KXCOIN-NOON-T60000"
NOBODY = str(uuid.UUID(int=0))


def order(ticker: str, side: str, count: str, price: str, **more: Any) -> CreateOrderV2Request:
    """Return the request of an order that rests; what is given more replaces its fields."""
    fields = {
        "ticker": ticker,
        "side": side,
        "count": count,
        "price": price,
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
        "client_order_id": str(uuid.uuid4()),
    }
    return CreateOrderV2Request(**(fields | more))


def plain(model: Any) -> Any:
    """Return a model, or a list of them, as JSON."""
    if isinstance(model, list):
        return [plain(one) for one in model]
    return model.model_dump(mode="json")


def trade(alice: KalshiClient, bob: KalshiClient) -> dict[str, Any]:
    """Let one order live its whole life, with one in the other account to trade with."""
    now = {"time_in_force": "immediate_or_cancel"}
    orders = alice.orders
    steps: dict[str, Any] = {"first": plain(alice.portfolio.balance())}
    bid = orders.create_v2(request=order(GAME, "bid", "10", "0.40", client_order_id="alice-1"))
    steps["bid"] = plain(bid)
    steps["queue"] = str(orders.queue_position(bid.order_id))
    steps["queues"] = plain(orders.queue_positions(market_tickers=[GAME]))
    steps["ask"] = plain(bob.orders.create_v2(request=order(GAME, "ask", "4.25", "0.40", **now)))
    amend = AmendOrderV2Request(ticker=GAME, side="bid", price="0.41", count="8")
    steps["amended"] = plain(orders.amend_v2(bid.order_id, request=amend))
    decrease = DecreaseOrderV2Request(reduce_to="3", market_ticker=GAME)
    steps["decreased"] = plain(orders.decrease_v2(bid.order_id, request=decrease))
    steps["canceled"] = plain(orders.cancel_v2(bid.order_id, market_ticker=GAME))
    steps["read"] = plain(orders.get(bid.order_id))
    batch = BatchCreateOrdersV2Request(
        orders=[order(GAME, "bid", "1", "0.10"), order(GAME, "bid", "1", "0.105")]
    )
    made = orders.batch_create_v2(request=batch)
    steps["batch"] = plain(made)
    cancel = BatchCancelOrdersV2Request(
        orders=[{"order_id": made.orders[0].order_id}, {"order_id": NOBODY}]
    )
    steps["batch_cancel"] = plain(orders.batch_cancel_v2(request=cancel))
    orders.create_v2(request=order(OTHER_GAME, "ask", "1", "0.90"))
    orders.cancel_all_v2()
    steps["resting"] = plain(list(orders.list_all(status="resting")))
    steps["orders"] = plain(list(orders.list_all(limit=1)))
    steps["fills"] = plain(list(alice.portfolio.fills_all(limit=1)))
    steps["positions"] = plain(alice.portfolio.positions())
    steps["last"] = plain(alice.portfolio.balance())
    steps["resting_value"] = plain(alice.portfolio.total_resting_order_value())
    return steps


def order_group(alice: KalshiClient) -> dict[str, Any]:
    """Make a group, use every verb on it, and take it away."""
    groups = alice.order_groups
    none = plain(groups.list())
    group_id = groups.create(contracts_limit=5).order_group_id
    alice.orders.create_v2(request=order(GAME, "bid", "1", "0.05", order_group_id=group_id))
    one = plain(groups.get(group_id))
    groups.update_limit(group_id, contracts_limit=6)
    groups.trigger(group_id)
    groups.reset(group_id)
    all_groups = plain(groups.list())
    groups.delete(group_id)
    return {"none": none, "one": one, "all": all_groups, "left": plain(groups.list())}


def subaccount(alice: KalshiClient) -> dict[str, Any]:
    """Open one, move money there, and read everything about it."""
    subaccounts = alice.subaccounts
    made = subaccounts.create()
    subaccounts.transfer(
        client_transfer_id=uuid.uuid4(),
        from_subaccount=0,
        to_subaccount=made.subaccount_number,
        amount_cents=2_000,
    )
    subaccounts.update_netting(subaccount_number=made.subaccount_number, enabled=True)
    return {
        "balances": plain(subaccounts.list_balances()),
        "transfers": plain(list(subaccounts.list_all_transfers())),
        "netting": plain(subaccounts.get_netting()),
    }


def public(client: KalshiClient) -> dict[str, Any]:
    """Read what everybody may read."""
    start, end = int(time.time()) - 3_600, int(time.time()) + 60
    times = {"start_ts": start, "end_ts": end, "period_interval": 1}
    markets = client.markets
    return {
        "status": plain(client.exchange.status()),
        "schedule": plain(client.exchange.schedule()),
        "as_of": plain(client.exchange.user_data_timestamp()),
        "markets": plain(list(markets.list_all(status="open", limit=1))),
        "coin": plain(markets.get(COIN)),
        "book": plain(markets.orderbook(COIN)),
        "books": plain(markets.bulk_orderbooks(tickers=[GAME, COIN])),
        "trades": plain(list(markets.list_all_trades(ticker=GAME, limit=1))),
        "candles": plain(markets.candlesticks(SERIES, GAME, **times)),
        "bulk_candles": plain(markets.bulk_candlesticks(market_tickers=[GAME, COIN], **times)),
        "event_candles": plain(client.series.event_candlesticks(SERIES, EVENT, **times)),
        "series": plain(client.series.get(SERIES, include_volume=True)),
        "all_series": plain(client.series.list(category="Crypto")),
        "series_fees": plain(client.series.fee_changes()),
        "events": plain(list(client.events.list_all(with_nested_markets=True))),
        "event": plain(client.events.get(EVENT, with_nested_markets=True)),
        "metadata": plain(client.events.metadata(EVENT)),
        "event_fees": plain(list(client.events.fee_changes_all())),
        "tags": plain(client.search.tags_by_categories()),
        "sports": plain(client.search.filters_by_sport()),
        "cutoff": plain(client.historical.cutoff()),
        "costs": plain(client.account.endpoint_costs()),
    }


def nothing_there(client: KalshiClient) -> dict[str, int]:
    """Page through everything that a paper exchange has none of; count what came."""
    lists: dict[str, Callable[[], Any]] = {
        "combos": client.events.list_all_multivariate,
        "collections": client.multivariate_collections.list_all,
        "milestones": lambda: client.milestones.list_all(limit=10),
        "targets": client.structured_targets.list_all,
        "incentives": client.incentive_programs.list_all,
        "rfqs": client.communications.list_all_rfqs,
        "quotes": lambda: client.communications.list_all_quotes(rfq_creator_user_id=NOBODY),
        "old_markets": client.historical.markets_all,
        "old_trades": client.historical.trades_all,
        "old_orders": client.historical.orders_all,
        "old_fills": client.historical.fills_all,
        "old_positions": client.historical.positions_all,
        "withdrawals": client.portfolio.withdrawals_all,
        "deposits": client.portfolio.deposits_all,
        "moves": client.portfolio.intra_exchange_transfers_all,
        "live": lambda: client.live_data.batch(milestone_ids=[NOBODY]),
    }
    return {name: len(list(ask())) for name, ask in lists.items()}


def account(client: KalshiClient) -> dict[str, Any]:
    """Read the account's standing, and make keys for it."""
    keys = client.api_keys
    made = keys.generate(name="rsa")
    edwards = keys.generate(name="edwards", key_type="ed25519")
    listed = plain(keys.list())
    for each in (made, edwards):
        keys.delete(each.api_key_id)
    client.account.upgrade()
    return {
        "listed": listed,
        "limits": plain(client.account.limits()),
        "progress": plain(client.account.volume_progress()),
        "id": plain(client.communications.get_id()),
        "allocation": plain(client.portfolio.target_balance_allocation()),
    }


def refusals(client: KalshiClient) -> dict[str, Any]:
    """Be refused in each of the ways for which the SDK has an exception."""
    create = client.orders.create_v2
    wrong: dict[str, Callable[[], Any]] = {
        "twice": lambda: create(request=order(GAME, "bid", "1", "0.01", client_order_id="alice-1")),
        "too_dear": lambda: create(request=order(GAME, "bid", "100000", "0.99")),
        "off_grid": lambda: create(request=order(GAME, "bid", "1", "0.405")),
        "crosses": lambda: create(request=order(COIN, "bid", "1", "0.90", post_only=True)),
        "no_market": lambda: client.markets.get("KXNOTHING"),
        "no_order": lambda: client.orders.cancel_v2(NOBODY),
        "no_member": lambda: client.fcm.list_subtraders(),
    }
    found = {}
    for name, attempt in wrong.items():
        try:
            attempt()
        except KalshiError as exc:
            found[name] = [type(exc).__name__, exc.status_code, str(exc)]
    return found

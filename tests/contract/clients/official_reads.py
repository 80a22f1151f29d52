"""Every read of the official SDK that is not about an order, and everything that this exchange has none of."""

from __future__ import annotations

import datetime
import time
import uuid
from typing import Any

from official_recorder import Json, Recorder

SERIES = "KXCLIENT"
EVENT = "KXCLIENT-GAME"
GAME = "KXCLIENT-GAME-A"
COIN_EVENT = "KXCOIN-NOON"
COIN = "KXCOIN-NOON-T60000"
NOBODY = str(uuid.UUID(int=0))


def public(client: Recorder) -> dict[str, Any]:
    """Read what everybody may read."""
    start, end = int(time.time()) - 3_600, int(time.time()) + 60
    found: dict[str, Json] = {
        "status": client.ask("get_exchange_status"),
        "schedule": client.ask("get_exchange_schedule"),
        "as_of": client.ask("get_user_data_timestamp"),
        "markets": client.ask("get_markets", event_ticker=EVENT, status="open", limit=1),
        "coin": client.ask("get_market", COIN)["market"],
        "books": client.ask("get_market_orderbooks", [GAME, COIN])["orderbooks"],
        "top": client.ask("get_market_orderbook", COIN, depth=1),
        "candles": client.ask("get_market_candlesticks", SERIES, GAME, start, end, 1),
        "some_candles": client.ask("batch_get_market_candlesticks", GAME, start, end, 60),
        "event_candles": client.ask(
            "get_market_candlesticks_by_event", EVENT, SERIES, start, end, 1
        ),
        "all_series": client.ask("get_series_list", category="Crypto", include_volume=True),
        "series": client.ask("get_series", SERIES)["series"],
        "series_fees": client.ask("get_series_fee_changes", series_ticker=SERIES),
        "events": client.ask("get_events", with_nested_markets=True)["events"],
        "event": client.ask("get_event", EVENT),
        "metadata": client.ask("get_event_metadata", EVENT),
        "event_fees": client.ask("get_event_fee_changes"),
        "tags": client.ask("get_tags_for_series_categories"),
        "cutoff": client.ask("get_historical_cutoff"),
        "costs": client.ask("get_account_endpoint_costs"),
    }
    return found


def account(client: Recorder) -> dict[str, Any]:
    """Read what an account may know of its standing and its past."""
    return {
        "limits": client.ask("get_account_api_limits"),
        "progress": client.ask("get_account_api_usage_level_volume_progress"),
        "upgrade": client.ask("upgrade_account_api_usage_level"),
        "orders": client.ask("get_historical_orders"),
        "fills": client.ask("get_fills_historical"),
        "positions": client.ask("get_historical_positions"),
        "markets": client.ask("get_historical_markets"),
        "trades": client.ask("get_trades_historical"),
        "market": client.refusal("get_historical_market", GAME),
        "candles": client.refusal("get_market_candlesticks_historical", GAME, 0, 3_600, 60),
        "id": client.ask("get_communications_id"),
    }


def nothing_there(client: Recorder) -> dict[str, Any]:
    """Ask for everything that a paper exchange has none of; a client must still get a whole answer."""
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
        "proposals": client.ask("get_block_trade_proposals"),
    }
    return {"empty": empty, "refused": _missing(client) | _not_offered(client) | _members(client)}


def _missing(client: Recorder) -> dict[str, Json]:
    one = (
        "get_milestone",
        "get_structured_target",
        "get_game_stats",
        "get_live_data_by_milestone",
        "get_event_live_data",
        "get_weather_index",
        "get_weather_index_calibrations",
        "get_multivariate_event_collection",
        "get_rfq",
        "delete_rfq",
        "get_quote",
        "delete_quote",
        "confirm_quote",
    )
    found = {method: client.refusal(method, NOBODY) for method in one}
    for method in ("get_rfq_quote", "delete_rfq_quote", "confirm_rfq_quote"):
        found[method] = client.refusal(method, NOBODY, NOBODY)
    yes = {"accepted_side": "yes"}
    legs = [{"market_ticker": GAME, "event_ticker": EVENT, "side": "yes"}]
    return found | {
        "get_live_data": client.refusal("get_live_data", "game", NOBODY),
        "accept_quote": client.refusal("accept_quote", NOBODY, **yes),
        "accept_rfq_quote": client.refusal("accept_rfq_quote", NOBODY, NOBODY, **yes),
        "accept_block_trade_proposal": client.refusal(
            "accept_block_trade_proposal", NOBODY, subaccount=0
        ),
        "create_market_in_multivariate_event_collection": client.refusal(
            "create_market_in_multivariate_event_collection", NOBODY, selected_markets=legs
        ),
    }


def _not_offered(client: Recorder) -> dict[str, Json]:
    block = {
        "buyer_user_id": NOBODY,
        "seller_user_id": NOBODY,
        "market_ticker": GAME,
        "price_centi_cents": 4_000,
        "centicount": 100,
        "maker_side": "yes",
        "expiration_ts": datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC),
    }
    quote = {"rfq_id": NOBODY, "yes_bid": "0.4000", "no_bid": "0.5000", "rest_remainder": False}
    return {
        "create_rfq": client.refusal(
            "create_rfq", market_ticker=GAME, contracts=1, rest_remainder=False
        ),
        "create_quote": client.refusal("create_quote", **quote),
        "propose_block_trade": client.refusal("propose_block_trade", **block),
    }


def _members(client: Recorder) -> dict[str, Json]:
    """What only a clearing member may ask."""
    trader = {"subtrader_id": NOBODY}
    move = {"source_subtrader_id": NOBODY, "target_subtrader_id": NOBODY, "market_ticker": GAME}
    found = {
        method: client.refusal(method)
        for method in (
            "get_fcm_fills",
            "get_fcm_orders",
            "get_fcm_positions",
            "list_fcm_subtraders",
        )
    }
    for method in (
        "get_fcm_event_contract_daily_cap",
        "delete_fcm_event_contract_daily_cap",
        "get_fcm_subtrader_blocked_categories",
    ):
        found[method] = client.refusal(method, **trader)
    return found | {
        "create_fcm_subtrader": client.refusal("create_fcm_subtrader", subtrader_suffix="a"),
        "create_fcm_position_transfer": client.refusal(
            "create_fcm_position_transfer", **move, position_centicount=100, price_centicents=4_000
        ),
        "update_fcm_event_contract_daily_cap": client.refusal(
            "update_fcm_event_contract_daily_cap", **trader, limit="1.00"
        ),
        "update_fcm_subtrader_blocked_categories": client.refusal(
            "update_fcm_subtrader_blocked_categories", **trader, category="Sports", blocked=True
        ),
    }

"""pykalshi 2.0, the client that most bots of others use: its REST calls, and its feed with every channel that it knows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.contract.environments import client_session

GAME = "KXCLIENT-GAME-A"
OTHER_GAME = "KXCLIENT-GAME-B"
COIN = "KXCOIN-NOON-T60000"

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    directory = tmp_path_factory.mktemp("pykalshi")
    return client_session(directory, client="pykalshi", script="pykalshi_session.py")


# --- REST -----------------------------------------------------------------------------------------


def test_an_order_lives_its_whole_life(told):
    steps = told["orders"]
    counts = ("fill_count_fp", "remaining_count_fp")
    assert (steps["placed"]["status"], steps["placed"]["client_order_id"]) == ("resting", "alice-1")
    assert steps["queue"]["queue_position_fp"] == "0.00"
    assert [one["order_id"] for one in steps["queues"]] == [steps["placed"]["order_id"]]
    assert (steps["sold"]["status"], steps["sold"]["fill_count_fp"]) == ("executed", "4.00")
    assert [steps["refreshed"][key] for key in counts] == ["4.00", "6.00"]
    # pykalshi asks for the total, filled and open together.
    assert [steps["amended"][key] for key in counts] == ["4.00", "6.00"]
    assert steps["amended"]["yes_price_dollars"] == "0.4100"
    assert steps["decreased"]["remaining_count_fp"] == "4.00"
    assert steps["canceled"]["status"] == "canceled"
    read = steps["read"]
    assert [read[key] for key in ("status", *counts)] == ["canceled", "4.00", "0.00"]
    assert read["maker_fill_cost_dollars"] == "1.600000"


def test_buying_no_is_selling_yes(told):
    steps = told["orders"]
    assert (steps["no"]["status"], steps["no"]["book_side"]) == ("resting", "ask")
    assert steps["no"]["yes_price_dollars"] == "0.4500"
    assert steps["bought"]["status"] == "executed"
    assert steps["resting"] == 0


def test_lists_are_read_page_by_page(told):
    order_ids = [one["order_id"] for one in told["orders"]["all"]]
    assert order_ids == [
        told["orders"]["bought"]["order_id"],
        told["orders"]["placed"]["order_id"],
    ]
    assert told["reads"]["open"] == [GAME, OTHER_GAME, COIN]


def test_balance_and_position_follow_from_the_fills(told):
    steps = told["orders"]
    spent = sum(
        Decimal(fill["count_fp"]) * Decimal(fill["yes_price_dollars"])
        + Decimal(fill["fee_cost_dollars"])
        for fill in steps["fills"]
    )
    # 4 at 0.40, 2 at 0.45, and the fees.
    assert spent == Decimal("2.5515")
    # pykalshi reads whole cents, which are cut.
    assert steps["balance"]["balance"] == 100_000
    assert steps["after"]["balance"] == int((1000 - spent) * 100)
    (position,) = steps["positions"]
    assert position["position_fp"] == "6.00"
    assert position["market_exposure_dollars"] == "2.500000"
    assert position["fees_paid_dollars"] == "0.051500"


def test_batches_groups_and_subaccounts_work(told):
    placed = told["batches"]["placed"]
    assert [(one["book_side"], one["yes_price_dollars"]) for one in placed] == [
        ("bid", "0.1000"),
        ("ask", "0.8500"),
    ]
    assert told["batches"]["canceled"] == [one["order_id"] for one in placed]
    groups = told["groups"]
    assert groups["orders"] == [groups["order_id"]]
    assert [one["contracts_limit_fp"] for one in groups["all"]] == ["6.00"]
    assert groups["after"]["status"] == "canceled"
    subaccounts = told["subaccounts"]
    assert [one["balance"] for one in subaccounts["balances"]][1:] == ["50.0000"]
    assert [one["amount_cents"] for one in subaccounts["transfers"]] == [5_000]
    assert [one["enabled"] for one in subaccounts["netting"]] == [False, True]


def test_refusals_become_the_exceptions_that_pykalshi_has(told):
    assert told["refusals"] == {
        "off_grid": ["OrderRejectedError", 400, "invalid_price", "invalid price"],
        "too_dear": ["InsufficientFundsError", 400, "insufficient_balance", "insufficient balance"],
        "twice": ["KalshiAPIError", 409, "order_already_exists", "order already exists"],
        "no_order": ["ResourceNotFoundError", 404, "not_found", "not found"],
        "no_market": ["ResourceNotFoundError", 404, "market_not_found", "market not found"],
        "crosses": ["KalshiAPIError", 400, "invalid_order", "invalid order"],
    }


def test_the_public_reads_are_whole(told):
    reads = told["reads"]
    assert reads["trading"] is True
    assert reads["coin"]["price_level_structure"] == "deci_cent"
    assert reads["best"] == ["0.7250", "0.7280", "0.0030"]
    assert [trade["count_fp"] for trade in reads["trades"]] == ["2.00", "4.00"]
    candles = reads["candles"]["candlesticks"]
    assert sum(Decimal(candle["volume_fp"]) for candle in candles) == 6
    assert reads["batch"] == [GAME, COIN]
    assert reads["event"] == ["KXCLIENT-GAME", True]
    assert reads["event_markets"] == [GAME, OTHER_GAME]
    assert reads["all_series"] == ["KXCLIENT", "KXCOIN"]
    assert [reads[key] for key in ("combos", "history", "rfqs")] == [0, 0, 0]


def test_keys_are_made_and_deleted(told):
    account = told["account"]
    assert account["listed"] == ["alice", "second"]
    assert account["left"] == ["alice"]
    assert account["tier"] == "prestige"


# --- feed -----------------------------------------------------------------------------------------


def test_every_message_is_one_that_pykalshi_can_read(told):
    heard = told["heard"]
    assert sorted(heard) == [
        "fill",
        "market_lifecycle_v2",
        "market_positions",
        "order_group_updates",
        "orderbook_delta",
        "ticker",
        "trade",
        "user_orders",
    ]
    messages = [message for each in heard.values() for message in each]
    assert [message for message in messages if "unreadable" in message] == []
    assert told["reconnects"] == 0


def test_the_book_of_the_feed_is_the_book_of_rest(told):
    book = told["book"]
    assert book["yes"] == dict(map(tuple, book["rest"]["yes_dollars"]))
    assert book["no"] == dict(map(tuple, book["rest"]["no_dollars"]))
    assert sorted(book["yes"].items()) == [
        ("0.0200", "1.00"),
        ("0.3000", "2.50"),
        ("0.3100", "1.50"),
    ]
    assert book["no"] == {"0.4000": "3.00"}


def test_deltas_name_the_client_order_only_to_its_owner(told):
    deltas = told["heard"]["orderbook_delta"][1:]
    heard = [(one["side"], one["delta_fp"], one["client_order_id"]) for one in deltas[:8]]
    assert heard == [
        ("yes", "10.00", "alice-1"),  # placed
        ("yes", "-4.00", None),  # hit by bob: his order caused it, and only his copy says so
        ("yes", "-6.00", "alice-1"),  # amended: away, and to its new price
        ("yes", "6.00", "alice-1"),
        ("yes", "-2.00", "alice-1"),  # made smaller
        ("yes", "-4.00", "alice-1"),  # canceled
        ("no", "2.00", None),  # bob's
        ("no", "-2.00", "alice-2"),  # taken by alice
    ]
    assert all(one["client_order_id"] != "bob-1" for one in deltas)
    assert any(one["side"] == "no" for one in deltas)


def test_fills_orders_and_positions_tell_one_story(told):
    heard, steps = told["heard"], told["orders"]
    fills = heard["fill"]
    assert [fill["trade_id"] for fill in fills[:2]] == [
        fill["trade_id"] for fill in reversed(steps["fills"])
    ]
    assert [fill["post_position_fp"] for fill in fills] == ["4.00", "6.00", "7.00"]
    assert [fill["is_taker"] for fill in fills] == [False, True, False]
    life = [
        (one["status"], one["fill_count_fp"], one["remaining_count_fp"])
        for one in heard["user_orders"]
        if one["client_order_id"] == "alice-1"
    ]
    assert life == [
        ("resting", "0.00", "10.00"),
        ("resting", "4.00", "6.00"),
        ("resting", "4.00", "6.00"),
        ("resting", "4.00", "4.00"),
        ("canceled", "4.00", "0.00"),
    ]
    assert [one["position_fp"] for one in heard["market_positions"]] == [
        "4.00",
        "6.00",
        "7.00",
        "0.00",
    ]


def test_trades_and_the_ticker_are_told_to_everybody(told):
    trades = told["heard"]["trade"]
    assert [trade["trade_id"] for trade in trades[:2]] == [
        trade["trade_id"] for trade in reversed(told["reads"]["trades"])
    ]
    assert [trade["taker_book_side"] for trade in trades] == ["ask", "bid", "ask"]
    volumes = [Decimal(one["volume_fp"]) for one in told["heard"]["ticker"]]
    assert volumes == sorted(volumes)
    assert volumes[-1] == 7
    assert {"0.4100", "0.0000"} <= {one["yes_bid_dollars"] for one in told["heard"]["ticker"]}


def test_the_end_of_a_market_is_told_and_paid(told):
    kinds = [one["event_type"] for one in told["heard"]["market_lifecycle_v2"]]
    assert kinds == ["close_date_updated", "determined", "settled"]
    groups = [one["event_type"] for one in told["heard"]["order_group_updates"]]
    assert groups == ["created", "limit_updated", "triggered", "reset"]
    assert (told["market"]["status"], told["market"]["result"]) == ("finalized", "yes")
    (settlement,) = told["settlements"]
    assert (settlement["yes_count_fp"], settlement["revenue"]) == ("7.00", 700)
    (pnl,) = told["pnl"]
    # 1000 at the start, of which 50 went into a subaccount.
    assert told["last"]["balance"] == int((950 + Decimal(pnl)) * 100)

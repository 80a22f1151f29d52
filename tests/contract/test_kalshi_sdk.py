"""kalshi-sdk 22.4, whose models are the strictest of all clients': REST replies, and every frame of every channel."""

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
    return client_session(tmp_path_factory.mktemp("kalshi-sdk"), client="kalshi_sdk")


def bodies(told: Any, channel: str) -> list[dict[str, Any]]:
    return [message["msg"] for message in told["heard"][channel]]


# --- REST -----------------------------------------------------------------------------------------


def test_an_order_lives_its_whole_life(told):
    steps = told["trading"]
    assert steps["queue"] == "0.00"
    assert [one["order_id"] for one in steps["queues"]] == [steps["bid"]["order_id"]]
    assert (steps["ask"]["fill_count"], steps["ask"]["average_fill_price"]) == ("4.25", "0.4000")
    assert steps["amended"]["remaining_count"] == "3.75"
    assert steps["decreased"]["remaining_count"] == "3.00"
    assert steps["canceled"]["reduced_by"] == "3.00"
    read = steps["read"]
    counts = ("initial_count", "fill_count", "remaining_count")
    assert (read["status"], *(read[key] for key in counts)) == ("canceled", "8.00", "4.25", "0.00")
    assert [one["error"] is None for one in steps["batch"]["orders"]] == [True, False]
    assert [one["reduced_by"] for one in steps["batch_cancel"]["orders"]] == ["1.00", "0.00"]
    assert steps["resting"] == []


def test_the_account_is_told_exactly(told):
    steps = told["trading"]
    (fill,) = steps["fills"]
    (position,) = steps["positions"]["market_positions"]
    assert (fill["count"], position["position"]) == ("4.25", "4.25")
    assert Decimal(fill["fee_cost"]) == Decimal(position["fees_paid"]) == Decimal("0.0179")
    spent = Decimal(fill["count"]) * Decimal(fill["yes_price"]) + Decimal(fill["fee_cost"])
    before, after = steps["first"]["balance_dollars"], steps["last"]["balance_dollars"]
    assert Decimal(before) - Decimal(after) == spent
    assert steps["resting_value"]["total_resting_order_value"] == 0
    # 4.25 contracts at the last price.
    assert steps["last"]["portfolio_value"] == 170


def test_groups_and_subaccounts_have_all_their_verbs(told):
    group = told["group"]
    assert (group["none"], group["left"]) == ([], [])
    assert len(group["one"]["orders"]) == 1
    assert [one["contracts_limit"] for one in group["all"]] == ["6.00"]
    balances = told["subaccount"]["balances"]["subaccount_balances"]
    assert balances[1]["balance"] == "20.0000"
    assert [one["amount_cents"] for one in told["subaccount"]["transfers"]] == [2_000]


def test_the_public_reads_are_whole(told):
    public = told["public"]
    assert [one["ticker"] for one in public["markets"]] == [GAME, OTHER_GAME, COIN]
    assert public["books"][1] == public["book"]
    assert public["book"]["yes"][-1] == {"price": "0.7250", "quantity": "20.00"}
    assert [trade["count"] for trade in public["trades"]] == ["4.25"]
    assert sum(Decimal(candle["volume"]) for candle in public["candles"]) == Decimal("4.25")
    assert [one["market_ticker"] for one in public["bulk_candles"]] == [GAME, COIN]
    assert [len(one["markets"]) for one in public["events"]] == [2, 1]
    assert public["events"][1]["fee_multiplier_override"] == "0.25"
    assert [change["fee_type"] for change in public["series_fees"]] == ["quadratic"]
    assert [change["fee_type_override"] for change in public["event_fees"]] == [None]
    assert public["costs"]["default_cost"] == 10


def test_what_is_not_there_pages_to_nothing(told):
    assert set(told["nothing"].values()) == {0}
    assert len(told["nothing"]) == 16


def test_the_account_has_a_standing(told):
    account = told["account"]
    assert [one["name"] for one in account["listed"]["api_keys"]] == ["alice", "rsa", "edwards"]
    assert account["limits"]["usage_tier"] == "prestige"
    assert account["allocation"]["allocations"] == []


@pytest.mark.parametrize(
    ("name", "raised", "status", "code"),
    [
        ("twice", "KalshiConflictError", 409, "order_already_exists"),
        ("too_dear", "KalshiValidationError", 400, "insufficient_balance"),
        ("off_grid", "KalshiValidationError", 400, "invalid_price"),
        ("crosses", "KalshiValidationError", 400, "post only cross"),
        ("no_market", "KalshiNotFoundError", 404, "market_not_found"),
        ("no_order", "KalshiNotFoundError", 404, "not_found"),
        ("no_member", "KalshiAuthError", 403, "forbidden"),
    ],
)
def test_refusals_become_the_exceptions_that_the_sdk_has(told, name, raised, status, code):
    found = told["refusals"][name]
    assert found[:2] == [raised, status]
    assert code in found[2]


# --- feed -----------------------------------------------------------------------------------------


def test_no_frame_was_refused_and_no_number_was_missing(told):
    assert told["complaints"] == []
    assert told["errors"] == []


def test_every_channel_can_be_subscribed_to(told):
    silent = {name for name, messages in told["heard"].items() if not messages}
    # There are no combos, no quotes on request and no reference prices here.
    assert silent == {
        "cfbenchmarks_value",
        "cfbenchmarks_value_5hz",
        "communications",
        "multivariate_market_lifecycle",
    }
    assert len(told["heard"]) == 12


def test_the_book_of_the_feed_is_the_book_of_rest(told):
    books = told["heard"]["books"]
    assert books[-1] == told["book"]
    # The snapshot, then one for each change: placed, hit, canceled, two levels taken, placed.
    assert len(books) == 7
    assert told["book"]["no"] == [{"price": "0.2700", "quantity": "75.00"}]


def test_fills_trades_and_the_position_agree(told):
    fills, trades = bodies(told, "fill"), bodies(told, "trade")
    assert [fill["trade_id"] for fill in fills] == [trade["trade_id"] for trade in trades]
    assert [fill["count"] for fill in fills] == ["1.00", "20.00", "5.00"]
    assert [fill["client_order_id"] for fill in fills] == ["feed-1", "feed-2", "feed-2"]
    assert fills[-1]["post_position"] == bodies(told, "market_positions")[-1]["position"] == "26.00"
    fees = sum(Decimal(fill["fee_cost"]) for fill in fills)
    assert Decimal(bodies(told, "market_positions")[-1]["fees_paid"]) == fees
    # 7% of a quarter, which the event has instead of its series' half; makers pay nothing. Cash is rounded up to
    # 0.0001 for each fill, 0.000094 and 0.000053 here, and of the two one whole 0.0001 comes back.
    assert [fill["fee_cost"] for fill in fills] == ["0.000000", "0.069400", "0.017200"]


def test_orders_tell_how_they_ended(told):
    ends = {
        one["client_order_id"]: (one["status"], one.get("last_update_reason"))
        for one in bodies(told, "user_orders")
    }
    assert ends["feed-1"] == ("canceled", None)
    assert ends["feed-2"] == ("executed", "Trade")
    # It rested in the market that was paused: what rests there is canceled when trading goes on.
    assert ends["feed-3"][0] == "canceled"


def test_a_market_goes_through_its_states(told):
    kinds = [
        (one["event_type"], one["market_ticker"]) for one in bodies(told, "market_lifecycle_v2")
    ]
    assert kinds == [
        (kind, OTHER_GAME)
        for kind in (
            "deactivated",
            "activated",
            "close_date_updated",
            "close_date_updated",
            "activated",
            "close_date_updated",
            "determined",
            "settled",
        )
    ]
    groups = [one["event_type"] for one in bodies(told, "order_group_updates")]
    assert groups == ["created", "triggered", "deleted"]


def test_the_ticker_follows_the_market(told):
    last = bodies(told, "ticker")[-1]
    assert (last["volume"], last["open_interest"], last["price"]) == ("26.00", "26.00", "0.7300")
    assert (last["yes_bid"], last["yes_ask"]) == ("0.7250", "0.7300")

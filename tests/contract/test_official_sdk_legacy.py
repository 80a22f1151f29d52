"""Kalshi's Python SDK of December 2025, 3.2, which Python before 3.13 still installs: V1 orders and whole numbers."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.contract.environments import client_session
from tests.contract.signed_client import SignedClient
from tests.process_tools import running_exchange

GAME = "KXCLIENT-GAME-A"
START = Decimal("1000.0000")

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    directory = tmp_path_factory.mktemp("legacy")
    return client_session(directory, "--dialect", "legacy", client="official_sdk_legacy")


def test_every_call_of_the_sdk_is_made(told):
    assert told["uncalled"] == []
    assert len(told["statuses"]) == 70


def test_an_order_lives_its_whole_life_in_whole_numbers(told):
    steps = told["trading"]
    counts = ("initial_count", "fill_count", "remaining_count")
    assert [steps["bid"][key] for key in counts] == [10, 0, 10]
    assert (steps["bid"]["yes_price"], steps["bid"]["no_price"]) == (40, 60)
    assert steps["queue"]["queue_position"] == 0
    assert steps["book"]["orderbook"]["yes_dollars"] == [["0.4000", "10"]]
    assert (steps["sold"]["status"], steps["sold"]["side"]) == ("executed", "no")
    # 4 NO at 0.60, and 7% of 4 x 0.40 x 0.60, in cents.
    assert (steps["sold"]["taker_fill_cost"], steps["sold"]["taker_fees"]) == (240, 7)
    old, new = steps["amended"]["old_order"], steps["amended"]["order"]
    assert [old[key] for key in counts] == [10, 4, 6]
    assert [new[key] for key in counts] == [8, 4, 4]
    assert (new["yes_price"], new["client_order_id"]) == (41, "alice-2")
    assert steps["decreased"]["remaining_count"] == 3
    assert (steps["canceled"]["reduced_by"], steps["canceled"]["order"]["status"]) == (
        3,
        "canceled",
    )
    assert steps["read"] == steps["canceled"]["order"]


def test_orders_for_no_read_back_as_they_were_sent(told):
    steps = told["no_side"]
    words = {name: (steps[name]["action"], steps[name]["side"]) for name in ("rests", "bought")}
    assert words == {"rests": ("buy", "no"), "bought": ("sell", "no")}
    assert (steps["rests"]["no_price"], steps["rests"]["book_side"]) == (55, "ask")
    assert steps["taken"]["status"] == "executed"
    assert (steps["bought"]["book_side"], steps["bought"]["fill_count"]) == ("bid", 1)
    assert [order["order_id"] for order in steps["orders"]] == [
        steps["bought"]["order_id"],
        steps["rests"]["order_id"],
    ]


def test_a_market_order_pays_what_it_has_to(told):
    bought = told["market_order"]["bought"]
    assert (bought["status"], bought["taker_fill_cost"]) == ("executed", 140)


def test_batches_and_groups_are_there(told):
    created, canceled = told["batches"]["created"], told["batches"]["canceled"]
    assert created[0]["order"]["status"] == "resting"
    assert created[1]["error"]["code"] == "market_not_found"
    assert [one["reduced_by"] for one in canceled] == [1, 0]
    group = told["group"]
    assert group["one"]["orders"] == [group["order"]["order_id"]]
    assert [one["is_auto_cancel_enabled"] for one in group["all"]] == [True]
    assert group["after"]["status"] == "canceled"


def test_whole_numbers_and_exact_ones_agree(told):
    for name in ("alice", "bob"):
        for fill in told[name]["fills"]:
            assert fill["count"] == Decimal(fill["count_fp"])
            assert fill["yes_price"] == Decimal(fill["yes_price_dollars"]) * 100
            assert fill["yes_price_fixed"] == fill["yes_price_dollars"]
            assert fill["yes_price"] + fill["no_price"] == 100
        (market,) = told[name]["positions"]["market_positions"]
        assert market["position"] == Decimal(market["position_fp"])
        assert market["market_exposure"] == Decimal(market["market_exposure_dollars"]) * 100
    assert sum(trade["count"] for trade in told["public"]["trades"]) == told["market"]["volume"]
    candles = told["public"]["candles"]["candlesticks"]
    assert sum(candle["volume"] for candle in candles) == told["market"]["volume"]
    coin = told["public"]["coin"]
    # Tenths of a cent, shown as the nearest cent beside the exact ones.
    assert (coin["yes_bid"], coin["yes_bid_dollars"]) == (73, "0.7250")


def test_every_cent_is_told_by_fills_and_the_settlement(told):
    left = Decimal(0)
    for name in ("alice", "bob"):
        cash = START
        for fill in told[name]["fills"]:
            buys_yes = fill["book_side"] == "bid"
            price = fill["yes_price"] if buys_yes else fill["no_price"]
            cash -= Decimal(fill["count"] * price) / 100 + Decimal(fill["fee_cost"])
            # Each pair of a YES and a NO in one hand is worth $1 at once; what is left pays at the end.
        (settled,) = told["settled"][name]["settlements"]
        held = settled["yes_count"] + settled["no_count"]
        bought = sum(fill["count"] for fill in told[name]["fills"])
        pairs = Decimal(bought - held) / 2
        balance = Decimal(told["settled"][name]["balance"]["balance_dollars"])
        assert balance == cash + pairs + Decimal(settled["revenue"]) / 100
        left += balance + sum(Decimal(fill["fee_cost"]) for fill in told[name]["fills"])
    assert left == 2 * START


def test_a_settled_market_has_the_status_that_the_sdk_knows(told):
    market = told["market"]
    assert (market["status"], market["result"]) == ("settled", "no")
    assert told["public"]["announcements"] == {"announcements": []}


def test_keys_are_made_brought_used_and_deleted(told):
    keys = told["keys"]
    assert [one["name"] for one in keys["listed"]] == ["alice", "made", "brought"]
    assert keys["read"][0] == keys["read"][1]
    assert keys["deleted"] == [401, 401]


def test_what_is_not_there_is_empty_or_refused(told):
    assert all(not value for each in told["nothing"]["empty"].values() for value in each.values())
    assert set(told["nothing"]["refused"].values()) == {400, 403, 404}


@pytest.mark.parametrize(
    ("name", "raised", "code"),
    [
        ("twice", "ConflictException", "order_already_exists"),
        ("too_dear", "BadRequestException", "insufficient_balance"),
        ("both_prices", "BadRequestException", "invalid_parameters"),
        ("no_price", "BadRequestException", "missing_parameters"),
        ("cancel_of_nothing", "NotFoundException", "not_found"),
        ("no_market", "NotFoundException", "market_not_found"),
    ],
)
def test_a_refusal_is_what_the_sdks_users_catch(told, name, raised, code):
    refusal = told["refusals"][name]
    assert (refusal["class"], refusal["body"]["error"]["code"]) == (raised, code)


def test_todays_dialect_sends_v1_orders_to_v2(tmp_path: Path):
    with running_exchange(tmp_path, events_per_s=0.0) as ready:
        client = SignedClient(ready)
        status, body = client.request("POST", "/portfolio/orders", {})
        client.close()
    assert (status, body["error"]["code"]) == (410, "deprecated_v1_order_endpoint")

"""Kalshi's own Python SDK, 3.34: every call that it can make, each reply in its models, and money that adds up."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.contract.environments import client_session

GAME = "KXCLIENT-GAME-A"
START = Decimal("1000.0000")
DEPOSITED = Decimal("12.34")
REFUSED_STATUS = {400, 401, 403, 404, 409}

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return client_session(tmp_path_factory.mktemp("official"), client="official_sdk")


def dollars(balance: dict[str, Any]) -> Decimal:
    return Decimal(balance["balance_dollars"])


def position(fills: Iterable[dict[str, Any]]) -> Decimal:
    """Return what the fills add up to, in contracts: above 0 is YES."""
    return sum(
        (Decimal(fill["count_fp"]) * (1 if fill["book_side"] == "bid" else -1) for fill in fills),
        Decimal(0),
    )


def cash_of(fills: Iterable[dict[str, Any]]) -> Decimal:
    """Return what the fills did to the cash if YES is bought and sold at its price, and $1 stands behind each NO."""
    cash = Decimal(0)
    for fill in fills:
        count, price = Decimal(fill["count_fp"]), Decimal(fill["yes_price_dollars"])
        cash += -count * price if fill["book_side"] == "bid" else count * price
        cash -= Decimal(fill["fee_cost"])
    return cash


# --- the whole interface --------------------------------------------------------------------------


def test_every_call_of_the_sdk_is_made(told):
    assert told["uncalled"] == []
    assert len(told["statuses"]) > 100


def test_nothing_is_sent_that_the_models_do_not_know(told):
    # Removed by Kalshi in October 2026; another client of the newest schema still insists on it.
    assert told["strangers"] == ["Market.liquidity_dollars"]


def test_successes_have_the_status_that_the_sdk_expects(told):
    """It makes None of any other 2xx, without a word."""
    others = {name: status for name, status in told["statuses"].items() if status != 200}
    made = {name: status for name, status in others.items() if status < 300}
    assert made == {
        "create_order_group": 201,
        "batch_create_orders_v2": 201,
        "create_subaccount": 201,
        "generate_api_key": 201,
        "create_api_key": 201,
        "upgrade_account_api_usage_level": 201,
        "cancel_all_orders": 204,
        "delete_api_key": 204,
    }
    assert {status for status in others.values() if status >= 300} <= REFUSED_STATUS


# --- orders ---------------------------------------------------------------------------------------


def test_a_bid_rests_and_its_collateral_is_set_aside(told):
    steps = told["trading"]
    assert dollars(steps["first"]) == START
    assert steps["bid"]["remaining_count"] == "10.00"
    assert steps["rests"]["status"] == "resting"
    assert steps["book"]["orderbook_fp"] == {"yes_dollars": [["0.4000", "10.00"]], "no_dollars": []}
    assert steps["queue"]["queue_position_fp"] == "0.00"
    assert [one["order_id"] for one in steps["queues"]["queue_positions"]] == [
        steps["bid"]["order_id"]
    ]
    assert steps["resting_value"]["total_resting_order_value"] == 400
    # Ten at 0.40, and what ten would cost in fees: 0.0175 x 10 x 0.40 x 0.60.
    assert dollars(steps["reserved"]) == START - Decimal("4.0420")


def test_a_bid_fills_in_parts_moves_shrinks_and_goes(told):
    steps = told["trading"]
    filled = ("fill_count", "remaining_count", "average_fill_price", "average_fee_paid")
    assert [steps["ask"][key] for key in filled] == ["4.00", "0.00", "0.4000", "0.0168"]
    assert steps["amended"]["remaining_count"] == "4.00"
    assert steps["amended"]["client_order_id"] == "alice-2"
    assert steps["decreased"]["remaining_count"] == "3.00"
    assert [steps["better"][key] for key in filled[:3]] == ["1.50", "0.00", "0.4100"]
    assert steps["canceled"]["reduced_by"] == "1.50"
    gone = steps["gone"]
    assert (gone["status"], gone["fill_count_fp"], gone["remaining_count_fp"]) == (
        "canceled",
        "5.50",
        "0.00",
    )
    # 4 at 0.40 and 1.5 at 0.41; the maker pays 0.0168 and 0.006350, rounded up to whole 0.0001 of cash.
    assert gone["maker_fill_cost_dollars"] == "2.215000"
    assert gone["maker_fees_dollars"] == "0.023200"


def test_what_finds_nobody_is_a_success_without_fills(told):
    unfilled = told["trading"]["unfilled"]
    assert (unfilled["fill_count"], unfilled["remaining_count"]) == ("0.00", "0.00")
    assert "average_fill_price" not in unfilled


def test_both_sides_of_a_trade_tell_the_same_story(told):
    steps = told["trading"]
    alice, bob = steps["alice"], steps["bob"]
    assert [fill["trade_id"] for fill in alice["fills"]] == [
        fill["trade_id"] for fill in bob["fills"]
    ]
    assert [trade["trade_id"] for trade in steps["trades"]] == [
        fill["trade_id"] for fill in alice["fills"]
    ]
    assert position(alice["fills"]) == -position(bob["fills"]) == Decimal("3.50")
    for mine, theirs in zip(alice["fills"], bob["fills"], strict=True):
        assert mine["is_taker"] is not theirs["is_taker"]
        assert {mine["book_side"], theirs["book_side"]} == {"bid", "ask"}
        assert mine["yes_price_dollars"] == theirs["yes_price_dollars"]


def test_positions_are_the_sum_of_fills(told):
    for name in ("alice", "bob"):
        side = told["trading"][name]
        (market,) = side["positions"]["market_positions"]
        assert Decimal(market["position_fp"]) == position(side["fills"])
        fees = sum(Decimal(fill["fee_cost"]) for fill in side["fills"])
        assert Decimal(market["fees_paid_dollars"]) == fees
        (event,) = side["positions"]["event_positions"]
        assert event["event_exposure_dollars"] == market["market_exposure_dollars"]


def test_a_group_stops_its_orders_when_too_much_trades(told):
    groups = told["groups"]
    assert groups["none"] == {}
    assert groups["one"]["orders"] == groups["members"]
    assert groups["one"]["contracts_limit_fp"] == "3.00"
    after = groups["after_fill"]
    assert (after["status"], after["fill_count_fp"]) == ("canceled", "4.00")
    assert groups["refused"]["body"]["error"]["code"] == "exceeded_order_group_risk_limit"
    assert groups["after_trigger"]["status"] == "canceled"
    (group,) = groups["all"]["order_groups"]
    assert (group["id"], group["contracts_limit_fp"]) == (groups["made"]["order_group_id"], "7.00")
    assert groups["gone"]["status"] == 404


def test_a_batch_takes_what_it_can(told):
    sent, created = told["batches"]["sent"], told["batches"]["created"]["orders"]
    assert [one["client_order_id"] for one in created] == [one["client_order_id"] for one in sent]
    assert [one.get("remaining_count") for one in created] == ["1.00", None, "1.00"]
    assert created[1]["error"]["code"] == "invalid_price"
    canceled = told["batches"]["canceled"]["orders"]
    assert [one["reduced_by"] for one in canceled] == ["1.00", "0.00"]
    assert canceled[1]["error"]["code"] == "not_found"
    assert told["batches"]["resting"] == [], "cancel all left some"


# --- money ----------------------------------------------------------------------------------------


def test_a_subaccount_trades_with_its_own_money(told):
    steps = told["subaccounts"]
    assert steps["made"] == {"subaccount_number": 1}
    assert (steps["again"]["class"], steps["again"]["status"]) == ("ConflictException", 409)
    # 100 moved in, 0.40 for one NO, and the maker's 0.0042.
    assert dollars(steps["balance"]) == Decimal("99.5958")
    (held,) = steps["positions"]
    assert held["position_fp"] == "-1.00"
    assert [fill["subaccount_number"] for fill in steps["fills"]] == [1]
    (transfer,) = steps["transfers"]["transfers"]
    assert transfer["amount_cents"] == 10_000
    assert [one["enabled"] for one in steps["netting"]] == [False, True]
    moved = Decimal("25.0000")
    before = {one["subaccount_number"]: Decimal(one["balance"]) for one in steps["balances"]}
    after = {one["subaccount_number"]: Decimal(one["balance"]) for one in steps["after"]}
    assert after == {0: before[0] + moved, 1: before[1] - moved}


def test_cash_that_comes_in_is_told(told):
    cash = told["cash"]
    (deposit,) = cash["deposits"]["deposits"]
    assert (deposit["amount_cents"], deposit["status"]) == (1_234, "applied")
    assert cash["withdrawals"]["withdrawals"] == []
    assert cash["allocation"]["allocations"] == [{"exchange_index": 0, "percent": 100}]


@pytest.mark.parametrize(("name", "paid_in"), [("alice", Decimal(0)), ("bob", DEPOSITED)])
def test_every_cent_of_an_account_is_told_by_its_fills(told, name, paid_in):
    settled = told["settled"][name]
    held = position(settled["fills"])
    # The game ended YES: each contract that is held pays $1, each that is owed costs $1.
    expected = START + paid_in + cash_of(settled["fills"]) + held
    assert sum(Decimal(one["balance"]) for one in settled["balances"]) == expected
    revenue = sum(one["revenue"] for one in settled["settlements"])
    won = sum(Decimal(one["yes_count_fp"]) for one in settled["settlements"])
    assert Decimal(revenue) / 100 == won


def test_only_fees_leave_the_exchange(told):
    sides = [told["settled"][name] for name in ("alice", "bob")]
    fees = sum(Decimal(fill["fee_cost"]) for side in sides for fill in side["fills"])
    left = sum(Decimal(one["balance"]) for side in sides for one in side["balances"])
    assert left + fees == 2 * START + DEPOSITED


def test_a_settled_game_leaves_nothing_open(told):
    market = told["settled"]["market"]
    assert (market["status"], market["result"], market["settlement_value_dollars"]) == (
        "finalized",
        "yes",
        "1.0000",
    )
    for name in ("alice", "bob"):
        side = told["settled"][name]
        assert side["open"] == []
        assert [one["position_fp"] for one in side["settled"]] == ["0.00"]
        assert side["balance"]["portfolio_value"] == 0
        pnl = Decimal(side["settled"][0]["realized_pnl_dollars"])
        own = [fill for fill in side["fills"] if fill["subaccount_number"] == 0]
        fees = sum(Decimal(fill["fee_cost"]) for fill in own)
        assert pnl == cash_of(own) + fees + position(own)


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "raised", "code"),
    [
        ("twice", "ConflictException", "order_already_exists"),
        ("too_dear", "BadRequestException", "insufficient_balance"),
        ("off_grid", "BadRequestException", "invalid_price"),
        ("no_market", "NotFoundException", "market_not_found"),
        ("cannot_fill", "ConflictException", "fill_or_kill_insufficient_resting_volume"),
        ("expired", "BadRequestException", "invalid_order"),
        ("no_group", "NotFoundException", "order_group_not_found"),
        ("reduces_nothing", "BadRequestException", "invalid_order"),
        ("expires_now", "BadRequestException", "invalid_order"),
        ("no_price", "BadRequestException", "invalid_price"),
        ("cancel_of_nothing", "NotFoundException", "not_found"),
    ],
)
def test_a_refusal_is_what_the_sdks_users_catch(told, name, raised, code):
    refusal = told["refusals"][name]
    assert (refusal["class"], refusal["body"]["error"]["code"]) == (raised, code)
    # As on Kalshi: the SDK's own error model knows the flat shape only, so users read the body.
    assert not refusal["data"]


def test_a_wrong_parameter_is_told_in_the_third_shape(told):
    refusal = told["refusals"]["no_such_status"]
    assert refusal["status"] == 400
    assert list(refusal["body"]) == ["msg"]
    assert "GetOrdersParams.Status" in refusal["body"]["msg"]


@pytest.mark.parametrize(
    ("client", "dialect"), [("official_sdk", "v2"), ("official_sdk_legacy", "legacy")]
)
def test_who_asks_too_fast_is_told_in_the_fourth_shape(tmp_path: Path, client, dialect):
    options = ("--tier", "basic", "--dialect", dialect)
    told = client_session(tmp_path, *options, client=client, script="official_hurry.py")
    # A basic account may read 60 times at once.
    assert told["answered"] >= 60
    assert (told["class"], told["status"]) == ("ApiException", 429)
    assert (told["reason"], told["body"]) == ("Too Many Requests", '{"error":"too many requests"}')


# --- keys and reads -------------------------------------------------------------------------------


def test_keys_of_every_kind_are_made_used_and_deleted(told):
    keys = told["keys"]
    assert [one["name"] for one in keys["listed"]] == ["alice", "rsa", "edwards", "brought"]
    assert keys["labels"] == {
        "rsa": "-----BEGIN RSA PRIVATE KEY-----",
        "edwards": "-----BEGIN PRIVATE KEY-----",
    }
    balances = {dollars(balance) for balance in keys["read_with"].values()}
    assert len(balances) == 1
    assert (keys["may_not_write"]["class"], keys["may_not_write"]["status"]) == (
        "ForbiddenException",
        403,
    )
    for refusal in keys["after_delete"].values():
        assert refusal["class"] == "UnauthorizedException"
        assert refusal["body"]["error"]["details"] == "NOT_FOUND"
    assert [one["name"] for one in keys["left"]] == ["alice"]
    assert keys["wrong_key"]["body"]["error"]["details"] == "INCORRECT_API_KEY_SIGNATURE"


def test_markets_books_and_candles_are_read(told):
    public = told["public"]
    assert [one["ticker"] for one in public["markets"]["markets"]] == [GAME]
    assert public["markets"]["cursor"] != ""
    coin = public["coin"]
    assert (coin["yes_bid_dollars"], coin["yes_ask_dollars"]) == ("0.7250", "0.7280")
    assert public["top"]["orderbook_fp"] == {
        "yes_dollars": [["0.7250", "20.00"]],
        "no_dollars": [["0.2720", "20.00"]],
    }
    assert [one["ticker"] for one in public["books"]] == [GAME, "KXCOIN-NOON-T60000"]
    traded = sum(Decimal(one["volume_fp"]) for one in public["candles"]["candlesticks"])
    assert traded == Decimal("12.50")
    lows = [
        Decimal(one["price"]["low_dollars"])
        for one in public["candles"]["candlesticks"]
        if "low_dollars" in one["price"]
    ]
    assert min(lows) == Decimal("0.3000")
    assert public["event_candles"]["market_tickers"] == [GAME, "KXCLIENT-GAME-B"]


def test_events_series_and_their_fees_are_read(told):
    public = told["public"]
    assert public["series"]["fee_type"] == "quadratic_with_maker_fees"
    assert [one["ticker"] for one in public["all_series"]["series"]] == ["KXCOIN"]
    assert [len(one["markets"]) for one in public["events"]] == [2, 1]
    assert public["event"]["event"]["mutually_exclusive"] is True
    assert len(public["event"]["markets"]) == 2
    (change,) = public["series_fees"]["series_fee_change_arr"]
    assert change["fee_type"] == "quadratic"
    (override,) = public["event_fees"]["event_fee_changes"]
    assert override["fee_type_override"] is None
    assert public["tags"]["tags_by_categories"] == {"Sports": ["Games"], "Crypto": ["Hourly"]}


def test_an_account_reads_its_standing(told):
    account = told["account"]
    assert account["limits"]["usage_tier"] == "prestige"
    (progress,) = account["progress"]["volume_progress"]
    assert progress["trailing_30d_volume_fp"] == "12.50"
    assert account["market"]["body"]["error"]["code"] == "market_not_found"
    for key in ("orders", "fills", "markets", "trades"):
        assert account[key] == {key: [], "cursor": ""}


def test_what_is_not_there_is_empty_or_not_found(told):
    nothing = told["nothing"]
    assert all(not value for reply in nothing["empty"].values() for value in reply.values())
    statuses = {name: refusal["status"] for name, refusal in nothing["refused"].items()}
    members = {name for name in statuses if "fcm" in name}
    trades = {"create_rfq", "create_quote", "propose_block_trade"}
    assert {statuses[name] for name in members} == {403}
    assert {statuses[name] for name in trades} == {400}
    assert {status for name, status in statuses.items() if name not in members | trades} == {404}

"""What the fields of REST bodies mean."""

import json
from pathlib import Path

import msgspec
import pytest

from traderd.errors import ExchangeProtocolError
from traderd.kalshi.wire import portfolio, rest
from traderd.kalshi.wire.translate import (
    balance_from_wire,
    fill_from_wire,
    grid_from_wire,
    market_from_wire,
    order_record_from_wire,
    orderbook_from_wire,
    position_from_wire,
)
from traderd.model.market import MarketStatus
from traderd.model.orders import OrderStatus, Side
from traderd.model.units import Price, Timestamp, parse_time

DATA = Path(__file__).parents[2] / "data"
AT = Timestamp(1_700_000_000_000_000_000)


def order(**changes):
    fields = {
        "order_id": "o1",
        "ticker": "T.5-A",
        "status": "resting",
        "yes_price_dollars": "0.470",
        "initial_count_fp": "10.00",
        "fill_count_fp": "2.50",
        "remaining_count_fp": 7.5,
        "book_side": "bid",
        "outcome_side": "yes",
        "client_order_id": "c1",
        "created_time": "2026-11-15T06:29:30.164956Z",
    }
    return msgspec.convert({**fields, **changes}, portfolio.Order)


def fill(**changes):
    fields = {
        "trade_id": "t1",
        "order_id": "o1",
        "ticker": "T",
        "count_fp": "7.77",
        "yes_price_dollars": "0.5200",
        "is_taker": True,
        "fee_cost": "0.017500",
        "book_side": "ask",
        "outcome_side": "no",
        "created_time": "2026-11-15T06:29:30Z",
    }
    return msgspec.convert({**fields, **changes}, portfolio.Fill)


def test_an_order_keeps_numbers_exact_whatever_their_spelling():
    record = order_record_from_wire(order())
    assert (record.price, record.initial_count, record.fill_count, record.remaining_count) == (
        4700,
        1000,
        250,
        750,
    )
    assert (record.side, record.status, record.client_order_id) == (
        Side.BID,
        OrderStatus.RESTING,
        "c1",
    )
    assert record.created_at == parse_time("2026-11-15T06:29:30.164956Z")
    assert record.expires_at is None


def test_an_order_without_a_client_id_has_none_and_not_an_empty_one():
    assert order_record_from_wire(order(client_order_id="")).client_order_id is None
    assert order_record_from_wire(order(client_order_id=None)).client_order_id is None


@pytest.mark.parametrize(
    ("fields", "side"),
    [
        ({"book_side": "ask", "outcome_side": "no"}, Side.ASK),
        ({"book_side": "bid", "outcome_side": None}, Side.BID),
        ({"book_side": "", "outcome_side": "no"}, Side.ASK),
        ({"side": "yes", "action": "buy", "book_side": "ask", "outcome_side": "no"}, Side.ASK),
    ],
)
def test_direction_comes_from_the_new_fields_and_never_from_the_legacy_pair(fields, side):
    assert order_record_from_wire(order(**fields)).side is side
    assert fill_from_wire(fill(**fields), at=AT).side is side


@pytest.mark.parametrize(
    "fields",
    [
        {"book_side": None, "outcome_side": None, "side": "yes", "action": "buy"},
        {"book_side": "bid", "outcome_side": "no"},
        {"book_side": "buy", "outcome_side": "yes"},
        {"book_side": "bid", "outcome_side": "maybe"},
    ],
)
def test_a_direction_that_is_missing_or_contradicts_itself_is_refused(fields):
    with pytest.raises(ExchangeProtocolError, match="direction"):
        order_record_from_wire(order(**fields))
    with pytest.raises(ExchangeProtocolError, match="direction"):
        fill_from_wire(fill(**fields), at=AT)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"status": "pending"}, "order o1: status 'pending'"),
        ({"yes_price_dollars": "47"}, "order o1: yes_price_dollars"),
        ({"fill_count_fp": "-1.00"}, "order o1: fill_count_fp"),
        ({"created_time": "yesterday"}, "order o1: created_time"),
        ({"ticker": ""}, "order o1: ticker is empty"),
    ],
)
def test_a_bad_order_names_the_order_and_the_field(changes, names):
    with pytest.raises(ExchangeProtocolError, match=names):
        order_record_from_wire(order(**changes))


def test_a_fill_has_its_fee_in_microdollars_and_its_time():
    got = fill_from_wire(fill(), at=AT)
    assert (got.count, got.price, got.fee, got.side) == (777, 5200, 17_500, Side.ASK)
    assert got.executed_at == parse_time("2026-11-15T06:29:30Z")


def test_the_time_of_a_fill_falls_back_to_seconds_and_then_to_the_reading():
    seconds = fill_from_wire(fill(created_time=None, ts=1_781_159_370), at=AT)
    assert seconds.executed_at == 1_781_159_370 * 10**9
    assert fill_from_wire(fill(created_time=None), at=AT).executed_at == AT


@pytest.mark.parametrize(
    "changes", [{"count_fp": "0.00"}, {"yes_price_dollars": "1.0000"}, {"fee_cost": "x"}]
)
def test_a_fill_of_nothing_is_refused(changes):
    with pytest.raises(ExchangeProtocolError, match="fill t1"):
        fill_from_wire(fill(**changes), at=AT)


def test_every_recorded_market_becomes_a_market_with_a_grid():
    settled = json.loads((DATA / "rest_markets_settled_20260808.json").read_text())["markets"]
    markets = [market_from_wire(msgspec.convert(row, rest.Market)) for row in settled]
    assert len(markets) == 44
    assert all(market.grid.allows(Price(5000)) for market in markets)
    assert {market.status for market in markets} <= {
        MarketStatus.FINALIZED,
        MarketStatus.DETERMINED,
        MarketStatus.CLOSED,
    }


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("active", MarketStatus.ACTIVE),
        ("settled", MarketStatus.FINALIZED),
        ("novel", MarketStatus.UNKNOWN),
    ],
)
def test_a_market_status_may_be_old_or_unknown(word, status):
    row = json.loads((DATA / "rest_market_and_orderbook_20260809.json").read_text())["nested"]
    assert market_from_wire(msgspec.convert(row | {"status": word}, rest.Market)).status is status


def test_a_market_without_a_usable_grid_is_refused():
    row = json.loads((DATA / "rest_market_and_orderbook_20260809.json").read_text())["nested"]
    for ranges in ([], [{"start": "0.5", "end": "0.1", "step": "0.01"}]):
        with pytest.raises(ExchangeProtocolError, match="market KXNCAAFGAME"):
            market_from_wire(msgspec.convert(row | {"price_ranges": ranges}, rest.Market))


def test_a_recorded_book_turns_no_bids_into_yes_asks():
    recorded = json.loads((DATA / "rest_market_and_orderbook_20260809.json").read_text())
    bids, asks = orderbook_from_wire(msgspec.convert(recorded["orderbook"], rest.OrderBookEnvelope))
    assert max(bids) == (8900, 34_349)
    assert min(asks) == (9400, 64_100)
    market = recorded["single"]["market"]
    assert f"{max(bids)[0] / 10_000:.4f}" == market["yes_bid_dollars"]
    assert f"{min(asks)[0] / 10_000:.4f}" == market["yes_ask_dollars"]


def test_a_side_of_a_book_may_be_null():
    assert orderbook_from_wire(
        msgspec.convert({"orderbook_fp": {"yes_dollars": None}}, rest.OrderBookEnvelope)
    ) == ((), ())


def test_positions_are_signed_and_balances_come_from_dollars():
    position = position_from_wire(
        portfolio.MarketPosition(
            ticker="T",
            position_fp="-3.50",
            market_exposure_dollars="2.500000",
            realized_pnl_dollars="-0.010000",
            fees_paid_dollars="0.018900",
        )
    )
    assert (position.count, position.exposure, position.realized_pnl, position.fees_paid) == (
        -350,
        2_500_000,
        -10_000,
        18_900,
    )
    balance = balance_from_wire(
        portfolio.Balance(balance=9801, balance_dollars="98.0186", portfolio_value=198)
    )
    assert (balance.balance, balance.portfolio_value) == (98_018_600, 1_980_000)


def test_markets_with_the_same_ranges_share_one_grid():
    ranges = [rest.PriceRange(start="0.0000", end="1.0000", step="0.0100")]
    again = [rest.PriceRange(start="0.0000", end="1.0000", step="0.0100")]
    assert grid_from_wire(ranges) is grid_from_wire(again)

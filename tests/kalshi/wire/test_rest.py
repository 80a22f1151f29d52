"""REST bodies decode as the recordings have them, and fail by name."""

import json
from pathlib import Path

import msgspec
import pytest

from traderd.errors import ExchangeProtocolError
from traderd.kalshi.wire import portfolio, rest
from traderd.kalshi.wire.translate import listing_from_wire

DATA = Path(__file__).parents[2] / "data"
SETTLED = json.loads((DATA / "rest_markets_settled_20260808.json").read_text())
SINGLE = json.loads((DATA / "rest_market_and_orderbook_20260809.json").read_text())


def test_every_recorded_settled_market_decodes():
    body = json.dumps({"markets": SETTLED["markets"], "cursor": ""}).encode()
    rows = rest.decode_body(body, rest.MarketList, "GET /markets").markets
    listed = [rest.decode_body(row, rest.MarketRead, "market") for row in rows]
    assert len(listed) == len(SETTLED["markets"]) == 44
    assert {market.status for market in listed} <= set(SETTLED["status_counts"])


def test_of_a_listed_market_only_what_is_used_is_kept():
    body = json.dumps({"markets": [SINGLE["single"]["market"]], "cursor": ""}).encode()
    (row,) = rest.decode_body(body, rest.MarketList, "GET /markets").markets
    listed = rest.decode_body(row, rest.MarketRead, "market")
    single = rest.decode_body(json.dumps(SINGLE["single"]).encode(), rest.MarketEnvelope, "market")
    assert listing_from_wire(listed) == listing_from_wire(single.market)
    assert not hasattr(listed, "rules_primary")
    assert single.market.rules_primary


def test_a_recorded_market_says_the_same_nested_and_single():
    single = rest.decode_body(json.dumps(SINGLE["single"]).encode(), rest.MarketEnvelope, "market")
    nested = rest.decode_body(json.dumps(SINGLE["nested"]).encode(), rest.Market, "market")
    assert single.market.ticker == nested.ticker == SINGLE["ticker"]
    assert single.market.price_ranges == nested.price_ranges


def test_a_written_market_has_the_required_fields_and_no_unset_ones():
    market = rest.Market(
        ticker="A",
        event_ticker="E",
        status="active",
        close_time="2026-12-31T16:00:00Z",
        price_ranges=[],
    )
    written = json.loads(rest.encode_body(market))
    required = set(SINGLE["single"]["market"]) - {
        "custom_strike",
        "early_close_condition",
        "strike_type",
        "expiration_time",
        "expected_expiration_time",
        "occurrence_datetime",
        "liquidity_dollars",
    }
    assert required <= set(written)
    assert "settlement_ts" not in written


def test_a_missing_field_is_named_with_its_endpoint():
    with pytest.raises(ExchangeProtocolError, match=r"GET /markets/A.*`close_time`.*\$\.market"):
        rest.decode_body(
            b'{"market":{"ticker":"A","event_ticker":"E","status":"active","price_ranges":[]}}',
            rest.MarketEnvelope,
            "GET /markets/A",
        )


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"market":{"ticker":"\xff"}}', b'{"z":' + b"[" * 99_999]
)
def test_garbage_is_a_protocol_error_and_never_a_crash(body):
    with pytest.raises(ExchangeProtocolError, match="GET /thing"):
        rest.decode_body(body, rest.ExchangeStatus, "GET /thing")


def test_the_minimal_exchange_status_decodes():
    status = rest.decode_body(
        b'{"exchange_active":true,"trading_active":false}', rest.ExchangeStatus, "status"
    )
    assert (status.exchange_active, status.trading_active) == (True, False)
    assert status.exchange_index_statuses is msgspec.UNSET


def test_account_limits_decode():
    limits = rest.decode_body(
        b'{"usage_tier":"basic","read":{"refill_rate":200,"bucket_capacity":600},'
        b'"write":{"refill_rate":100,"bucket_capacity":100},"grants":[]}',
        rest.AccountLimits,
        "limits",
    )
    assert (limits.usage_tier, limits.read.bucket_capacity, limits.write.refill_rate) == (
        "basic",
        600,
        100,
    )


def test_both_captured_create_replies_decode():
    resting = rest.decode_body(
        b'{"order_id":"2597","client_order_id":"7a5e","fill_count":"0.00","remaining_count":"1.00","ts_ms":1781159360866}',
        rest.CreateOrderReply,
        "create",
    )
    filled = rest.decode_body(
        b'{"order_id":"97ec","fill_count":"1.00","remaining_count":"0.00","average_fill_price":"0.5200","average_fee_paid":"0.0175"}',
        rest.CreateOrderReply,
        "create",
    )
    assert (resting.remaining_count, filled.average_fill_price) == ("1.00", "0.5200")


@pytest.mark.parametrize("body", [b'{"orders":null,"cursor":null}', b'{"cursor":""}', b"{}"])
def test_a_list_may_be_null_or_absent_on_the_wire(body):
    assert not rest.decode_body(body, portfolio.OrderList, "orders").orders

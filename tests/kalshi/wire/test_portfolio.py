"""Portfolio bodies insist on what the trader cannot do without."""

import json

import pytest

from traderd.errors import ExchangeProtocolError
from traderd.kalshi.wire import portfolio
from traderd.kalshi.wire.rest import decode_body, encode_body

ORDER = {
    "order_id": "97ec",
    "user_id": "f506",
    "client_order_id": "7a5f",
    "ticker": "KXDEMO-26DEC31-A",
    "side": "yes",
    "action": "buy",
    "outcome_side": "yes",
    "book_side": "bid",
    "type": "limit",
    "status": "executed",
    "yes_price_dollars": "0.9900",
    "no_price_dollars": "0.0100",
    "initial_count_fp": "1.00",
    "fill_count_fp": "1.00",
    "remaining_count_fp": "0.00",
    "taker_fill_cost_dollars": "0.520000",
    "taker_fees_dollars": "0.017500",
    "maker_fill_cost_dollars": "0.000000",
    "maker_fees_dollars": "0.000000",
    "self_trade_prevention_type": "taker_at_cross",
    "created_time": "2026-11-15T06:29:30.164956Z",
    "last_update_time": "2026-11-15T06:29:30.164956Z",
    "subaccount_number": 0,
}


def test_the_sample_order_survives_a_round_trip_unchanged():
    order = decode_body(
        json.dumps({"order": ORDER}).encode(), portfolio.OrderEnvelope, "order"
    ).order
    assert json.loads(encode_body(order)) == ORDER


@pytest.mark.parametrize(
    "field",
    ["order_id", "ticker", "status", "yes_price_dollars", "fill_count_fp", "remaining_count_fp"],
)
def test_an_order_without_a_needed_field_is_refused_by_its_name(field):
    body = json.dumps({"orders": [{k: v for k, v in ORDER.items() if k != field}]}).encode()
    with pytest.raises(ExchangeProtocolError, match=f"GET /portfolio/orders.*`{field}`"):
        decode_body(body, portfolio.OrderList, "GET /portfolio/orders")


@pytest.mark.parametrize("field", ["position_fp", "market_exposure_dollars", "fees_paid_dollars"])
def test_a_position_without_a_needed_field_is_refused(field):
    row = {
        "ticker": "A",
        "position_fp": "3.00",
        "market_exposure_dollars": "2.500000",
        "realized_pnl_dollars": "0.000000",
        "fees_paid_dollars": "0.018900",
    }
    assert decode_body(
        json.dumps({"market_positions": [row]}).encode(), portfolio.PositionList, "p"
    ).market_positions
    del row[field]
    with pytest.raises(ExchangeProtocolError, match=field):
        decode_body(json.dumps({"market_positions": [row]}).encode(), portfolio.PositionList, "p")


def test_a_balance_without_dollars_is_refused_because_cents_are_truncated():
    with pytest.raises(ExchangeProtocolError, match="balance_dollars"):
        decode_body(b'{"balance":9801,"portfolio_value":198}', portfolio.Balance, "balance")

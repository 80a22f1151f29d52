"""The create-order body in both directions."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderd.kalshi.wire.errors import ErrorShape, RequestRefused
from traderd.kalshi.wire.order_request import (
    create_order_request,
    decode_create_order,
    order_terms_from_request,
    request_count,
    request_expiry,
)
from traderd.kalshi.wire.rest import encode_body
from traderd.model.ids import ClientOrderId, MarketTicker
from traderd.model.orders import OrderTerms, SelfTradePrevention, Side, TimeInForce
from traderd.model.units import Count, Price, Timestamp

BODY = {
    "ticker": "KXDEMO-26DEC31-A",
    "client_order_id": "7a5e",
    "side": "bid",
    "count": "1.00",
    "price": "0.0100",
    "time_in_force": "good_till_canceled",
    "self_trade_prevention_type": "taker_at_cross",
    "post_only": True,
}


def parse(**changes):
    body = {key: value for key, value in (BODY | changes).items() if value is not None}
    return order_terms_from_request(decode_create_order(json.dumps(body).encode()))


@given(
    st.builds(
        OrderTerms,
        ticker=st.just(MarketTicker("KX-T60499.99")),
        side=st.sampled_from(Side),
        price=st.integers(1, 9_999).map(Price),
        count=st.integers(1, 10**9).map(Count),
        time_in_force=st.just(TimeInForce.GOOD_TILL_CANCELED),
        post_only=st.booleans(),
        expires_at=st.none() | st.integers(1, 10**11 - 1).map(lambda s: Timestamp(s * 10**9)),
        self_trade_prevention=st.sampled_from(SelfTradePrevention),
    )
)
def test_terms_survive_the_wire(terms):
    body = encode_body(create_order_request(terms, ClientOrderId("c1")))
    request = decode_create_order(body)
    assert order_terms_from_request(request) == terms
    assert request.client_order_id == "c1"


def test_the_captured_request_is_written_exactly():
    terms = OrderTerms(
        ticker=MarketTicker("KXDEMO-26DEC31-A"),
        side=Side.BID,
        price=Price(100),
        count=Count(100),
        post_only=True,
    )
    assert json.loads(encode_body(create_order_request(terms, ClientOrderId("7a5e")))) == BODY


def test_a_reduce_only_order_survives_the_wire():
    terms = OrderTerms(
        ticker=MarketTicker("A"),
        side=Side.ASK,
        price=Price(1),
        count=Count(1),
        time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL,
        reduce_only=True,
    )
    body = encode_body(create_order_request(terms, ClientOrderId("c")))
    assert order_terms_from_request(decode_create_order(body)) == terms


def test_a_fraction_of_a_second_of_expiry_is_cut():
    terms = OrderTerms(
        ticker=MarketTicker("A"),
        side=Side.BID,
        price=Price(1),
        count=Count(1),
        expires_at=Timestamp(5_999_999_999),
    )
    assert create_order_request(terms, ClientOrderId("c")).expiration_time == 5


def test_unknown_and_null_fields_are_ignored():
    body = json.dumps(BODY | {"buy_max_cost_dollars": "1", "reduce_only": None}).encode()
    assert order_terms_from_request(decode_create_order(body)).reduce_only is False


def test_a_json_number_gets_the_captured_go_sentence():
    with pytest.raises(RequestRefused) as caught:
        parse(count=1)
    assert caught.value.refusal.status == 400
    assert json.loads(caught.value.refusal.body()) == {
        "code": "bad_request",
        "message": "bad request",
        "details": "json: cannot unmarshal number into Go struct field CreateOrderV2Request.count of type string",
    }


@pytest.mark.parametrize(
    ("changes", "code", "details"),
    [
        ({"price": None}, "missing_parameters", "price"),
        ({"time_in_force": None}, "missing_parameters", "time_in_force"),
        ({"self_trade_prevention_type": None}, "missing_parameters", "self_trade_prevention_type"),
        ({"ticker": ""}, "missing_parameters", "ticker"),
        ({"side": "yes"}, "invalid_parameters", "side must be one of bid, ask"),
        ({"time_in_force": "GTC"}, "invalid_parameters", "time_in_force"),
        ({"price": "0.00001"}, "invalid_price", ""),
        ({"price": "1.00"}, "invalid_price", ""),
        ({"price": "0"}, "invalid_price", ""),
        ({"price": "5O"}, "invalid_price", ""),
        ({"count": "0.00"}, "invalid_order_size", "above 0"),
        ({"count": "-1"}, "invalid_order_size", "above 0"),
        ({"count": "1.005"}, "invalid_order_size", "2 decimals"),
        ({"expiration_time": 1_781_159_360_866}, "invalid_parameters", "seconds"),
        (
            {"time_in_force": "immediate_or_cancel", "post_only": None, "expiration_time": 5},
            "invalid_order",
            "Cannot specify both immediate_or_cancel and expiration_ts",
        ),
        ({"reduce_only": True}, "invalid_order", "reduce only requires immediate or cancel"),
    ],
)
def test_what_is_wrong_is_said_in_the_exchanges_words(changes, code, details):
    with pytest.raises(RequestRefused) as caught:
        parse(**changes)
    refusal = caught.value.refusal
    assert (refusal.status, refusal.code, refusal.shape) == (400, code, ErrorShape.NESTED)
    assert details in refusal.details


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"ticker":"\xff"}', b'{"z":' + b"[" * 99_999])
def test_garbage_is_a_bad_request(body):
    with pytest.raises(RequestRefused) as caught:
        decode_create_order(body)
    assert caught.value.refusal.code in {"bad_request", "missing_parameters"}


def test_an_expiry_that_is_over_is_left_to_the_exchange_and_one_in_milliseconds_is_not():
    assert parse(expiration_time=0).expires_at == 0
    assert request_expiry(-5) == 0
    assert request_expiry(10**11 - 1) == (10**11 - 1) * 10**9
    with pytest.raises(RequestRefused, match="not in milliseconds"):
        request_expiry(10**11)


def test_no_contracts_are_a_count_only_where_they_may_be():
    assert request_count("0.00", zero=True) == 0
    with pytest.raises(RequestRefused):
        request_count("-1", zero=True)

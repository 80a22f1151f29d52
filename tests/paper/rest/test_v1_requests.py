"""V1 bodies become V2 ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderd.kalshi.wire.errors import RequestRefused
from traderd.kalshi.wire.order_request import order_terms_from_request
from traderd.model.orders import Side
from traderd.model.units import Price
from traderd.paper.rest.v1_requests import (
    CancelBatchV1,
    CancelItemV1,
    CreateV1,
    DecreaseV1,
    as_v2,
    count_of,
    price_of,
    reductions_of,
    side_of,
)


def create(**more) -> CreateV1:
    body = {"ticker": "A", "action": "buy", "side": "yes", "count": 1} | more
    return CreateV1(**{name: value for name, value in body.items() if value is not None})


def v2(**more):
    return as_v2(create(**more), lambda side: Price(9_900 if side is Side.BID else 100))


@pytest.mark.parametrize(
    ("action", "side", "price", "book_side", "yes_price"),
    [
        ("buy", "yes", {"yes_price": 30}, "bid", "0.3000"),
        ("sell", "yes", {"yes_price": 30}, "ask", "0.3000"),
        ("buy", "no", {"no_price": 30}, "ask", "0.7000"),
        ("sell", "no", {"no_price": 30}, "bid", "0.7000"),
        ("buy", "no", {"yes_price": 30}, "ask", "0.3000"),
        ("buy", "no", {"no_price_dollars": "0.305"}, "ask", "0.6950"),
        ("sell", "yes", {"yes_price_dollars": "0.3050"}, "ask", "0.3050"),
    ],
)
def test_every_pair_has_its_side_of_the_one_book(action, side, price, book_side, yes_price):
    request = v2(action=action, side=side, **price)
    assert (request.side, request.price) == (book_side, yes_price)


def test_defaults_are_those_of_v1():
    request = v2(yes_price=30)
    assert request.time_in_force == "good_till_canceled"
    assert request.self_trade_prevention_type == "taker_at_cross"
    assert (request.client_order_id, request.subaccount) == (None, None)


def test_a_market_order_is_immediate_at_the_last_price_there_is():
    assert (v2(type="market").price, v2(type="market").time_in_force) == (
        "0.9900",
        "immediate_or_cancel",
    )
    assert v2(type="market", action="sell").price == "0.0100"
    assert v2(type="market", time_in_force="fill_or_kill").time_in_force == "fill_or_kill"
    assert v2(type="market", yes_price=40).price == "0.4000"


def test_a_maximum_cost_means_fill_or_kill():
    request = v2(yes_price=30, buy_max_cost=100, time_in_force="good_till_canceled")
    assert request.time_in_force == "fill_or_kill"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({}, "missing_parameters"),
        ({"yes_price": 30, "no_price": 70}, "invalid_parameters"),
        ({"yes_price": 30, "yes_price_dollars": "0.30"}, "invalid_parameters"),
        ({"yes_price": 0}, "invalid_price"),
        ({"yes_price": 100}, "invalid_price"),
        ({"no_price_dollars": "1.2"}, "invalid_price"),
        ({"yes_price": 30, "action": "hold"}, "invalid_parameters"),
        ({"yes_price": 30, "side": "bid"}, "invalid_parameters"),
        ({"yes_price": 30, "type": "stop"}, "invalid_parameters"),
        ({"yes_price": 30, "count": None}, "missing_parameters"),
        ({"yes_price": 30, "count": 0}, "invalid_order_size"),
        ({"yes_price": 30, "count": 10**30}, "invalid_order_size"),
        ({"yes_price": 30, "count": 1, "count_fp": "2"}, "invalid_parameters"),
        ({"yes_price": 30, "action": "sell", "buy_max_cost": 5}, "invalid_parameters"),
        ({"yes_price": 30, "buy_max_cost": 0}, "invalid_parameters"),
    ],
)
def test_what_makes_no_sense_is_refused(more, code):
    with pytest.raises(RequestRefused) as caught:
        v2(**more)
    assert caught.value.refusal.code == code


@given(
    st.sampled_from(["buy", "sell"]),
    st.sampled_from(["yes", "no"]),
    st.sampled_from(["yes_price", "no_price"]),
    st.integers(1, 99),
    st.integers(1, 10**6),
)
def test_an_order_has_one_meaning_whatever_leg_its_price_names(action, side, leg, cents, count):
    terms = order_terms_from_request(v2(action=action, side=side, count=count, **{leg: cents}))
    assert terms.side is side_of(action, side)
    assert terms.price == (cents if leg == "yes_price" else 100 - cents) * 100
    assert terms.count == count * 100


def test_counts_are_whole_or_exact_or_both_alike():
    assert count_of(None, None) is None
    assert (count_of(2, None), count_of(None, "2.5"), count_of(2, "2.00")) == (200, 250, 200)
    assert price_of(create()) is None


def test_reductions_and_cancels_have_two_spellings():
    assert reductions_of(DecreaseV1(reduce_by=1)) == (100, None)
    assert reductions_of(DecreaseV1(reduce_to=0)) == (None, 0)
    assert reductions_of(DecreaseV1(reduce_to_fp="0.5")) == (None, 50)
    with pytest.raises(RequestRefused):
        reductions_of(DecreaseV1(reduce_by=1, reduce_to_fp="1"))
    item = CancelItemV1(order_id="b")
    assert [each.order_id for each in CancelBatchV1(ids=["a"], orders=[item]).items()] == ["a", "b"]
    with pytest.raises(RequestRefused):
        CancelBatchV1().items()

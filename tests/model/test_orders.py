"""Orders and fills refuse what cannot be, and their arithmetic adds up to a dollar per pair."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderd.errors import BadInput
from traderd.model.ids import MarketTicker, OrderId, TradeId
from traderd.model.orders import Fill, OrderStatus, OrderTerms, Side, TimeInForce
from traderd.model.units import ONE_DOLLAR, Count, Money, Price, Timestamp, notional

TICKER = MarketTicker("KXDEMO-26DEC31-A")


def terms(**changes) -> OrderTerms:
    given_terms = {"ticker": TICKER, "side": Side.BID, "price": Price(4_500), "count": Count(500)}
    return OrderTerms(**(given_terms | changes))


def fill(side: Side, price: int, count: int) -> Fill:
    return Fill(
        trade_id=TradeId("t"),
        order_id=OrderId("o"),
        ticker=TICKER,
        side=side,
        price=Price(price),
        count=Count(count),
        fee=Money(0),
        is_taker=True,
        executed_at=Timestamp(1),
    )


@pytest.mark.parametrize("count", [0, -1])
def test_an_order_for_nothing_is_refused(count):
    with pytest.raises(BadInput, match="count above 0"):
        terms(count=Count(count))


@pytest.mark.parametrize("price", [-1, 0, 10_000, 10_001])
def test_an_order_at_the_bounds_or_beyond_is_refused(price):
    with pytest.raises(BadInput, match="between"):
        terms(price=Price(price))


@pytest.mark.parametrize("price", [1, 9_999])
def test_the_outermost_prices_are_allowed(price):
    assert terms(price=Price(price)).price == price


@pytest.mark.parametrize("how_long", [TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL])
def test_an_order_that_ends_at_once_cannot_also_expire(how_long):
    with pytest.raises(BadInput, match="expiration"):
        terms(time_in_force=how_long, expires_at=Timestamp(1))


def test_a_resting_order_may_expire():
    assert terms(expires_at=Timestamp(9)).expires_at == 9


@pytest.mark.parametrize("how_long", [TimeInForce.GOOD_TILL_CANCELED, TimeInForce.FILL_OR_KILL])
def test_reduce_only_needs_immediate_or_cancel(how_long):
    with pytest.raises(BadInput, match="reduce_only"):
        terms(reduce_only=True, time_in_force=how_long)
    assert terms(reduce_only=True, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL).reduce_only


@pytest.mark.parametrize(("price", "count"), [(0, 1), (10_000, 1), (5_000, 0), (5_000, -1)])
def test_a_fill_that_cannot_be_is_refused(price, count):
    with pytest.raises(BadInput, match="fill t"):
        fill(Side.BID, price, count)


@given(st.integers(1, 9_999), st.integers(1, 10**9))
def test_both_sides_of_one_trade_cost_a_dollar_per_contract_together(price, count):
    bid, ask = fill(Side.BID, price, count), fill(Side.ASK, price, count)
    assert bid.cost == notional(Price(price), Count(count))
    assert bid.cost + ask.cost == notional(ONE_DOLLAR, Count(count))
    assert bid.signed_count == count == -ask.signed_count


def test_sides_are_each_others_opposite():
    assert Side.BID.opposite is Side.ASK
    assert Side.ASK.opposite is Side.BID
    assert (Side.BID.sign, Side.ASK.sign) == (1, -1)


def test_an_order_is_live_until_the_exchange_or_a_proof_ends_it():
    ended = [status for status in OrderStatus if not status.is_live]
    assert ended == [
        OrderStatus.EXECUTED,
        OrderStatus.CANCELED,
        OrderStatus.REJECTED,
        OrderStatus.NOT_PLACED,
    ]


def test_values_cannot_be_changed():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        terms().price = Price(1)

"""What one fill costs: the worked examples of the fee page and the laws of its rounding."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderd.errors import BadInput
from traderd.model.units import Count, Money, Price, parse_count, parse_money, parse_price
from traderd.paper.venue.fees import BALANCE_STEP, FeeSchedule, FeeType, charge

STANDARD = FeeSchedule(fee_type=FeeType.QUADRATIC)


@pytest.mark.parametrize(
    ("count", "price", "trade_fee", "cash", "net"),
    [
        # Kalshi: fee rounding, the three worked purchases of a direct member.
        ("1", "0.52", "0.017472", "-0.5375", "0.0175"),
        ("1", "0.99", "0.000693", "-0.9907", "0.0007"),
        ("10", "0.52", "0.174720", "-5.3748", "0.1748"),
    ],
)
def test_the_worked_examples_of_the_fee_page_come_out_exactly(count, price, trade_fee, cash, net):
    quantity, at = parse_count(count), parse_price(price)
    fee = STANDARD.trade_fee(at, quantity, is_taker=True)
    assert fee == parse_money(trade_fee)
    result = charge(Money(-at * quantity), fee, Money(0))
    assert result.cash_change == parse_money(cash)
    assert result.net_fee == parse_money(net)


@pytest.mark.parametrize(
    ("fee_type", "maker_fee"),
    [
        (FeeType.QUADRATIC, "0"),
        (FeeType.QUADRATIC_WITH_MAKER_FEES, "0.437500"),
        (FeeType.QUADRATIC_WITH_COMBO_MAKER_FEES, "0.875000"),
    ],
)
def test_makers_pay_none_a_quarter_or_half_of_the_takers_fee(fee_type, maker_fee):
    fees = FeeSchedule(fee_type=fee_type)
    assert fees.trade_fee(Price(5000), Count(10_000), is_taker=True) == parse_money("1.75")
    assert fees.trade_fee(Price(5000), Count(10_000), is_taker=False) == parse_money(maker_fee)


def test_the_multiplier_scales_the_fee_and_zero_frees_it():
    half = FeeSchedule(fee_type=FeeType.QUADRATIC, multiplier=500)
    free = FeeSchedule(fee_type=FeeType.QUADRATIC, multiplier=0)
    assert half.trade_fee(Price(5000), Count(10_000), is_taker=True) == parse_money("0.875")
    assert free.trade_fee(Price(5000), Count(10_000), is_taker=True) == 0


def test_the_trade_fee_is_rounded_up_to_a_millionth():
    # 0.07 x 0.01 x 0.01 x 0.99 = 0.00000693
    assert STANDARD.trade_fee(Price(100), Count(1), is_taker=True) == parse_money("0.000007")


@pytest.mark.parametrize("multiplier", [-1, 10_001])
def test_a_multiplier_beyond_its_bounds_is_refused(multiplier):
    with pytest.raises(BadInput, match="multiplier"):
        FeeSchedule(fee_type=FeeType.QUADRATIC, multiplier=multiplier)


def test_rounding_is_given_back_once_it_exceeds_one_step():
    # Each fill of 1 at 0.52 loses 28 millionths to rounding: 28, 56, 84, then 112 > 100 gives 100 back.
    remainder, nets = Money(0), []
    for _ in range(4):
        result = charge(Money(-520_000), Money(17_472), remainder)
        remainder = result.remainder
        nets.append(result.net_fee)
    assert nets == [17_500, 17_500, 17_500, 17_400]
    assert remainder == 12


def test_exactly_one_step_of_rounding_is_not_given_back_yet():
    assert charge(Money(-520_000), Money(17_472), Money(72)).remainder == 100


def test_a_rebate_never_makes_the_net_fee_negative():
    # Rounding takes 50, the accumulator allows three steps, but only 1 + 50 was charged: no whole step.
    result = charge(Money(-5_049), Money(1), Money(300))
    assert result.net_fee == 51
    assert result.remainder == 350


@given(
    revenue=st.integers(-(10**9), 10**9),
    fee=st.integers(0, 10**6),
    remainder=st.integers(0, 10**4),
)
def test_cash_is_always_in_whole_steps_and_no_money_appears(revenue, fee, remainder):
    result = charge(Money(revenue), Money(fee), Money(remainder))
    assert result.cash_change % BALANCE_STEP == 0
    assert result.net_fee >= 0
    assert result.cash_change == revenue - result.net_fee
    # What rounding took more than the formula is in the accumulator, nowhere else.
    assert result.net_fee - fee == result.remainder - remainder

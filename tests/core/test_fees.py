"""The bound of a fee, against the published formula in Decimal."""

from decimal import ROUND_CEILING, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.builders import contracts, dollars, price
from traderd.core.fees import worst_fee
from traderd.model.orders import Side
from traderd.model.units import ONE_DOLLAR, Count, Price

TAKER = Decimal("0.07")


def formula(at_price: int, count: int) -> Decimal:
    """Return M x k x C x P x (1 - P) in dollars, for M = 1 and the taker's k."""
    p = Decimal(at_price) / ONE_DOLLAR
    return TAKER * Decimal(count) / 100 * p * (1 - p)


@pytest.mark.parametrize(
    ("multiplier", "fee"),
    [(0, "0"), (500, "0.88"), (1_000, "1.75"), (1_001, "1.76"), (2_500, "4.38")],
)
def test_the_multiplier_of_a_market_multiplies_it(multiplier, fee):
    assert worst_fee(Side.BID, price("0.50"), contracts(100), multiplier) == dollars(fee)


def in_dollars(fee: int) -> Decimal:
    return Decimal(fee) / 1_000_000


@pytest.mark.parametrize(
    ("side", "at_price", "count", "fee"),
    [
        (Side.BID, "0.52", "1", "0.02"),  # 0.0175 at the peak of 50 cents
        (Side.BID, "0.50", "100", "1.75"),
        (Side.BID, "0.10", "100", "0.63"),
        (Side.BID, "0.99", "100", "1.75"),
        (Side.ASK, "0.99", "100", "0.07"),
        (Side.ASK, "0.10", "100", "1.75"),
        (Side.BID, "0.0001", "0.01", "0.01"),
    ],
)
def test_the_fee_is_that_of_the_worst_price_rounded_up_to_a_cent(side, at_price, count, fee):
    assert worst_fee(side, price(at_price), contracts(count)) == dollars(fee)


@given(
    st.sampled_from(Side),
    st.integers(1, ONE_DOLLAR - 1),
    st.integers(1, 1_000_000),
    st.data(),
)
def test_no_execution_within_the_limit_costs_more(side, limit, count, data):
    bound = in_dollars(worst_fee(side, Price(limit), Count(count)))
    better = (1, limit) if side is Side.BID else (limit, ONE_DOLLAR - 1)
    executed = data.draw(st.integers(*better))
    fee = formula(executed, count)
    assert fee.quantize(Decimal("0.01"), ROUND_CEILING) <= bound


@given(st.sampled_from(Side), st.integers(1, ONE_DOLLAR - 1), st.integers(1, 1_000_000))
def test_the_bound_is_reached_by_some_execution_within_the_limit(side, limit, count):
    bound = in_dollars(worst_fee(side, Price(limit), Count(count)))
    half = ONE_DOLLAR // 2
    peak = min(limit, half) if side is Side.BID else max(limit, half)
    assert bound - formula(peak, count) < Decimal("0.01")


@given(
    st.sampled_from(Side),
    st.integers(1, ONE_DOLLAR - 1),
    st.integers(1, 10_000),
    st.integers(1, 10_000),
)
def test_a_larger_order_never_has_a_smaller_bound(side, limit, count, more):
    small = worst_fee(side, Price(limit), Count(count))
    assert worst_fee(side, Price(limit), Count(count + more)) >= small

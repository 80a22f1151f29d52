"""Exact amounts as the integers of December 2025."""

import pytest

from traderd.model.units import Count, Money, Price
from traderd.paper.rest.legacy import cents, money_cents, whole


@pytest.mark.parametrize(
    ("price", "expected"),
    [(0, 0), (49, 0), (50, 1), (4700, 47), (4749, 47), (4750, 48), (10_000, 100)],
)
def test_prices_go_to_the_nearest_cent(price, expected):
    assert cents(Price(price)) == expected


def test_money_goes_to_the_nearest_cent():
    assert money_cents(Money(17_500)) == 2
    assert money_cents(Money(-17_500)) == -2
    assert money_cents(Money(14_999)) == 1


def test_a_part_of_a_contract_is_none():
    assert (whole(Count(777)), whole(Count(99)), whole(Count(-777)), whole(Count(-99))) == (
        7,
        0,
        -7,
        0,
    )

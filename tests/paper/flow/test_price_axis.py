"""Prices of a grid by number."""

from __future__ import annotations

import pytest

from traderd.model.market import LINEAR_CENT
from traderd.model.units import Price
from traderd.paper.flow.price_axis import index_at_or_above, index_at_or_below, order_prices
from traderd.paper.venue.price_structures import PRICE_STRUCTURES


@pytest.mark.parametrize(
    ("label", "count"),
    [
        ("linear_cent", 99),
        ("deci_cent", 999),
        ("tapered_deci_cent", 279),
        ("center_centi_edge_centi_cent", 9_999),
    ],
)
def test_a_grid_has_each_of_its_prices_once(label, count):
    prices = order_prices(PRICE_STRUCTURES[label])
    assert len(prices) == count
    assert list(prices) == sorted({*prices})
    assert all(PRICE_STRUCTURES[label].allows(price) for price in prices)


def test_markets_of_one_grid_share_one_axis():
    assert order_prices(LINEAR_CENT) is order_prices(PRICE_STRUCTURES["linear_cent"])


def test_a_price_between_two_ticks_has_a_neighbour_on_either_side():
    prices = order_prices(LINEAR_CENT)
    assert prices[index_at_or_below(prices, 4_750)] == Price(4_700)
    assert prices[index_at_or_above(prices, 4_750)] == Price(4_800)
    assert index_at_or_below(prices, 4_700) == index_at_or_above(prices, 4_700) == 46
    assert (index_at_or_below(prices, 5), index_at_or_above(prices, 9_999)) == (0, 98)

"""Labels of price grids: the table of the protocol, line by line."""

from __future__ import annotations

from itertools import pairwise

import pytest

from traderd.model.market import LINEAR_CENT
from traderd.model.units import ONE_DOLLAR, Price
from traderd.paper.venue.price_structures import PRICE_STRUCTURES


@pytest.mark.parametrize(
    ("label", "edge", "middle"),
    [
        ("linear_cent", 100, 100),
        ("deci_cent", 10, 10),
        ("tapered_deci_cent", 10, 100),
        ("center_whole_edge_half_cent", 50, 100),
        ("center_whole_edge_quint_cent", 20, 100),
        ("center_half_edge_half_cent", 50, 50),
        ("center_half_edge_quint_cent", 20, 50),
        ("center_half_edge_deci_cent", 10, 50),
        ("center_quint_edge_quint_cent", 20, 20),
        ("center_quint_edge_deci_cent", 10, 20),
        ("center_centi_edge_centi_cent", 1, 1),
    ],
)
def test_a_label_stands_for_its_steps_in_the_middle_and_at_the_edges(label, edge, middle):
    grid = PRICE_STRUCTURES[label]
    assert [grid.step_at(Price(price)) for price in (500, 5_000, 9_500)] == [edge, middle, edge]
    assert grid.allows(Price(edge))
    assert grid.allows(Price(1_000 - edge))
    assert grid.allows(Price(1_000 + middle))
    assert not grid.allows(Price(1_000 + edge)) or edge == middle


def test_combos_are_finest_within_a_cent_of_either_end():
    grid = PRICE_STRUCTURES["center_deci_edge_centi_cent"]
    assert [grid.step_at(Price(price)) for price in (50, 150, 9_850, 9_950)] == [1, 10, 10, 1]


@pytest.mark.parametrize("label", PRICE_STRUCTURES)
def test_bands_meet_on_whole_cents_so_that_whole_cents_are_good_everywhere(label):
    grid = PRICE_STRUCTURES[label]
    assert grid.bands[0].start == 0
    assert grid.bands[-1].end == ONE_DOLLAR
    assert all(before.end == after.start for before, after in pairwise(grid.bands))
    assert all(grid.allows(Price(cents * 100)) for cents in range(1, 100))


def test_a_grid_whose_bands_nobody_knows_is_not_in_the_table():
    assert "banded_centi_cent" not in PRICE_STRUCTURES
    assert len(PRICE_STRUCTURES) == 12
    assert PRICE_STRUCTURES["linear_cent"] is LINEAR_CENT

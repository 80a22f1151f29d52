"""Price grids answer as counting through all 10 001 prices does, on every structure Kalshi has."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderd.errors import BadInput
from traderd.model.market import LINEAR_CENT, PriceBand, PriceGrid
from traderd.model.units import ONE_DOLLAR, Price


def band(start: int, end: int, step: int) -> PriceBand:
    return PriceBand(start=Price(start), end=Price(end), step=Price(step))


def edged(edge: int, middle: int, *, width: int = 1_000) -> PriceGrid:
    """Return a grid with fine edges of `width` and a middle, all in 1/10 000 $."""
    return PriceGrid((
        band(0, width, edge),
        band(width, 10_000 - width, middle),
        band(10_000 - width, 10_000, edge),
    ))


# Kalshi: price level structures, as its documentation lists them.
STRUCTURES = {
    "linear_cent": LINEAR_CENT,
    "deci_cent": PriceGrid((band(0, 10_000, 10),)),
    "tapered_deci_cent": edged(10, 100),
    "center_whole_edge_half_cent": edged(50, 100),
    "center_whole_edge_quint_cent": edged(20, 100),
    "center_half_edge_half_cent": edged(50, 50),
    "center_half_edge_quint_cent": edged(20, 50),
    "center_half_edge_deci_cent": edged(10, 50),
    "center_quint_edge_quint_cent": edged(20, 20),
    "center_quint_edge_deci_cent": edged(10, 20),
    "center_centi_edge_centi_cent": edged(1, 1),
    "center_deci_edge_centi_cent": edged(1, 10, width=100),
}


def legal_prices(grid: PriceGrid) -> list[int]:
    """Return every order price by walking each band from its start, the slow and obvious way."""
    found: dict[int, None] = {}
    for one in grid.bands:
        price = int(one.start)
        while price <= one.end:
            if 0 < price < ONE_DOLLAR:
                found[price] = None
            price += one.step
    return sorted(found)


def nearest(legal: frozenset[int], prices: range) -> list[int | None]:
    """Return for each price the last legal one met so far on the way through `prices`."""
    met: list[int | None] = []
    last = None
    for price in prices:
        last = price if price in legal else last
        met.append(last)
    return met


def assert_agrees_with_counting(grid: PriceGrid) -> None:
    legal = frozenset(legal_prices(grid))
    prices = range(-50, 10_051)
    below = nearest(legal, prices)
    above = nearest(legal, prices[::-1])[::-1]
    for price, expected_floor, expected_ceil in zip(prices, below, above, strict=True):
        assert grid.allows(Price(price)) == (price in legal), price
        assert grid.floor(Price(price)) == expected_floor, price
        assert grid.ceil(Price(price)) == expected_ceil, price


@pytest.mark.parametrize("name", STRUCTURES)
def test_floor_and_ceil_agree_with_counting_on_every_structure(name):
    assert_agrees_with_counting(STRUCTURES[name])


@pytest.mark.parametrize("name", STRUCTURES)
def test_whole_cents_are_legal_in_every_structure(name):
    assert all(STRUCTURES[name].allows(Price(cents * 100)) for cents in range(1, 100))


@st.composite
def grids(draw: st.DrawFn) -> PriceGrid:
    cuts = sorted(draw(st.sets(st.integers(0, 10_000), min_size=2, max_size=5)))
    bands = [
        band(start, end, draw(st.integers(1, 2_000))) for start, end in itertools.pairwise(cuts)
    ]
    return PriceGrid(tuple(draw(st.permutations(bands))))


@given(grids(), st.integers(-10, 10_010))
def test_floor_and_ceil_are_the_nearest_legal_prices_whatever_the_order_of_the_bands(grid, price):
    legal = legal_prices(grid)
    assert grid.floor(Price(price)) == max((p for p in legal if p <= price), default=None)
    assert grid.ceil(Price(price)) == min((p for p in legal if p >= price), default=None)
    assert grid.allows(Price(price)) == (price in legal)


def test_the_bounds_are_never_order_prices():
    assert not LINEAR_CENT.allows(Price(0))
    assert not LINEAR_CENT.allows(ONE_DOLLAR)
    assert LINEAR_CENT.floor(Price(99)) is None
    assert LINEAR_CENT.ceil(Price(9_901)) is None


def test_the_finer_step_holds_where_two_bands_meet():
    grid = STRUCTURES["tapered_deci_cent"]
    assert [grid.step_at(Price(p)) for p in (999, 1_000, 1_001, 9_000, 9_001)] == [
        10,
        10,
        100,
        10,
        10,
    ]


def test_a_price_between_bands_gets_the_first_bands_step():
    assert PriceGrid((band(0, 100, 10), band(9_900, 10_000, 1))).step_at(Price(5_000)) == 10


@pytest.mark.parametrize(
    ("start", "end", "step"),
    [(0, 0, 1), (100, 50, 1), (-1, 100, 1), (0, 10_001, 1), (0, 100, 0), (0, 100, -1)],
)
def test_a_band_that_is_no_band_is_refused(start, end, step):
    with pytest.raises(BadInput, match="is not a band"):
        band(start, end, step)


def test_a_grid_without_bands_is_refused():
    with pytest.raises(BadInput, match="at least one band"):
        PriceGrid(())


def test_a_grid_describes_itself_for_people():
    assert STRUCTURES["tapered_deci_cent"].describe() == (
        "0.0000-0.1000 by 0.0010, 0.1000-0.9000 by 0.0100, 0.9000-1.0000 by 0.0010"
    )

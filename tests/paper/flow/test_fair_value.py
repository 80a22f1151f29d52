"""The walking touch of one market."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.paper.venues import TICKER, market
from traderd.model.market import LINEAR_CENT, PriceBand, PriceGrid
from traderd.model.orders import Side
from traderd.model.units import ONE_DOLLAR, Count, Price
from traderd.paper.flow.behaviour import Style
from traderd.paper.flow.fair_value import (
    UNSEEN_DEPTH,
    UNSEEN_SIZES,
    FairValue,
    middle_of,
    opening_fair_value,
)
from traderd.paper.venue.price_structures import PRICE_STRUCTURES

B, A = Side.BID, Side.ASK
TAPERED = PriceGrid((
    PriceBand(start=Price(0), end=Price(1000), step=Price(10)),
    PriceBand(start=Price(1000), end=ONE_DOLLAR, step=Price(100)),
))


def fair(bid: int | None, ask: int | None, grid: PriceGrid = LINEAR_CENT) -> FairValue:
    bids = () if bid is None else ((Price(bid), Count(700)),)
    asks = () if ask is None else ((Price(ask), Count(900)),)
    return opening_fair_value(market(grid=grid), Style.STEADY, bids, asks, Price(6_000))


def touch(value: FairValue) -> tuple[Price, Price]:
    return value.prices[value.touch(B)], value.prices[value.touch(A)]


def test_it_starts_at_the_opening_touch_and_keeps_its_gap():
    value = fair(4700, 4900)
    assert touch(value) == (4700, 4900)
    assert value.middle == 9600
    assert value.move(2)
    assert touch(value) == (4900, 5100)
    assert value.passed is A
    assert value.move(-1)
    assert touch(value) == (4800, 5000)
    assert value.passed is B


def test_it_never_goes_further_than_its_bounds():
    value = fair(4700, 4800)
    for _ in range(20):
        value.move(1)
    assert touch(value) == (5300, 5400)
    assert not value.move(1)
    near_the_end = fair(200, 300)
    for _ in range(20):
        near_the_end.move(-1)
    assert touch(near_the_end) == (100, 200)


def test_it_walks_in_ticks_of_the_markets_own_grid():
    value = fair(1000, 1100, TAPERED)
    value.move(-1)
    assert touch(value) == (990, 1000)
    assert value.behind(B, 3) == 960


def test_behind_and_better_are_seen_from_each_side():
    value = fair(4700, 4800)
    assert (value.behind(B, 1), value.behind(A, 1)) == (4600, 4900)
    assert value.behind(B, 47) is None
    assert value.is_better(B, Price(4800))
    assert not value.is_better(B, Price(4700))
    assert value.is_better(A, Price(4700))
    assert not value.is_better(A, Price(4800))


def test_a_book_with_one_side_shows_the_other_and_an_empty_one_takes_the_guess():
    assert touch(fair(4700, None)) == (4700, 4800)
    assert touch(fair(None, 4700)) == (4600, 4700)
    unseen = fair(None, None)
    assert touch(unseen) == (6000, 6100)
    assert (unseen.depth, unseen.sizes) == (UNSEEN_DEPTH, UNSEEN_SIZES)


@pytest.mark.parametrize(("bid", "ask"), [(9900, None), (None, 100), (9950, 9990), (1, 2)])
def test_at_the_ends_of_a_grid_there_is_still_room_for_both(bid, ask):
    value = fair(bid, ask)
    low, high = touch(value)
    assert 100 <= low < high <= 9900


def test_markets_of_one_grid_share_their_prices():
    assert fair(4700, 4900).prices is fair(1000, 1100).prices


def test_a_side_wants_as_many_levels_as_it_opened_with_and_has_room_for():
    bids = tuple((Price(4700 - 100 * n), Count(100)) for n in range(10))
    asks = tuple((Price(4800 + 100 * n), Count(100)) for n in range(12))
    value = opening_fair_value(market(), Style.STEADY, bids, asks, Price(1))
    assert value.levels_wanted(B) == value.levels_wanted(A) == 10
    value.home = 96
    assert value.levels_wanted(A) == 2
    value.home = 3
    assert value.levels_wanted(B) == 4


# --- drift ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ends_yes", "end"), [(True, (9800, 9900)), (False, (100, 200))])
def test_a_known_end_is_reached_step_by_step_before_the_close(ends_yes, end):
    value = fair(4700, 5000)
    value.ends_yes = ends_yes
    assert not value.drift(40)
    assert touch(value) == (4700, 5000)
    seen = []
    for percent in range(41, 101):
        value.drift(percent)
        seen.append(touch(value)[0])
    assert all((before <= after) is ends_yes or before == after for before, after in pairwise(seen))
    assert max(abs(after - before) for before, after in pairwise(seen)) <= 300
    assert touch(value) == end
    assert not value.drift(100)


def test_without_a_known_end_nothing_drifts():
    value = fair(4700, 5000)
    assert not value.drift(99)
    assert touch(value) == (4700, 5000)


def test_a_walk_goes_on_while_it_drifts_and_ends_at_the_end():
    value = fair(4700, 4800)
    value.ends_yes = True
    value.move(-3)
    value.drift(60)
    assert value.offset == -3
    value.drift(95)
    assert value.offset == 0
    assert value.passed is A


# --- another grid ---------------------------------------------------------------------------------


@pytest.mark.parametrize("label", PRICE_STRUCTURES)
def test_another_grid_is_taken_at_the_same_prices(label):
    value = fair(4700, 4900)
    value.move(1)
    value.regrid(PRICE_STRUCTURES[label])
    assert touch(value) == (4800, 5000)
    assert value.offset == 0
    assert value.ticker == TICKER


def test_a_coarser_grid_keeps_bid_and_ask_apart():
    value = fair(4730, 4740, PRICE_STRUCTURES["deci_cent"])
    value.regrid(LINEAR_CENT)
    assert touch(value) == (4700, 4800)


def test_the_middle_of_a_book_is_between_its_best_levels():
    level = ((Price(4000), Count(1)),)
    assert middle_of((), ()) is None
    assert middle_of(level, ((Price(4400), Count(1)),)) == 4200
    assert middle_of(level, ()) == 7000
    assert middle_of((), level) == 2000


@pytest.mark.parametrize("bid", [100, 200, 5000, 9800])
def test_the_nearest_prices_are_those_behind_the_touch(bid):
    value = fair(bid, bid + 100)
    for side in Side:
        behind = [value.behind(side, ticks) for ticks in range(4)]
        assert list(value.nearest(side, 4)) == [price for price in behind if price is not None]
        assert list(value.nearest(side, 0)) == []

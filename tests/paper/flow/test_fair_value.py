"""The walking touch of one market."""

from __future__ import annotations

from tests.paper.venues import NOW, TICKER, market, venue
from traderd.model.market import PriceBand, PriceGrid
from traderd.model.orders import Side
from traderd.model.units import ONE_DOLLAR, Count, Price
from traderd.paper.flow.fair_value import FairValue, opening_fair_value

B, A = Side.BID, Side.ASK


def fair(bid: int, ask: int, grid: PriceGrid | None = None) -> FairValue:
    v = venue(market(grid=grid) if grid else market())
    v.street.add(TICKER, B, Price(bid), Count(700), NOW)
    v.street.add(TICKER, A, Price(ask), Count(900), NOW)
    value = opening_fair_value(v, v.market(TICKER))
    assert value is not None
    return value


def touch(value: FairValue) -> tuple[Price, Price]:
    return value.prices[value.touch(B)], value.prices[value.touch(A)]


def test_it_starts_at_the_opening_touch_and_keeps_its_gap():
    value = fair(4700, 4900)
    assert touch(value) == (4700, 4900)
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
    tapered = PriceGrid((
        PriceBand(start=Price(0), end=Price(1000), step=Price(10)),
        PriceBand(start=Price(1000), end=ONE_DOLLAR, step=Price(100)),
    ))
    value = fair(1000, 1100, tapered)
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


def test_a_book_with_an_empty_side_shows_no_fair_value():
    v = venue()
    v.street.add(TICKER, B, Price(4700), Count(100), NOW)
    assert opening_fair_value(v, v.market(TICKER)) is None

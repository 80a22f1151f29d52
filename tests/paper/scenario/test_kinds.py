"""The table of made up kinds: complete, and of the forms that a scenario knows."""

from __future__ import annotations

from traderd.paper.scenario.kinds import CONTESTANTS, KINDS, Shape
from traderd.paper.venue.fees import FeeType
from traderd.paper.venue.price_structures import PRICE_STRUCTURES


def test_tickers_are_apart_from_each_other_and_from_real_ones():
    tickers = [ticker for kind in KINDS for ticker, _ in kind.series]
    assert len({*tickers}) == len(tickers)
    assert all(ticker.startswith("KXGEN") for ticker in tickers)


def test_all_shapes_and_fee_types_are_there_and_every_grid_has_a_label():
    assert {kind.shape for kind in KINDS} == set(Shape)
    assert {kind.fee_type for kind in KINDS} == set(FeeType)
    assert all(kind.structure in PRICE_STRUCTURES for kind in KINDS)


def test_there_are_enough_contestants_for_the_largest_contest():
    largest = max(kind.markets[1] for kind in KINDS if kind.shape is Shape.CONTEST)
    assert len({code for code, _ in CONTESTANTS}) == len(CONTESTANTS) >= largest

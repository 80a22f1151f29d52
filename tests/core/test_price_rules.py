"""The band, the collars and the jump; grid and far side are in test_risk."""

import pytest

from tests.core.builders import contracts, limits, price, terms
from tests.core.test_risk import a_book, proposal
from traderd.core.price_rules import last_collar, mid_collar, price_band, price_jump
from traderd.model.orders import OrderOwner, Side

BOUNDS = limits(
    min_price=price("0.05"),
    max_price=price("0.95"),
    mid_collar=price("0.10"),
    last_collar=price("0.20"),
    max_price_jump=price("0.25"),
)


@pytest.mark.parametrize(
    ("at_price", "limit"),
    [("0.04", "$0.0500"), ("0.05", None), ("0.95", None), ("0.96", "$0.9500")],
)
def test_the_band_includes_its_ends(at_price, limit):
    denied = price_band(proposal(terms=terms(at_price=at_price), limits=BOUNDS))
    assert (None if denied is None else denied.limit) == limit
    assert price_band(proposal(terms=terms(at_price=at_price))) is None


@pytest.mark.parametrize(
    ("side", "at_price", "passes"),
    [
        (Side.BID, "0.60", True),
        (Side.BID, "0.61", False),
        (Side.BID, "0.01", True),
        (Side.ASK, "0.40", True),
        (Side.ASK, "0.39", False),
        (Side.ASK, "0.99", True),
    ],
)
def test_only_what_goes_through_the_middle_is_bounded(side, at_price, passes):
    asked = proposal(terms=terms(side, at_price), limits=BOUNDS)
    denied = mid_collar(asked)
    assert (denied is None) == passes
    if denied is not None:
        assert denied.control == "C2"
        assert "through the middle of the book ($0.5000)" in denied.sentence


def test_a_middle_between_two_prices_is_not_rounded_in_the_orders_favour():
    book = a_book({"0.45": 1}, {"0.56": 1})
    assert mid_collar(proposal(book=book, terms=terms(at_price="0.60"), limits=BOUNDS)) is None
    assert mid_collar(proposal(book=book, terms=terms(at_price="0.61"), limits=BOUNDS)) is not None
    assert mid_collar(proposal(book=book, terms=terms(Side.ASK, "0.40"), limits=BOUNDS)) is not None


def test_without_a_middle_or_a_last_trade_they_say_nothing():
    one_sided = a_book({"0.45": 1}, {})
    asked = proposal(book=one_sided, terms=terms(at_price="0.94"), limits=BOUNDS)
    assert (mid_collar(asked), last_collar(asked), price_jump(asked)) == (None, None, None)


def test_the_last_trade_bounds_as_well():
    for at_price, passes in (("0.50", True), ("0.51", False)):
        asked = proposal(terms=terms(at_price=at_price), last_trade=price("0.30"), limits=BOUNDS)
        assert (last_collar(asked) is None) == passes


def test_a_book_that_jumped_stops_strategies_and_neither_people_nor_reductions():
    jumped = {"last_trade": price("0.24"), "limits": BOUNDS}
    denied = price_jump(proposal(**jumped))
    assert denied is not None
    assert (denied.rule, denied.control, denied.number) == ("price_jump", "C10", "$0.2600")
    assert price_jump(proposal(**jumped, owner=OrderOwner.PERSON)) is None
    assert price_jump(proposal(**jumped, position=contracts(-10))) is None
    assert price_jump(proposal(last_trade=price("0.25"), limits=BOUNDS)) is None

"""What is read off a book: exact, with units, and never a price of a book in doubt by accident."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.builders import TICKER, price, snapshot
from traderd.core.book import NOTHING_KNOWN, Book, Top
from traderd.core.book_reads import imbalance, microprice, mid
from traderd.errors import BookUnavailable
from traderd.model.events import BookFault
from traderd.model.units import FINE_PER_PRICE, Count, Price, format_fine_price


def a_book(bids, asks) -> Book:
    book = Book(TICKER)
    book.replace(snapshot(1, bids, asks))
    return book


def test_the_middle_keeps_half_of_the_smallest_price_step():
    top = a_book({"0.4700": 1}, {"0.4701": 1}).top()
    middle = mid(top)
    assert middle == 470_050
    assert format_fine_price(middle) == "0.470050"
    assert top.spread == 1


def test_the_microprice_leans_to_where_less_rests():
    top = a_book({"0.40": 30}, {"0.50": 10}).top()
    assert format_fine_price(microprice(top)) == "0.475000"
    assert mid(top) == price("0.45") * FINE_PER_PRICE


@pytest.mark.parametrize(("bid_count", "ask_count"), [(0, 0), (-100, 100), (200, -100)])
def test_the_last_known_sizes_of_a_book_that_was_refused_for_them_weigh_nothing(
    bid_count, ask_count
):
    top = Top(bid=Price(4_500), bid_count=bid_count, ask=Price(5_500), ask_count=ask_count)
    assert (microprice(top), imbalance(top)) == (None, None)
    assert mid(top) == 500_000


@pytest.mark.parametrize(
    ("bids", "asks", "expected"),
    [
        ({"0.40": 30}, {"0.50": 10}, 5_000),
        ({"0.40": 10}, {"0.50": 30}, -5_000),
        ({"0.40": 10}, {"0.50": 10}, 0),
        ({"0.40": 1}, {}, 10_000),
        ({}, {"0.50": 1}, -10_000),
        ({"0.40": 1}, {"0.50": 2}, -3_333),
        ({}, {}, None),
    ],
)
def test_imbalance_is_in_ten_thousandths_and_points_to_the_bids(bids, asks, expected):
    assert imbalance(a_book(bids, asks).top()) == expected


@pytest.mark.parametrize("top", [NOTHING_KNOWN, a_book({"0.40": 1}, {}).top()])
def test_one_side_has_no_middle(top):
    assert (mid(top), microprice(top), top.spread) == (None, None, None)


def test_a_book_in_doubt_gives_numbers_only_to_who_asks_for_the_last_known_ones():
    book = a_book({"0.40": 1}, {"0.50": 1})
    book.invalidate(BookFault.GAP, "a gap")
    with pytest.raises(BookUnavailable, match="a gap"):
        mid(book.top())
    assert mid(book.last_known_top()) == price("0.45") * FINE_PER_PRICE


SIZES = st.integers(1, 10**9)


@given(st.integers(1, 9_998), st.integers(1, 9_999), SIZES, SIZES)
def test_both_middles_lie_between_the_best_prices_and_are_exact_to_the_last_unit(
    bid, width, bid_count, ask_count
):
    ask = min(9_999, bid + width)
    top = Top(
        bid=Price(bid), bid_count=Count(bid_count), ask=Price(ask), ask_count=Count(ask_count)
    )
    assert Fraction(mid(top), FINE_PER_PRICE) == Fraction(bid + ask, 2)
    weighed = Fraction(bid * ask_count + ask * bid_count, bid_count + ask_count)
    assert abs(microprice(top) - weighed * FINE_PER_PRICE) <= Fraction(1, 2)
    assert bid * FINE_PER_PRICE <= microprice(top) <= ask * FINE_PER_PRICE

"""An audit's arithmetic: what stood still must agree, what moved says nothing, and once is no proof."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.builders import TICKER, contracts, delta, price, snapshot
from traderd.core.book import Book
from traderd.core.book_compare import Comparison, Look, again, compare, look_at
from traderd.errors import BookUnavailable
from traderd.model.events import BookFault, DifferingLevel
from traderd.model.orders import Side


def a_book() -> Book:
    book = Book(TICKER)
    book.replace(snapshot(1, {"0.45": 10, "0.47": 3}, {"0.52": 4}))
    return book


def levels(**sizes: int):
    return tuple((price(f"0.{name[1:]}"), contracts(size)) for name, size in sizes.items())


def a_difference(side: Side, at_price: str, ours: int, theirs: int) -> DifferingLevel:
    return DifferingLevel(
        side=side, price=price(at_price), ours=contracts(ours), theirs=contracts(theirs)
    )


def test_equal_books_agree_in_whatever_order_their_levels_come():
    look = look_at(a_book())
    found = compare(look, look, levels(p47=3, p45=10), levels(p52=4))
    assert found == Comparison()
    assert found.agrees


def test_each_way_to_differ_is_found_best_level_first():
    look = look_at(a_book())
    found = compare(look, look, levels(p45=9, p48=1), levels(p52=4, p60=2))
    assert not found.agrees
    assert found.differing == (
        a_difference(Side.BID, "0.48", 0, 1),
        a_difference(Side.BID, "0.47", 3, 0),
        a_difference(Side.BID, "0.45", 10, 9),
        a_difference(Side.ASK, "0.60", 0, 2),
    )


def test_a_level_that_moved_between_the_looks_is_not_compared():
    book = a_book()
    before = look_at(book)
    book.apply(delta(2, Side.BID, "0.47", 5))
    book.apply(delta(3, Side.ASK, "0.52", -4))
    found = compare(before, look_at(book), levels(p45=9, p47=8), levels(p52=4))
    assert found == Comparison(differing=(a_difference(Side.BID, "0.45", 10, 9),))


@pytest.mark.parametrize(("theirs", "agrees"), [(3, True), (8, True), (5, False), (0, False)])
def test_a_level_that_moved_agrees_only_with_what_it_was_at_one_of_the_looks(theirs, agrees):
    book = a_book()
    before = look_at(book)
    book.apply(delta(2, Side.BID, "0.47", 5))
    bids = levels(p45=10, p47=theirs) if theirs else levels(p45=10)
    found = compare(before, look_at(book), bids, levels(p52=4))
    assert found == Comparison(is_clear=agrees)
    assert found.agrees is agrees


def test_a_book_that_was_replaced_between_the_looks_is_not_compared():
    book = a_book()
    before = look_at(book)
    book.replace(snapshot(2, {"0.45": 10, "0.47": 3}, {"0.52": 4}))
    assert compare(before, look_at(book), (), ()) is None


def test_a_book_in_doubt_cannot_be_looked_at():
    book = a_book()
    book.invalidate(BookFault.GAP, "a gap")
    with pytest.raises(BookUnavailable):
        look_at(book)


def test_only_what_contradicts_twice_while_ours_stood_still_is_proven():
    first = (a_difference(Side.BID, "0.47", 3, 0), a_difference(Side.BID, "0.45", 10, 9))
    second = (
        a_difference(Side.BID, "0.47", 4, 0),
        attrs.evolve(first[1], theirs=contracts(8)),
        a_difference(Side.ASK, "0.52", 4, 1),
    )
    assert again(first, second) == (second[1],)


BOOKS = st.dictionaries(st.integers(1, 9), st.integers(1, 3), max_size=6)


@given(before=BOOKS, after=BOOKS, theirs=BOOKS)
def test_a_difference_is_found_exactly_where_ours_stood_still_and_theirs_is_another(
    before, after, theirs
):
    looks = [Look(snapshots=1, bids=bids, asks={}) for bids in (before, after)]
    found = compare(*looks, tuple(theirs.items()), ())
    assert found is not None
    expected = [
        p
        for p in range(9, 0, -1)
        if before.get(p) == after.get(p) and after.get(p) != theirs.get(p)
    ]
    assert [level.price for level in found.differing] == expected

"""The book of one market: priority, levels, and what it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.paper.venues import TICKER
from traderd.errors import InvariantViolation
from traderd.model.ids import OrderId
from traderd.model.orders import Side
from traderd.model.units import Count, Price
from traderd.paper.venue.matching import MarketBook
from traderd.paper.venue.records import Resting


def resting(name: str, side: Side, price: int, count: int) -> Resting:
    return Resting(
        order_id=OrderId(name),
        account_id=f"owner of {name}",
        ticker=TICKER,
        side=side,
        price=Price(price),
        remaining_count=Count(count),
    )


def book_of(*orders: Resting) -> MarketBook:
    book = MarketBook()
    for order in orders:
        book.add(order)
    return book


def test_the_best_price_trades_first_and_within_a_price_the_oldest():
    book = book_of(
        resting("late", Side.ASK, 5200, 100),
        resting("dear", Side.ASK, 5300, 100),
        resting("later", Side.ASK, 5200, 100),
        resting("cheap", Side.ASK, 5100, 100),
    )
    order = []
    while (match := book.next_match(Side.BID, Price(9900))) is not None:
        order.append(match.order_id)
        book.reduce(match.order_id, match.remaining_count)
    assert order == ["cheap", "late", "later", "dear"]


def test_nothing_matches_beyond_the_limit():
    book = book_of(resting("a", Side.ASK, 5200, 100), resting("b", Side.BID, 4700, 100))
    assert book.next_match(Side.BID, Price(5100)) is None
    assert book.next_match(Side.ASK, Price(4800)) is None
    assert book.next_match(Side.BID, Price(5200)).order_id == "a"
    assert book.next_match(Side.ASK, Price(4700)).order_id == "b"


def test_a_reduced_order_keeps_its_place():
    book = book_of(resting("a", Side.BID, 4700, 100), resting("b", Side.BID, 4700, 100))
    book.reduce(OrderId("a"), Count(99))
    assert book.next_match(Side.ASK, Price(4700)).order_id == "a"
    assert book.size_at(Side.BID, Price(4700)) == 101


def test_only_the_last_of_a_queue_can_grow_in_place():
    first, last = resting("a", Side.BID, 4700, 100), resting("b", Side.BID, 4700, 100)
    book = book_of(first, last)
    book.grow_last(last, Count(50))
    assert book.size_at(Side.BID, Price(4700)) == 250
    with pytest.raises(InvariantViolation, match="not the last"):
        book.grow_last(first, Count(50))


def test_crossing_volume_counts_every_level_within_the_limit():
    book = book_of(
        resting("a", Side.BID, 4700, 100),
        resting("b", Side.BID, 4600, 200),
        resting("c", Side.BID, 4500, 400),
    )
    assert book.crossing_volume(Side.ASK, Price(4600)) == 300


def test_a_crossing_an_empty_and_a_known_order_cannot_rest():
    book = book_of(resting("a", Side.ASK, 5200, 100))
    for wrong in (
        resting("b", Side.BID, 5200, 100),
        resting("c", Side.BID, 5000, 0),
        resting("a", Side.ASK, 5300, 100),
    ):
        with pytest.raises(InvariantViolation):
            book.add(wrong)
    assert book.order_count() == 1


@pytest.mark.parametrize("by", [0, 101, -1])
def test_more_than_an_order_has_cannot_be_taken_off(by):
    book = book_of(resting("a", Side.ASK, 5200, 100))
    with pytest.raises(InvariantViolation):
        book.reduce(OrderId("a"), Count(by))
    with pytest.raises(InvariantViolation):
        book.reduce(OrderId("unknown"), Count(1))
    assert book.size_at(Side.ASK, Price(5200)) == 100


@given(
    st.lists(
        st.tuples(st.sampled_from([47, 48, 49]), st.integers(1, 50), st.integers(0, 50)),
        max_size=40,
    )
)
def test_levels_are_the_sum_of_their_orders_after_any_adds_and_reductions(steps):
    book, expected = MarketBook(), {}
    for number, (cents, count, off) in enumerate(steps):
        order = resting(str(number), Side.BID, cents * 100, count)
        book.add(order)
        left = count - min(off, count)
        if off:
            book.reduce(order.order_id, Count(min(off, count)))
        expected[cents * 100] = expected.get(cents * 100, 0) + left
    assert list(book.levels(Side.BID)) == [
        (price, size) for price, size in sorted(expected.items(), reverse=True) if size
    ]
    assert book.level_count(Side.BID) == sum(size > 0 for size in expected.values())
    assert book.best(Side.BID) == max((p for p, size in expected.items() if size), default=None)
    for price in expected:
        queue = book.queue_at(Side.BID, Price(price))
        assert sum(each.remaining_count for each in queue) == book.size_at(Side.BID, Price(price))
        assert [int(each.order_id) for each in queue] == sorted(int(e.order_id) for e in queue)


def test_a_level_has_a_part_of_each_account():
    book = book_of(
        resting("mine", Side.BID, 4000, 100),
        resting("yours", Side.BID, 4000, 50),
    )
    assert book.size_of("owner of mine", Side.BID, Price(4000)) == 100
    assert book.size_of("owner of yours", Side.BID, Price(4000)) == 50
    assert book.size_of("owner of mine", Side.ASK, Price(4000)) == 0
    assert book.size_of("nobody", Side.BID, Price(4000)) == 0

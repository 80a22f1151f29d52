"""Profit by who asked for it."""

import attrs
import pytest

from tests.core.builders import OTHER, TICKER, contracts, dollars, fill, second
from traderd.core import strategy_books
from traderd.core.strategy_books import EXTERNAL, StrategyBooks, label_of
from traderd.model.cash import Settlement
from traderd.model.ids import OrderId, StrategyName
from traderd.model.orders import Attribution, OrderOwner, Side
from traderd.model.units import Money, Price


def settlement(count: int, value: int | None, revenue: str) -> Settlement:
    return Settlement(
        ticker=TICKER,
        result="yes" if value == 10_000 else "scalar",
        yes_count=contracts(max(count, 0)),
        no_count=contracts(max(-count, 0)),
        cost=Money(0),
        revenue=dollars(revenue),
        fees_paid=Money(0),
        settled_at=second(50),
        value=None if value is None else Price(value),
    )


def test_a_strategy_has_its_name_and_everybody_else_its_kind():
    strategy = Attribution(owner=OrderOwner.STRATEGY, strategy=StrategyName("maker"))
    assert label_of(strategy) == "maker"
    assert label_of(Attribution(owner=OrderOwner.PERSON)) == "person"


def test_each_has_its_own_average_cost():
    books = StrategyBooks()
    books.book(fill("t1", 10, at_price="0.40"), "a")
    books.book(fill("t2", 10, at_price="0.60", order_id="x2"), "b")
    books.book(fill("t3", 10, at_price="0.50", side=Side.ASK, fee="0.1", order_id="x3"), "a")
    a, b = books.books["a"], books.books["b"]
    assert (a.realized_pnl, a.fees_paid, a.fill_count) == (dollars("1"), dollars("0.1"), 2)
    assert a.cash_flow == dollars("0.9")
    assert (b.realized_pnl, b.position(TICKER).count) == (0, contracts(10))
    assert b.position(OTHER).count == 0


def test_a_fill_waits_for_its_order():
    books = StrategyBooks()
    first, second_ = fill("t1", 10), fill("t2", 5)
    books.book(first, None)
    books.book(second_, None)
    assert (books.books, books.waiting()) == ({}, (first,))
    books.attribute(OrderId("x1"), "a")
    books.attribute(OrderId("x1"), "b")
    assert books.books["a"].position(TICKER).count == contracts(15)
    assert (list(books.books), books.waiting()) == (["a"], ())


def test_what_waits_is_bounded_and_the_oldest_counts_as_external(monkeypatch):
    monkeypatch.setattr(strategy_books, "WAITING_ORDERS_MAX", 2)
    books = StrategyBooks()
    for number in range(3):
        books.book(fill(f"t{number}", 1, order_id=f"x{number}"), None)
    assert books.books[EXTERNAL].fill_count == 1
    assert len(books.waiting()) == 2


@pytest.mark.parametrize(
    ("value", "a_gets", "b_gets"), [(10_000, "10", "0"), (0, "0", "4"), (2_500, "2.5", "3")]
)
def test_a_settlement_pays_each_what_it_holds(value, a_gets, b_gets):
    books = StrategyBooks()
    books.book(fill("t1", 10, at_price="0.40"), "a")
    books.book(fill("t2", 4, at_price="0.40", side=Side.ASK), "b")
    before = {label: book.cash_flow for label, book in books.books.items()}
    books.settle(settlement(6, value, "0"), Price(value))
    paid = {label: book.cash_flow - before[label] for label, book in books.books.items()}
    assert paid == {"a": dollars(a_gets), "b": dollars(b_gets)}
    books.settle(settlement(6, value, "0"), Price(value))
    assert books.books["a"].cash_flow == before["a"] + dollars(a_gets), "paid once"


@pytest.mark.parametrize("late", [0, 1, 2, 3])
def test_a_fill_that_finds_its_owner_after_the_settlement_earns_the_same(late):
    fills = [
        fill("t1", 10, at_price="0.40"),
        fill("t2", 4, at_price="0.60", side=Side.ASK),
        fill("t3", 1, at_price="0.50"),
    ]
    books = StrategyBooks()
    for one in fills[: 3 - late]:
        books.book(one, "a")
    books.settle(settlement(7, 10_000, "7"), Price(10_000))
    for one in fills[3 - late :]:
        books.book(one, "a")
    assert books.books["a"].cash_flow == dollars("-4") + dollars("2.4") - dollars("0.5") + dollars(
        "7"
    )
    assert books.books["a"].realized_pnl == books.books["a"].cash_flow


def test_without_a_value_nobody_can_say_how_a_market_ended():
    books = StrategyBooks()
    books.book(fill("t1", 10), "a")
    books.settle(attrs.evolve(settlement(10, None, "3"), result="void"), None)
    assert books.books["a"].position(TICKER).count == contracts(10)


def test_of_a_market_that_is_forgotten_each_keeps_what_it_earned():
    books = StrategyBooks()
    books.book(fill("t1", 10, at_price="0.40"), "a")
    books.book(fill("t2", 10, at_price="0.50", side=Side.ASK, fee="0.1"), "a")
    books.book(fill("t3", 4, at_price="0.40", order_id="x2"), "b")
    books.forget(TICKER)
    a, b = books.books["a"], books.books["b"]
    assert (a.positions, a.open_positions()) == ({}, ())
    assert (a.realized_pnl, a.fees_paid) == (dollars("1"), dollars("0.1"))
    # What is still open stays.
    assert [p.count for p in b.open_positions()] == [contracts(4)]

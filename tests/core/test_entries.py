"""Double entries: what does not sum to 0 is not booked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.builders import OTHER, TICKER, second
from traderd.core.entries import Books, Entry, LedgerAccount, Transaction, TransactionKind
from traderd.errors import InvariantViolation
from traderd.model.units import Money

A = LedgerAccount


def transaction(*entries: Entry) -> Transaction:
    return Transaction(
        kind=TransactionKind.FILL, subject="t1", at=second(1), entries=tuple(entries)
    )


def test_a_balance_is_the_sum_of_its_entries_of_all_markets_or_one():
    books = Books()
    for ticker, cost in ((TICKER, 5), (OTHER, 7), (TICKER, -2)):
        books.post(
            transaction(Entry(A.CASH, Money(-cost)), Entry(A.POSITION_COST, Money(cost), ticker))
        )
    assert books.balance(A.POSITION_COST) == 10
    assert books.balance(A.POSITION_COST, TICKER) == 3
    assert books.balance(A.CASH) == -10
    assert books.count == 3
    assert list(books.totals()) == list(A)


def test_entries_that_do_not_sum_to_zero_change_nothing():
    books = Books()
    with pytest.raises(InvariantViolation, match=r"fill t1 sum to 1 and not to 0"):
        books.post(transaction(Entry(A.CASH, Money(-4)), Entry(A.FEES, Money(5))))
    assert (books.count, set(books.totals().values())) == (0, {0})


def test_the_cash_of_a_transaction_is_that_of_its_cash_entries():
    moved = transaction(Entry(A.CASH, Money(-4)), Entry(A.CASH, Money(1)), Entry(A.FEES, Money(3)))
    assert moved.cash == -3


def test_accounts_that_somebody_changed_by_hand_are_noticed():
    books = Books()
    books.post(transaction(Entry(A.CASH, Money(-4)), Entry(A.FEES, Money(4))))
    books.check()
    books._totals[A.FEES] += 1
    with pytest.raises(InvariantViolation, match=r"do not sum to 0.*fees"):
        books.check()


@given(st.lists(st.tuples(st.sampled_from(A), st.sampled_from(A), st.integers(-99, 99))))
def test_whatever_is_booked_the_accounts_sum_to_zero(story):
    books = Books()
    for source, target, amount in story:
        books.post(transaction(Entry(source, Money(-amount), TICKER), Entry(target, Money(amount))))
        books.check()
        assert sum(books.totals().values()) == 0

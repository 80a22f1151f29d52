import pytest

from traderd.core.book import Book
from traderd.core.book_totals import AGREED, AUDIT_RESULTS, DIFFERED, WRONG, BookTotals
from traderd.core.market_data import MarketData
from traderd.model.events import BookAudited, BookGrade, DifferingLevel
from traderd.model.ids import MarketTicker
from traderd.model.orders import Side
from traderd.model.units import Count, Price, Timestamp

TICKER = MarketTicker("KXDEMO-A")
LEVEL = DifferingLevel(side=Side.BID, price=Price(4_600), ours=Count(100), theirs=Count(0))


@pytest.mark.parametrize(
    ("levels", "proven", "result"),
    [((), False, AGREED), ((LEVEL,), False, DIFFERED), ((LEVEL,), True, WRONG)],
)
def test_an_audit_counts_under_exactly_one_result(levels, proven, result):
    totals = BookTotals()
    totals.audited(
        BookAudited(
            at=Timestamp(1),
            ticker=TICKER,
            agreed=not levels,
            differing_levels=levels,
            proven=proven,
        )
    )
    assert dict(totals.audits) == {result: 1}
    assert result in AUDIT_RESULTS


def test_a_book_that_is_forgotten_leaves_its_counts():
    data, book = MarketData(), Book(TICKER)
    data.books[TICKER] = book
    book.drop_delta()
    book.drop_delta()
    assert data.dropped_deltas() == 2
    data.forget(TICKER)
    assert data.books == {}
    assert data.dropped_deltas() == 2


def test_a_book_counts_under_one_grade_at_a_time():
    totals = BookTotals()
    totals.regrade(None, BookGrade.A)
    totals.regrade(BookGrade.A, BookGrade.C)
    assert {grade.value: n for grade, n in totals.grades.items() if n} == {"C": 1}
    totals.regrade(BookGrade.C, None)
    assert sum(totals.grades.values()) == 0

"""Settlements and movements of cash as values."""

from tests.core.builders import TICKER, contracts, dollars, second
from tests.model.event_records import records_of
from traderd.model import cash


def test_they_are_values():
    for record in records_of(cash):
        assert record.__hash__ is not None, f"{record.__name__} is frozen"


def test_a_settlement_knows_the_signed_position_that_it_paid_for():
    settlement = cash.Settlement(
        ticker=TICKER,
        result="no",
        yes_count=contracts(2),
        no_count=contracts(12),
        cost=dollars("4"),
        revenue=dollars("10"),
        fees_paid=dollars("0"),
        settled_at=second(1),
    )
    assert settlement.count == contracts(-10)

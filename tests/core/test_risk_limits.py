"""Limits as texts, and which set of them is the looser one."""

import attrs
import pytest

from tests.core.builders import contracts, dollars, limits, price
from traderd.core.risk_limits import RiskLimits
from traderd.model.book_events import BookGrade

NOT_LIMITS = {"day_zone", "day_hour", "shares"}


def test_every_limit_has_a_name_of_the_configuration():
    assert len(limits().texts()) == len(attrs.fields(RiskLimits)) - len(NOT_LIMITS)


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (
            {"max_exposure": dollars("100")},
            {"max_exposure": dollars("100.01")},
            "risk.max_exposure_dollars from $100.00 to $100.01",
        ),
        (
            {"max_market_position": contracts(5)},
            {"max_market_position": contracts(0)},
            "risk.max_market_position_contracts from 5 to none",
        ),
        ({"max_open_orders": 3}, {"max_open_orders": 4}, "risk.max_open_orders from 3 to 4"),
        (
            {"min_book_grade": BookGrade.B},
            {"min_book_grade": BookGrade.C},
            "risk.min_book_grade from B to C",
        ),
        (
            {"min_price": price("0.05")},
            {"min_price": price("0.04")},
            "risk.min_price_dollars from $0.0500 to $0.0400",
        ),
        (
            {"duplicate_window_ms": 2000},
            {"duplicate_window_ms": 1000},
            "risk.duplicate_window_ms from 2000 to 1000",
        ),
        ({"restricted": ("A", "B")}, {"restricted": ("B",)}, "risk.restricted from A,B to B"),
        ({"restricted": ("A",)}, {"restricted": ()}, "risk.restricted from A to none"),
    ],
)
def test_what_lets_more_through_was_raised_and_the_reverse_was_not(before, after, sentence):
    old, new = limits(**before), limits(**after)
    assert new.raised_since(old.texts()) == (sentence,)
    assert old.raised_since(new.texts()) == ()
    assert new.raised_since(new.texts()) == ()
    # Until somebody confirms it, what let less through goes on holding; what was lowered holds at once.
    assert new.tightened_by(old.texts()).raised_since(old.texts()) == ()
    assert old.tightened_by(new.texts()) == old
    assert new.raised_since(new.tightened_by(old.texts()).texts()) == (sentence,)


def test_limits_that_an_older_version_did_not_have_were_not_raised():
    assert limits().raised_since({}) == ()


def test_words_are_for_people():
    words = limits(max_daily_loss=dollars("250")).words()
    assert words["max_daily_loss_dollars"] == "$250.00"
    assert (words["max_drawdown_dollars"], words["restricted"]) == ("none", "none")


def test_limits_come_back_from_their_texts_exactly():
    kept = limits(
        max_exposure=dollars("12.34"),
        min_book_grade=BookGrade.B,
        restricted=("A", "B"),
        min_price=price("0.05"),
        max_messages_per_s=7,
    )
    assert limits().with_texts(kept.texts()) == kept
    assert kept.with_texts({}) == kept
    assert kept.with_texts(limits().texts()) == limits()


def test_each_limit_is_held_by_itself():
    before = limits(max_open_orders=3, max_exposure=dollars("100"), restricted=("A", "B"))
    now = limits(max_open_orders=5, max_exposure=dollars("50"), restricted=("B", "C"))
    assert now.tightened_by(before.texts()) == limits(
        max_open_orders=3, max_exposure=dollars("50"), restricted=("A", "B", "C")
    )
    assert now.tightened_by({}) == now
    assert now.tightened_by({"a_limit_of_another_version": "1"}) == now

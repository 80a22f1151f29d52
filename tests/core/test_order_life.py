"""The table of an order's life: what it must hold whatever the rows are."""

import pytest

from traderd.core.order_life import LIFE
from traderd.model.orders import OrderStatus

S = OrderStatus
TOLD_BY_THE_WORLD = (S.RESTING, S.EXECUTED, S.CANCELED, S.REJECTED, S.UNKNOWN, S.NOT_PLACED)
"""What replies, records, fills and searches tell; it comes when it comes."""
GONE_OUT = tuple(status for status in S if status is not S.INTENT)
HAS_ORDER_ID = (S.RESTING, S.CANCELLING, S.EXECUTED, S.CANCELED)


@pytest.mark.parametrize("status", GONE_OUT)
@pytest.mark.parametrize("told", TOLD_BY_THE_WORLD)
def test_once_an_order_has_left_no_news_can_fail(status, told):
    assert (status, told) in LIFE


@pytest.mark.parametrize("status", HAS_ORDER_ID)
def test_a_cancel_may_be_asked_for_whenever_the_order_id_is_known(status):
    wanted = status if not status.is_live else S.CANCELLING
    assert LIFE[status, S.CANCELLING] is wanted


def test_nothing_comes_back_to_before_it_was_sent():
    assert [row for row, then in LIFE.items() if then is S.INTENT] == []
    assert [row for row, then in LIFE.items() if then is S.SENT] == [(S.INTENT, S.SENT)]


def test_nothing_but_our_own_acts_and_no_answer_is_known_of_an_unsent_order():
    assert sorted(told.value for status, told in LIFE if status is S.INTENT) == [
        "not_placed",
        "sent",
        "unknown",
    ]


@pytest.mark.parametrize("told", TOLD_BY_THE_WORLD)
def test_an_executed_order_stays_executed(told):
    assert LIFE[S.EXECUTED, told] is S.EXECUTED


@pytest.mark.parametrize(("status", "then"), [*LIFE.items()])
def test_a_row_leads_to_what_was_told_or_leaves_the_order_as_it_is(status, then):
    before, told = status
    assert then in {before, told}

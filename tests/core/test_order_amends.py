"""Amends: which telling of an order's terms is the newer one, and what proves that a change happened."""

import attrs
import pytest

from tests.core.builders import (
    S,
    accepted,
    amend_accepted,
    amend_failed,
    amend_requested,
    amend_unknown,
    cancel_requested,
    contracts,
    filled,
    intended,
    price,
    ready_engine,
    record,
    reported,
    second,
    sent,
    terms,
)
from traderd.core.order_amends import shows_amend
from traderd.core.orders import Order
from traderd.errors import IllegalTransition
from traderd.model import events as ev
from traderd.model.orders import AmendKind, OrderRecord


class Story:
    """An engine's register, moved by events of one order."""

    def __init__(self, engine) -> None:
        self.engine = engine

    def tell(self, *events: ev.Event) -> Order:
        for event in events:
            self.engine.apply(event)
        order = self.engine.orders.get("c1")
        assert order is not None
        return order


@pytest.fixture
def story() -> Story:
    made = Story(ready_engine())
    made.tell(intended(), sent(), accepted())
    return made


def told(
    at_price: str = "0.50",
    count: int = 10,
    done: int = 0,
    *,
    key: str = "c1",
    updated: float | None = None,
    **more,
) -> ev.OrderReported:
    one = record(S.RESTING, done, key=key, what=terms(at_price=at_price, count=count), **more)
    one = attrs.evolve(one, updated_at=None if updated is None else second(updated))
    return ev.OrderReported(at=second(7), record=one, source=ev.Source.FEED)


def test_an_amend_that_was_accepted_gives_the_order_its_new_terms_and_its_new_id(story):
    order = story.tell(amend_requested("0.45", 12), amend_accepted("0.45", 12))
    assert (order.price, order.count, order.status) == (price("0.45"), contracts(12), S.RESTING)
    assert (order.pending, order.exchange_client_id, order.key) == (None, "c1b", "c1")


@pytest.mark.parametrize("event", [amend_failed(), amend_failed("not_sent")])
def test_an_amend_that_failed_leaves_the_old_terms(story, event):
    order = story.tell(amend_requested("0.45", 12), event)
    assert (order.price, order.count, order.pending) == (price("0.50"), contracts(10), None)
    assert order.exchange_client_id == "c1"


def test_only_an_order_that_rests_can_be_amended_and_by_one_change_at_a_time(story):
    story.tell(amend_requested())
    with pytest.raises(IllegalTransition, match="is being amended already"):
        story.tell(amend_requested())
    story.tell(amend_failed(), cancel_requested())
    with pytest.raises(IllegalTransition, match="is cancelling and cannot be amended"):
        story.tell(amend_requested())


def test_an_unknown_amend_is_proved_by_the_id_that_it_gave_the_order(story):
    order = story.tell(amend_requested("0.45", 12), amend_unknown())
    assert order.terms_unknown
    # The record that is read first may lag: old terms prove nothing.
    assert story.tell(told()).terms_unknown
    order = story.tell(told("0.45", 12, key="c1b"))
    assert not order.terms_unknown
    assert (order.price, order.count) == (price("0.45"), contracts(12))


def test_an_exchange_that_keeps_the_old_id_proves_an_amend_by_its_terms(story):
    story.tell(amend_requested("0.45", 12), amend_unknown())
    assert not story.tell(told("0.45", 12)).terms_unknown


def test_a_decrease_is_proved_by_a_total_that_became_smaller_whatever_filled_meanwhile(story):
    order = story.tell(
        amend_requested(count=4, kind=AmendKind.DECREASE, new_id=None), amend_unknown()
    )
    # 3 filled before it was done: 4 of 7 rest.
    resting = OrderRecord(**{
        **attrs.asdict(record(S.RESTING, 3), recurse=False),
        "remaining_count": contracts(4),
    })
    assert shows_amend(order, resting)
    order = story.tell(ev.OrderReported(at=second(7), record=resting, source=ev.Source.SYNC))
    assert (order.count, order.remaining, order.pending) == (contracts(7), contracts(4), None)


def test_a_decrease_that_was_accepted_leaves_its_size_to_the_record(story):
    order = story.tell(
        amend_requested(count=4, kind=AmendKind.DECREASE, new_id=None),
        amend_accepted(count=None, new_id=None),
    )
    # Until then the old size counts: it is never too small.
    assert (order.pending, order.at_risk) == (None, contracts(10))


def test_a_record_that_is_older_than_the_answer_to_an_amend_changes_no_terms(story):
    story.tell(amend_requested("0.45", 12), amend_accepted("0.45", 12, exchange_at=5))
    order = story.tell(told("0.50", 10, updated=4.9))
    assert (order.price, order.count) == (price("0.45"), contracts(12))
    # A newer one does: somebody amended it elsewhere.
    order = story.tell(told("0.40", 9, updated=5.1))
    assert (order.price, order.count) == (price("0.40"), contracts(9))


def test_a_telling_of_the_future_does_not_stay_the_newest(story):
    order = story.tell(told("0.44", updated=1_000_000))
    assert (order.price, order.told_at) == (price("0.44"), None)
    order = story.tell(told("0.45", updated=6))
    assert (order.price, order.told_at) == (price("0.45"), second(6))


def test_within_one_millisecond_the_later_telling_counts(story):
    story.tell(told("0.41", 10, updated=5.0009))
    assert story.tell(told("0.42", 10, updated=5.0001)).price == price("0.42")


def test_an_answer_that_is_older_than_a_record_changes_nothing(story):
    story.tell(amend_requested("0.45", 12), told("0.40", 9, key="c1b", updated=9))
    order = story.tell(amend_accepted("0.45", 12, exchange_at=5))
    assert (order.price, order.count) == (price("0.40"), contracts(9))


def test_fills_up_to_the_old_size_do_not_finish_an_order_that_is_growing(story):
    order = story.tell(amend_requested(count=20), filled("t1", 10))
    assert (order.status, order.at_risk) == (S.RESTING, contracts(10))
    order = story.tell(amend_accepted(count=20))
    assert (order.status, order.remaining) == (S.RESTING, contracts(10))
    assert story.tell(filled("t2", 10)).status is S.EXECUTED


def test_fills_up_to_a_smaller_size_finish_it_once_that_size_is_sure(story):
    order = story.tell(amend_requested(count=6), filled("t1", 6))
    assert order.status is S.RESTING
    assert story.tell(amend_accepted(count=6)).status is S.EXECUTED


def test_fills_of_the_old_size_finish_an_order_whose_growth_failed(story):
    order = story.tell(amend_requested(count=20), filled("t1", 10), amend_failed("not_found"))
    assert order.status is S.EXECUTED


def test_the_end_of_an_order_ends_every_doubt_about_its_terms(story):
    story.tell(amend_requested(count=20), amend_unknown())
    order = story.tell(reported(S.CANCELED, 2))
    assert (order.status, order.pending, order.at_risk) == (S.CANCELED, None, contracts(2))


def test_a_cancel_while_an_amend_is_under_way_stays_a_cancel(story):
    order = story.tell(amend_requested("0.45", 12), cancel_requested(), amend_accepted("0.45", 12))
    assert (order.status, order.price) == (S.CANCELLING, price("0.45"))


def test_news_of_amends_of_unknown_orders_is_no_error(story):
    before = story.tell()
    for event in (amend_requested, amend_accepted, amend_failed, amend_unknown):
        story.tell(event(order_id="nobody"))
    assert story.tell() is before
    assert (before.status, before.pending) == (S.RESTING, None)


def test_without_a_change_under_way_no_record_shows_one(story):
    assert not shows_amend(story.tell(), record())

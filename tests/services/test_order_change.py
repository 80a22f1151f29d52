"""What a change makes of an order, told without a daemon."""

import attrs
import pytest

from tests.core.builders import (
    accepted,
    amend_requested,
    cancel_requested,
    contracts,
    filled,
    intended,
    price,
    ready_engine,
    reported,
    sent,
    tell,
)
from traderd.core.order import Order
from traderd.errors import BadInput
from traderd.model.commands import AmendOrder, Answer, DecreaseOrder
from traderd.model.orders import OrderStatus
from traderd.services.order_change import (
    describe,
    left_after,
    new_terms,
    no_order,
    not_changeable,
    with_terms,
)


def order(*events) -> Order:
    """Return an order of 10 at 0.50 after these events."""
    engine = ready_engine()
    tell(engine, intended(), sent(), *events)
    return engine.orders.get("c1")


def test_an_order_that_nobody_knows_is_denied_with_the_way_to_the_list():
    outcome = not_changeable(None, "c9")
    assert outcome == no_order("c9")
    assert outcome.answer is Answer.DENIED
    assert outcome.sentence == "no order 'c9' is known; `traderd orders` lists them"


@pytest.mark.parametrize(
    ("events", "answer", "words"),
    [
        ((), Answer.UNAVAILABLE, "it is sent and does not rest yet; try again"),
        ((accepted(), filled()), Answer.DENIED, "order c1 is executed already"),
        ((accepted(), amend_requested()), Answer.UNAVAILABLE, "another change of it is under way"),
        ((accepted(), cancel_requested()), Answer.UNAVAILABLE, "it is cancelling"),
    ],
    ids=["on its way", "ended", "being changed", "being cancelled"],
)
def test_why_an_order_cannot_be_changed_now(events, answer, words):
    outcome = not_changeable(order(*events), "c1")
    assert outcome.answer is answer
    assert words in outcome.sentence


def test_terms_that_are_unknown_are_waited_for():
    one = order(accepted(), amend_requested())
    one.pending = attrs.evolve(one.pending, is_unknown=True)
    outcome = not_changeable(one, "c1")
    assert outcome.answer is Answer.UNAVAILABLE
    assert "the outcome of its last change is unknown; wait until it is found" in outcome.sentence


def test_one_that_rests_can_be_changed():
    assert not_changeable(order(accepted()), "c1") is None


def test_an_amend_keeps_what_it_does_not_name_and_no_expiration():
    one = order(accepted())
    for command, expected in (
        (AmendOrder(key="c1", price=price("0.40")), ("0.40", 10)),
        (AmendOrder(key="c1", count=contracts(3)), ("0.50", 3)),
        (AmendOrder(key="c1", price=price("0.60"), count=contracts(12)), ("0.60", 12)),
    ):
        terms = new_terms(one, command)
        assert (terms.price, terms.count) == (price(expected[0]), contracts(expected[1]))
        assert (terms.ticker, terms.side, terms.expires_at) == (one.ticker, one.side, None)


def test_an_amend_to_what_it_is_or_to_less_than_has_filled_is_bad_input():
    one = order(accepted(), filled(count=4))
    with pytest.raises(BadInput, match="already, so nothing is to do"):
        new_terms(one, AmendOrder(key="c1", price=price("0.50"), count=contracts(10)))
    for count in (1, 4):
        with pytest.raises(BadInput, match="4 contracts of order c1 have filled"):
            new_terms(one, AmendOrder(key="c1", count=contracts(count)))
    assert new_terms(one, AmendOrder(key="c1", count=contracts(5))).count == contracts(5)
    # What the exchange says has filled counts although the fill is not told yet.
    told = order(accepted(), reported(filled=6))
    with pytest.raises(BadInput, match="6 contracts of order c1 have filled"):
        new_terms(told, AmendOrder(key="c1", count=contracts(6)))


@pytest.mark.parametrize(
    ("by", "to", "left"), [(4, None, 2), (None, 5, 5), (1, None, 5), (None, 1, 1)]
)
def test_a_decrease_is_of_what_may_still_fill(by, to, left):
    one = order(accepted(), filled(count=4))
    assert left_after(one, decrease(by, to)) == contracts(left)


@pytest.mark.parametrize(
    ("by", "to", "cure"),
    [
        (6, None, "cancel it instead"),
        (7, None, "cancel it instead"),
        (None, 6, "amend it to make it larger"),
        (None, 9, "amend it to make it larger"),
    ],
)
def test_a_decrease_to_nothing_or_to_no_less_is_bad_input(by, to, cure):
    one = order(accepted(), filled(count=4))
    with pytest.raises(BadInput, match=f"6 contracts of order c1 may still fill.*{cure}"):
        left_after(one, decrease(by, to))


def decrease(by: int | None, to: int | None) -> DecreaseOrder:
    return DecreaseOrder(
        key="c1",
        by=None if by is None else contracts(by),
        to=None if to is None else contracts(to),
    )


def test_an_order_of_somebody_else_has_terms_too():
    one = order(accepted())
    one.terms = None
    terms = with_terms(one, price("0.30"), contracts(2))
    assert (terms.ticker, terms.side) == (one.ticker, one.side)
    assert (terms.price, terms.count) == (price("0.30"), contracts(2))


def test_it_is_described_as_it_is_now():
    one = order(accepted(), filled(count=4))
    assert describe(one) == f"order c1 is now bid 10 @ $0.5000 of {one.ticker}, 6 left"
    assert describe(order(accepted(), filled())) == "order c1 was changed and is executed"
    assert order(accepted(), filled()).status is OrderStatus.EXECUTED

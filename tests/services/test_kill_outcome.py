"""How a kill is told: what rested, what is proved, and what nobody knows."""

import attrs
import pytest

from tests.core.builders import second, terms
from traderd.core.order import Order, PendingAmend
from traderd.kalshi.kill import Sweep
from traderd.model.commands import Answer
from traderd.model.orders import AmendKind, AmendTerms, Attribution, OrderOwner, OrderStatus
from traderd.services.kill_outcome import (
    KillRun,
    Rested,
    doubt_of,
    outcome_of,
    unsettled_orders,
)

WORDS = "bid 10 @ $0.5000 of KXA-26-Y"


def order(key: str, status: OrderStatus = OrderStatus.UNKNOWN) -> Order:
    asked = terms()
    return Order(
        key=key,
        ticker=asked.ticker,
        side=asked.side,
        price=asked.price,
        count=asked.count,
        attribution=Attribution(owner=OrderOwner.PERSON),
        status=status,
        created_at=second(1),
        updated_at=second(1),
    )


def done(run: KillRun, **sweep) -> KillRun:
    run.progress = attrs.evolve(Sweep(), **sweep)
    run.done.set()
    return run


def test_what_is_verified_is_told_with_how_much_rested():
    known = {key: Rested.of(order(key, OrderStatus.RESTING)) for key in "abc"}
    run = done(KillRun(only_ours=True, known=known), verified=True, spared=2)
    outcome = outcome_of(run, (), wait=True, seconds=1.25, problems="")
    assert (outcome.answer, [item.key for item in outcome.items]) == (Answer.DONE, [*"abc"])
    assert outcome.sentence.startswith(
        "killed: 3 orders of ours were resting, none of ours rests now, 2 of others left alone, verified"
    )


def test_what_is_not_verified_names_what_is_waited_for():
    run = KillRun(only_ours=False)
    outcome = outcome_of(run, [order("a")], wait=True, seconds=25.0, problems="the disk is full")
    assert outcome.answer is Answer.UNKNOWN
    assert "nobody knows yet what became of 1 order (a)" in outcome.sentence
    assert [(item.key, item.sentence) for item in outcome.items] == [("a", f"{WORDS} is unknown")]
    assert outcome.sentence.endswith("; but the disk is full")


def test_who_does_not_wait_gets_the_orders_that_no_list_shows():
    outcome = outcome_of(
        KillRun(only_ours=False), [order("a")], wait=False, seconds=0.0, problems=""
    )
    assert [(item.key, item.answer) for item in outcome.items] == [("a", Answer.UNKNOWN)]


@pytest.mark.parametrize(
    ("status", "verified", "became"),
    [
        (OrderStatus.CANCELED, True, "is canceled"),
        (OrderStatus.EXECUTED, True, "is executed"),
        (OrderStatus.RESTING, True, "rests no more"),
        (OrderStatus.RESTING, False, "rested when the kill came"),
    ],
)
def test_each_order_is_told_as_it_rested_with_what_became_of_it(status, verified, became):
    one = order("a", OrderStatus.RESTING)
    run = done(KillRun(only_ours=False, known={"a": Rested.of(one)}), verified=verified)
    one.status = status
    outcome = outcome_of(run, (), wait=True, seconds=0.1, problems="")
    assert [(item.key, item.sentence) for item in outcome.items] == [("a", f"{WORDS} {became}")]
    assert verified == outcome.sentence.startswith("killed: 1 order was resting, none rests now")


def test_an_order_in_doubt_is_told_once():
    one = order("a", OrderStatus.RESTING)
    run = KillRun(only_ours=False, known={"a": Rested.of(one)})
    wanted = AmendTerms(kind=AmendKind.AMEND, price=one.price, count=one.count)
    one.pending = PendingAmend(terms=wanted, requested_at=second(2))
    (item,) = outcome_of(run, [one], wait=False, seconds=0.0, problems="").items
    assert (item.answer, item.sentence) == (Answer.UNKNOWN, f"{WORDS} is being changed")


def test_a_sentence_names_at_most_five_orders():
    assert doubt_of([]) == ""
    assert doubt_of([order("a")]) == "nobody knows yet what became of 1 order (a)"
    assert doubt_of([order(str(n)) for n in range(6)]).endswith(" of 6 orders (0, 1, 2, 3, 4, ...)")


@pytest.mark.parametrize("status", OrderStatus)
def test_orders_of_which_a_request_may_still_arrive_are_unsettled(status):
    is_unsettled = status in {OrderStatus.SENT, OrderStatus.UNKNOWN}
    assert bool(unsettled_orders([order("a", status)])) == is_unsettled

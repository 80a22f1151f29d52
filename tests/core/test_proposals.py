"""Proposals: an amend is judged as the new order in the place of the old one, with the worse of both counted."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.builders import (
    OTHER,
    TICKER,
    accepted,
    amend_requested,
    amend_unknown,
    contracts,
    dollars,
    fill,
    filled,
    halt,
    intended,
    price,
    ready_engine,
    sent,
    terms,
)
from tests.core.test_order_groups import MAKER, opened, triggered
from traderd.core.exposure import account_exposure
from traderd.core.order_amends import request_amend
from traderd.core.proposals import judge_amend, judge_amend_conditions, proposal
from traderd.model.ids import ClientOrderId
from traderd.model.orders import AmendKind, AmendTerms, Attribution, OrderOwner, Side


@pytest.fixture
def engine():
    made = ready_engine()
    for event in (intended(), sent(), accepted()):
        made.apply(event)
    return made


def order_of(engine, key="c1"):
    return engine.orders.get(key)


def test_an_amend_within_the_limits_is_allowed(engine):
    assert judge_amend(engine, order_of(engine), terms(at_price="0.51", count=12)) is None


def test_the_order_that_is_amended_does_not_count_twice(engine):
    engine.limits = attrs.evolve(engine.limits, max_open_orders=1)
    assert judge_amend(engine, order_of(engine), terms(count=12)) is None
    assert engine.judge(terms()).rule == "open_orders"


def test_the_size_of_an_amended_order_is_its_whole_size(engine):
    engine.apply(filled("t1", 6))
    order = order_of(engine)
    limit = engine.limits.max_order_count
    assert judge_amend(engine, order, attrs.evolve(terms(), count=limit)) is None
    denied = judge_amend(engine, order, attrs.evolve(terms(), count=limit + 1))
    assert denied.rule == "size"


@pytest.mark.parametrize(
    ("at_price", "count", "rule"),
    [("0.505", 10, "grid"), ("0.99", 10, "collar"), ("0.50", 101, "size")],
)
def test_new_terms_are_judged_like_a_new_order(engine, at_price, count, rule):
    denied = judge_amend(engine, order_of(engine), terms(at_price=at_price, count=count))
    assert denied.rule == rule


def test_the_exposure_counts_the_worse_of_both_until_the_answer_comes(engine):
    order = order_of(engine)
    engine.limits = attrs.evolve(engine.limits, max_exposure=dollars("6.50"))
    # 12 at 0.45 cost less than the limit, but while it is under way 12 at 0.50 may be lost.
    new = terms(at_price="0.45", count=13)
    assert judge_amend(engine, order, new).rule == "exposure"
    assert judge_amend(engine, order, terms(at_price="0.45", count=10)) is None
    request_amend(
        order,
        AmendTerms(kind=AmendKind.AMEND, price=price("0.45"), count=contracts(10)),
        order.updated_at,
    )
    assert account_exposure(engine.ledger, engine.orders.at_risk(), None) >= dollars("5")


def test_unknown_terms_fence_the_market_and_no_other(engine):
    engine.apply(amend_requested("0.45", 12))
    assert engine.judge(terms()) is None
    engine.apply(amend_unknown())
    assert engine.judge(terms()).rule == "fence"
    assert engine.judge(terms(ticker=OTHER)) is None
    assert proposal(engine, terms()).unknown_here == 1


def test_a_halt_stops_an_amend_that_does_not_reduce(engine):
    engine.apply(halt())
    assert judge_amend(engine, order_of(engine), terms(at_price="0.40")).rule == "halt"
    assert judge_amend_conditions(engine, order_of(engine), terms(at_price="0.40")).rule == "halt"


def test_an_amend_that_only_takes_risk_away_passes_a_halt(engine):
    engine.apply(filled("t1", 10))
    engine.apply(intended("c2", terms(Side.ASK, "0.60", 4)))
    engine.apply(sent("c2"))
    engine.apply(accepted("c2", "x2", remaining=4))
    engine.apply(halt())
    order = order_of(engine, "c2")
    assert judge_amend(engine, order, terms(Side.ASK, "0.55", 10)) is None
    # 11 would turn a position of 10.
    assert judge_amend(engine, order, terms(Side.ASK, "0.55", 11)).rule == "halt"


def test_a_stopped_strategy_places_and_amends_nothing_and_others_do(engine):
    strategy = Attribution(owner=OrderOwner.STRATEGY, strategy=MAKER)
    engine.apply(opened())
    engine.apply(triggered("strategy maker is stopped"))
    denied = engine.judge(terms(), attribution=strategy)
    assert (denied.rule, denied.sentence) == ("order_group", "strategy maker is stopped")
    assert engine.judge(terms()) is None
    assert engine.judge_conditions(terms(), strategy).rule == "order_group"


@given(
    side=st.sampled_from(Side),
    cents=st.tuples(st.integers(1, 99), st.integers(1, 99)),
    counts=st.tuples(st.integers(1, 100), st.integers(1, 100)),
    held=st.integers(-60, 60),
    held_cents=st.integers(1, 99),
)
def test_under_way_an_order_counts_at_least_as_much_as_by_its_old_or_its_new_terms(
    side, cents, counts, held, held_cents
):
    exposures = []
    for which in ("old", "new", "under way"):
        engine = ready_engine()
        if held:
            engine.ledger.book(
                fill(
                    "t0",
                    abs(held),
                    side=Side.BID if held > 0 else Side.ASK,
                    at_price=f"{held_cents / 100:.2f}",
                    order_id="x0",
                    key=None,
                )
            )
        index = 1 if which == "new" else 0
        first = terms(side, f"{cents[index] / 100:.2f}", counts[index])
        engine.apply(intended("c1", first))
        engine.apply(sent())
        engine.apply(accepted(remaining=counts[index]))
        if which == "under way":
            engine.apply(
                amend_requested(f"{cents[1] / 100:.2f}", counts[1], new_id=ClientOrderId("n"))
            )
        exposures.append(account_exposure(engine.ledger, engine.orders.at_risk(), None))
    old, new, under_way = exposures
    assert under_way >= max(old, new)
    assert TICKER

"""The folds of amends, renewals and groups: what follows, and what the error breaker counts."""

import pytest

from tests.core.builders import (
    accepted,
    amend_accepted,
    amend_failed,
    amend_requested,
    amend_unknown,
    intended,
    ready_engine,
    second,
    sent,
)
from tests.core.test_order_groups import MAKER, opened, triggered
from traderd.core.conditions import BREAKER_HALT
from traderd.core.order_folds import ORDINARY_AMEND_FAILURES
from traderd.model import events as ev
from traderd.model.ids import OrderId
from traderd.model.units import Timestamp


@pytest.fixture
def engine():
    made = ready_engine()
    for event in (intended(), sent(), accepted()):
        made.apply(event)
    return made


def test_every_step_of_an_amend_is_told(engine):
    for event in (amend_requested(count=12), amend_unknown(), amend_accepted(count=12)):
        (changed,) = engine.apply(event)
        assert (type(changed), changed.key) == (ev.OrderChanged, "c1")


@pytest.mark.parametrize("code", sorted(ORDINARY_AMEND_FAILURES))
def test_failures_that_belong_to_the_trade_are_no_errors(engine, code):
    engine.apply(amend_requested())
    engine.apply(amend_failed(code))
    assert engine.conditions.consecutive_errors == 0


def test_other_failures_and_unclear_outcomes_trip_the_breaker_and_success_ends_the_row(engine):
    limit = engine.limits.breaker_errors
    for _ in range(limit - 1):
        engine.apply(amend_requested())
        engine.apply(amend_failed("a_code_that_nobody_knows"))
    engine.apply(amend_requested())
    engine.apply(amend_accepted())
    assert engine.conditions.consecutive_errors == 0
    follow: list[ev.Event] = []
    for _ in range(limit):
        engine.apply(amend_requested())
        follow += engine.apply(amend_unknown())
        engine.apply(amend_failed("not_applied"))
    assert [e.halt_id for e in follow if isinstance(e, ev.HaltRaised)] == [BREAKER_HALT]


def test_a_renewal_only_moves_the_expiry(engine):
    before = engine.orders.get("c1")
    assert before.expires_at is None
    until = Timestamp(second(60))
    renewed = ev.OrderRenewed(at=second(5), order_id=OrderId("x1"), expires_at=until)
    assert engine.apply(renewed) == []
    assert engine.orders.get("c1").expires_at == until
    failed = ev.RenewalFailed(at=second(6), order_id=OrderId("x1"), code="unknown", sentence="?")
    assert engine.apply(failed) == []
    assert engine.orders.get("c1").expires_at == until


def test_groups_are_folded(engine):
    for event in (opened(), triggered()):
        assert engine.apply(event) == []
    assert list(engine.groups.stopped) == [MAKER]
    engine.apply(ev.OrderGroupReset(at=second(4), strategy=MAKER))
    engine.apply(ev.OrderGroupEnded(at=second(5), group_id="g1"))
    assert (engine.groups.stopped, engine.groups.by_id) == ({}, {})

"""Observations are made from recorded kinds of events and nothing else."""

import typing

from tests.core.builders import TICKER, accepted, filled, intended, ready_engine, second, sent, tell
from tests.core.test_observation import MAKER, seen
from traderd.core.observe import OBSERVED_KINDS, own_orders
from traderd.core.view import StateView
from traderd.model import events as ev


def test_only_facts_are_listed_and_each_once():
    assert [kind for kind in OBSERVED_KINDS if kind not in typing.get_args(ev.Event)] == []
    assert len(dict.fromkeys(OBSERVED_KINDS)) == len(OBSERVED_KINDS)


def test_every_kind_that_moves_what_is_seen_is_listed():
    engine = ready_engine()
    before = seen(engine).fingerprint()
    events = [intended("c1", attribution=MAKER), sent("c1"), accepted("c1", "x1"), filled("t1", 4)]
    for event in events:
        tell(engine, event)
        after = seen(engine).fingerprint()
        if after != before:
            assert type(event) in OBSERVED_KINDS
        before = after


def test_a_telemetry_event_changes_nothing_that_is_seen():
    engine = ready_engine()
    before = seen(engine).fingerprint()
    tell(engine, ev.StrategiesReported(at=second(3), reports=()))
    assert seen(engine).fingerprint() == before


def test_orders_of_others_are_left_out():
    engine = ready_engine()
    tell(engine, intended("c1", attribution=MAKER))
    orders = StateView(engine).own_live_orders(TICKER)
    assert [order.key for order in own_orders(orders, "maker")] == ["c1"]
    assert own_orders(orders, "taker") == ()

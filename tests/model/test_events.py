"""Events: each is frozen and says when it was observed, and the journaled ones survive the disk."""

import typing

import attrs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model import strategies
from tests.model.event_records import records_of
from traderd.model import (
    account_events,
    book_events,
    events,
    group_events,
    market_events,
    order_events,
    plugin_events,
    request_events,
    risk_events,
    state_events,
    strategy_events,
    universe_events,
)
from traderd.model.units import Timestamp
from traderd.store import codec

EVENTS = typing.get_args(events.Event)
NOT_EVENTS = ("Difference", "DifferingLevel", "ParameterReport", "PartHealth", "StrategyReport")
MODULES = (
    market_events,
    book_events,
    universe_events,
    order_events,
    group_events,
    account_events,
    risk_events,
    state_events,
    strategy_events,
    plugin_events,
    request_events,
)


def test_the_union_lists_every_record_of_its_modules_but_the_parts_of_events():
    here = [one for module in MODULES for one in records_of(module)]
    assert sorted(one.__name__ for one in here) == sorted([
        *(one.__name__ for one in EVENTS),
        *NOT_EVENTS,
    ])


def test_everything_that_is_exported_is_there():
    assert [name for name in events.__all__ if not hasattr(events, name)] == []


@pytest.mark.parametrize("event_class", EVENTS)
def test_an_event_says_when_it_was_observed(event_class):
    assert typing.get_type_hints(event_class)["at"] is Timestamp


@pytest.mark.parametrize("event_class", EVENTS)
@settings(max_examples=3)
@given(data=st.data())
def test_an_event_cannot_be_changed_and_equals_its_copy(event_class, data):
    event = data.draw(strategies.record(event_class))
    with pytest.raises((attrs.exceptions.FrozenInstanceError, AttributeError)):
        event.at = Timestamp(0)
    assert event == data.draw(st.just(event))
    later = Timestamp(event.at + 1)
    moved = (
        attrs.evolve(event, at=later)
        if attrs.has(event_class)
        else msgspec.structs.replace(event, at=later)
    )
    assert moved != event


@pytest.mark.parametrize("event_class", EVENTS)
def test_an_event_takes_keywords_only(event_class):
    with pytest.raises(TypeError, match=r"positional|keyword"):
        event_class(Timestamp(0))


@pytest.mark.parametrize("event_class", events.JOURNALED)
@settings(max_examples=15)
@given(data=st.data())
def test_a_journaled_event_survives_the_disk(event_class, data):
    event = data.draw(strategies.record(event_class))
    kind, body = codec.encode(event)
    assert codec.decode(kind, body, position=1) == event


def test_only_events_are_journaled_and_none_twice():
    assert [one for one in events.JOURNALED if one not in EVENTS] == []
    assert len(set(events.JOURNALED)) == len(events.JOURNALED)


def test_every_step_of_an_orders_life_is_journaled():
    assert [
        one for one in typing.get_args(events.OrderLifeEvent) if one not in events.JOURNALED
    ] == []


def test_per_frame_events_are_structs_that_the_collector_never_visits():
    structs = [one for one in EVENTS if issubclass(one, msgspec.Struct)]
    assert [one.__name__ for one in structs] == [
        "BookSnapshot",
        "BookDelta",
        "SequenceAdvanced",
        "TradePrinted",
        "BookChanged",
        "TickEnded",
    ]
    assert all(one.__struct_config__.gc is False for one in structs)

"""Facts of conditions: what stops trading says why, and a halt says who."""

import typing

import pytest

from tests.model.event_records import records_of
from traderd.model import events, state_events
from traderd.model.state_events import (
    Author,
    DegradedRaised,
    HaltRaised,
    PartHealth,
    TradingPaused,
    VenuePaused,
)


@pytest.mark.parametrize(
    ("event_class", "why"),
    [
        (HaltRaised, "reason"),
        (TradingPaused, "reason"),
        (DegradedRaised, "reason"),
        (VenuePaused, "sentence"),
    ],
)
def test_what_stops_something_says_why(event_class, why):
    assert typing.get_type_hints(event_class)[why] is str


def test_a_halt_says_who_raised_it():
    assert typing.get_type_hints(HaltRaised)["author"] is Author


def test_each_record_is_an_event_or_a_part_of_one():
    others = set(records_of(state_events)) - set(typing.get_args(events.Event))
    assert others == {PartHealth}

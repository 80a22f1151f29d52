"""Facts of the markets themselves: what is dropped or added says why, and steps have Kalshi's words."""

import typing

from tests.model.event_records import records_of
from traderd.model import events, universe_events
from traderd.model.universe_events import LifeStep, UniverseChanged


def test_the_steps_have_kalshis_words():
    assert [step.value for step in LifeStep] == [
        "created",
        "activated",
        "deactivated",
        "close_date_updated",
        "determined",
        "settled",
        "price_level_structure_updated",
        "metadata_updated",
        # Ours: a word that Kalshi has and we do not.
        "unknown",
    ]


def test_a_change_of_the_universe_has_a_reason_for_each_market():
    hints = typing.get_type_hints(UniverseChanged)
    assert hints["added"] == hints["dropped"] == universe_events.Steps


def test_each_record_is_an_event():
    assert set(records_of(universe_events)) <= set(typing.get_args(events.Event))

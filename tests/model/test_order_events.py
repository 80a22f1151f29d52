"""Facts of orders: each says which order it is about."""

import typing

import pytest

from tests.model.event_records import records_of
from traderd.model import events, order_events

NAMES_OF_AN_ORDER = {"client_order_id", "order_id", "key", "record", "fill", "terms"}


@pytest.mark.parametrize("event_class", records_of(order_events))
def test_an_event_of_an_order_says_which(event_class):
    assert NAMES_OF_AN_ORDER & set(typing.get_type_hints(event_class))


def test_each_record_is_an_event():
    assert set(records_of(order_events)) <= set(typing.get_args(events.Event))

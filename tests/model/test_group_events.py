"""Facts of order groups say which group or which strategy they are about."""

import typing

import pytest

from tests.model.event_records import records_of
from traderd.model import group_events


@pytest.mark.parametrize("event_class", records_of(group_events))
def test_an_event_of_a_group_says_which(event_class):
    assert {"group_id", "strategy"} & set(typing.get_type_hints(event_class))


def test_the_union_lists_them_all():
    assert set(typing.get_args(group_events.OrderGroupEvent)) == set(records_of(group_events))

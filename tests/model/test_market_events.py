"""Facts of market data: the per-frame ones are cheap, and the two feeds are told apart."""

import typing

import msgspec

from tests.model.event_records import records_of
from traderd.model import events, market_events
from traderd.model.market_events import FeedName


def test_what_comes_once_a_frame_is_a_struct_and_nothing_else_is():
    structs = {one.__name__ for one in records_of(market_events) if issubclass(one, msgspec.Struct)}
    assert structs == {"BookSnapshot", "BookDelta", "SequenceAdvanced", "TradePrinted"}


def test_the_two_feeds_fail_apart():
    assert {feed.value for feed in FeedName} == {"market_data", "private"}


def test_each_record_is_an_event():
    assert set(records_of(market_events)) <= set(typing.get_args(events.Event))

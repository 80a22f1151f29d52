"""A frame that was not understood: as much of its place as can be read."""

import json

import pytest

from traderd.kalshi.wire.decoder import FrameDecoder
from traderd.model.events import Drift, FeedName, FrameRefused
from traderd.model.units import Timestamp

DELTA = {"market_ticker": "KXA", "price_dollars": "0.45", "delta_fp": "1.00", "side": "YES"}


def refused(raw) -> FrameRefused:
    events = []
    text = raw if isinstance(raw, (str, bytes)) else json.dumps(raw)
    FrameDecoder(3, FeedName.MARKET_DATA).decode(text, Timestamp(1), events)
    (event,) = events
    assert isinstance(event, FrameRefused)
    return event


def place(event: FrameRefused):
    return event.kind, event.subscription, event.seq, event.ticker, event.connection


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            {"type": "orderbook_delta", "sid": 2, "seq": 7, "msg": DELTA},
            ("orderbook_delta", "3:2", 7, "KXA", 0),
        ),
        (
            {"type": "orderbook_snapshot", "sid": 2, "seq": 7, "msg": {"market_ticker": 5}},
            ("orderbook_snapshot", "3:2", 7, None, 0),
        ),
        (
            {"type": "orderbook_delta", "sid": 2, "seq": "7", "msg": []},
            ("orderbook_delta", "3:2", 0, None, 0),
        ),
        (
            {"type": "orderbook_delta", "seq": 7, "msg": DELTA},
            ("orderbook_delta", "", 7, "KXA", 3),
        ),
        (
            {"type": "orderbook_v3", "sid": 2, "seq": 7, "msg": DELTA},
            ("orderbook_v3", "3:2", 7, "KXA", 0),
        ),
        (
            {"type": "trade", "sid": 2, "seq": 7, "msg": {"market_ticker": "KXA"}},
            ("trade", "3:2", 7, None, 0),
        ),
        ({"type": "weather"}, ("weather", "", 0, None, 0)),
        ({"type": 5, "sid": True, "seq": -1}, ("untyped", "", 0, None, 0)),
        ("{", ("unreadable", "", 0, None, 3)),
        ("[1]", ("unreadable", "", 0, None, 3)),
        (b"\xff", ("unreadable", "", 0, None, 3)),
    ],
)
def test_the_place_of_a_frame_is_read_as_far_as_it_can_be(raw, expected):
    assert place(refused(raw)) == expected


def test_a_frame_that_quotes_at_length_is_cut():
    event = refused({"type": "x" * 1_000, "sid": 2})
    assert (len(event.kind), event.drift) == (200, Drift.UNKNOWN_TYPE)
    assert max(len(event.reason), len(event.where)) <= 200

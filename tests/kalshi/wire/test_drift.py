"""The decoder's complaints, read: what kind of departure, and in which field."""

import json

import pytest

from traderd.errors import ExchangeProtocolError
from traderd.kalshi.wire.decoder import FrameDecoder
from traderd.kalshi.wire.drift import drift_of
from traderd.model.events import Drift, FeedName, FrameRefused, SequenceAdvanced
from traderd.model.units import Timestamp

DELTA = {
    "market_ticker": "A",
    "price_dollars": "0.47",
    "delta_fp": "1.00",
    "side": "yes",
}
FILL = {
    "trade_id": "t",
    "order_id": "o",
    "market_ticker": "A",
    "is_taker": True,
    "book_side": "bid",
    "outcome_side": "yes",
    "yes_price_dollars": "0.47",
    "count_fp": "1.00",
    "fee_cost": "0.01",
}


def without(body, name):
    return {key: value for key, value in body.items() if key != name}


def frame(kind, body):
    return json.dumps({"type": kind, "sid": 1, "seq": 1, "msg": body})


@pytest.mark.parametrize(
    ("raw", "drift", "where", "kind"),
    [
        (frame("ticker_v9", {}), Drift.UNKNOWN_TYPE, "", "ticker_v9"),
        ("{}", Drift.UNKNOWN_TYPE, "", "untyped"),
        (
            frame("orderbook_delta", DELTA | {"side": "maybe"}),
            Drift.UNKNOWN_VALUE,
            "msg.side",
            "orderbook_delta",
        ),
        (
            frame("orderbook_delta", without(DELTA, "side")),
            Drift.MISSING_FIELD,
            "msg.side",
            "orderbook_delta",
        ),
        ('{"type":"orderbook_delta","sid":1}', Drift.MISSING_FIELD, "seq", "orderbook_delta"),
        (
            frame("orderbook_delta", DELTA | {"ts_ms": "soon"}),
            Drift.WRONG_VALUE,
            "msg.ts_ms",
            "orderbook_delta",
        ),
        (
            frame("orderbook_delta", DELTA | {"price_dollars": "1.5"}),
            Drift.WRONG_VALUE,
            "",
            "orderbook_delta",
        ),
        (frame("fill", FILL | {"book_side": "ask?"}), Drift.UNKNOWN_VALUE, "", "fill"),
        (frame("fill", without(FILL, "fee_cost")), Drift.MISSING_FIELD, "msg.fee_cost", "fill"),
        ('{"type":"fill"', Drift.UNREADABLE, "", "unreadable"),
        (b"\xff\xfe", Drift.UNREADABLE, "", "unreadable"),
        ("[" * 100_000, Drift.UNREADABLE, "", "unreadable"),
    ],
)
def test_each_departure_is_told_by_kind_and_field(raw, drift, where, kind):
    events = []
    assert FrameDecoder(1, FeedName.PRIVATE).decode(raw, Timestamp(1), events) is None
    (event,) = events
    assert isinstance(event, FrameRefused)
    assert (event.drift, event.where, event.kind) == (drift, where, kind)


def test_a_new_lifecycle_step_is_an_unknown_value_and_keeps_its_number():
    events = []
    body = {"event_type": "teleported", "market_ticker": "A"}
    FrameDecoder(1, FeedName.MARKET_DATA).decode(
        frame("market_lifecycle_v2", body), Timestamp(1), events
    )
    number, refused, _ = events
    assert number == SequenceAdvanced(subscription="1:1", seq=1, at=1, is_data=True)
    assert (refused.drift, refused.where) == (Drift.UNKNOWN_VALUE, "msg.event_type")


def test_our_own_complaint_of_a_word_is_an_unknown_value():
    assert drift_of(ExchangeProtocolError("a status of its own")) == (Drift.UNKNOWN_VALUE, "")

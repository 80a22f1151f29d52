"""Rows on disk: words that never change, and errors that name the row and the cure."""

import msgspec
import pytest

from traderd.errors import InvariantViolation, StoreError
from traderd.model import events
from traderd.model.events import (
    Author,
    BookRestored,
    HaltRaised,
    OrderSent,
    StateChanged,
    TradingPaused,
)
from traderd.model.ids import ClientOrderId, MarketTicker
from traderd.model.states import ActingMetadata, ReadyMetadata, ShutdownMetadata, State
from traderd.model.units import Timestamp
from traderd.store import codec

AT = Timestamp(1_794_724_187_354_803_123)


def test_the_table_holds_exactly_the_journaled_events():
    assert tuple(codec.KINDS.values()) == events.JOURNALED


def test_a_row_written_today_is_read_by_every_later_version():
    # These bytes are what version 1 of the schema wrote: if this fails, people's journals cannot be read.
    row = b'{"at":5,"author":"person","halt_id":"h1","reason":"lunch","ticker":null}'
    expected = HaltRaised(at=Timestamp(5), halt_id="h1", author=Author.PERSON, reason="lunch")
    assert codec.encode(expected) == ("halt_raised", row)
    assert codec.decode("halt_raised", row, position=1) == expected


def test_a_state_change_keeps_the_class_of_its_metadata():
    event = StateChanged(
        at=AT,
        from_state=State.READY,
        to_state=State.ACTING,
        context="two orders",
        metadata=ActingMetadata(orders_in_flight=2),
    )
    kind, body = codec.encode(event)
    assert msgspec.json.decode(body)["metadata_class"] == "ActingMetadata"
    back = codec.decode(kind, body, position=1)
    assert back == event
    assert isinstance(back, StateChanged)
    assert type(back.metadata) is ActingMetadata


def test_nanoseconds_survive():
    event = OrderSent(at=AT, client_order_id=ClientOrderId("0a1b2c3d-1-1"))
    assert codec.decode(*codec.encode(event), position=1).at == AT


def test_an_event_that_is_not_journaled_is_a_defect_of_the_caller():
    with pytest.raises(InvariantViolation, match="BookRestored"):
        codec.encode(BookRestored(at=AT, ticker=MarketTicker("A")))


@pytest.mark.parametrize(
    "event",
    [
        TradingPaused(at=AT, reason="half \ud800 pair"),
        StateChanged(
            at=AT,
            from_state=State.READY,
            to_state=State.SHUTDOWN,
            context="c",
            metadata=ShutdownMetadata(reason="half \ud800 pair"),
        ),
    ],
)
def test_text_that_is_not_unicode_is_spelled_out_and_kept(event):
    back = codec.decode(*codec.encode(event), position=1)
    kept = back.metadata if isinstance(back, StateChanged) else back
    assert kept.reason == "half \\ud800 pair"
    assert back.at == AT


def test_an_unknown_kind_names_the_row_and_the_cure():
    with pytest.raises(StoreError, match=r"row 7 .*'order_teleported'.*version"):
        codec.decode("order_teleported", b"{}", position=7)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("order_sent", b""),
        ("order_sent", b"{"),
        ("order_sent", b"[]"),
        ("order_sent", b'{"at":1}'),
        ("order_sent", b'{"at":"1","client_order_id":"a"}'),
        ("order_sent", b'{"at":1,"client_order_id":"\xff"}'),
        ("halt_raised", b'{"at":5,"halt_id":"h","author":"ghost","reason":""}'),
        ("state_changed", b'{"at":1,"from_state":"ready"}'),
        ("order_filled", b'{"at":1,"source":"feed","fill":{"trade_id":"t","order_id":"o","ticker":"A",'
            b'"side":"bid","price":0,"count":1,"fee":0,"is_taker":true,"executed_at":1}}'),
    ],
)  # fmt: skip
def test_a_damaged_body_names_the_row_and_the_cure(kind, body):
    with pytest.raises(StoreError, match=rf"row 42 \({kind}\) cannot be read: .*move it away"):
        codec.decode(kind, body, position=42)


def test_a_metadata_class_of_another_version_is_an_unknown_kind():
    event = StateChanged(
        at=AT,
        from_state=State.ORDERBOOK_CONNECT,
        to_state=State.READY,
        context="",
        metadata=ReadyMetadata(
            markets_connected=1,
            snapshots_received=1,
            deltas_received=1,
            connection_established=True,
            first_snapshot_received=True,
            environment="sim",
            trading_client=None,
        ),
    )
    kind, body = codec.encode(event)
    with pytest.raises(StoreError, match=r"row 3 .*'SteadyMetadata'"):
        codec.decode(kind, body.replace(b"ReadyMetadata", b"SteadyMetadata"), position=3)

"""Rows on disk: words that never change, and errors that name the row and the cure."""

import msgspec
import pytest

from tests.core.builders import READY
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
from traderd.model.rows import RowKind, UnreadableRow
from traderd.model.states import ActingMetadata, ShutdownMetadata, State
from traderd.model.units import Timestamp
from traderd.store import codec

AT = Timestamp(1_794_724_187_354_803_123)


def test_the_table_holds_exactly_the_journaled_events():
    assert tuple(codec.KINDS.values()) == events.JOURNALED


def test_a_row_written_today_is_read_by_every_later_version():
    # These bytes are what version 1 of the schema wrote: if this fails, people's journals cannot be read.
    row = b'{"at":5,"author":"person","halt_id":"h1","reason":"lunch","ticker":null}'
    expected = HaltRaised(at=Timestamp(5), halt_id="h1", author=Author.PERSON, reason="lunch")
    assert codec.decode("halt_raised", row, position=1) == expected
    # What came later has a value that means "as before".
    newer = b'{"at":5,"author":"person","by":"","halt_id":"h1","reason":"lunch","strategy":null,"ticker":null}'
    assert codec.encode(expected) == ("halt_raised", newer)
    assert codec.decode("halt_raised", newer, position=1) == expected


def test_pauses_written_before_they_had_a_scope_are_of_the_account():
    paused = codec.decode("trading_paused", b'{"at":5,"reason":"lunch"}', position=1)
    assert paused == TradingPaused(at=Timestamp(5), reason="lunch")
    resumed = codec.decode("trading_resumed", b'{"at":6}', position=2)
    assert (resumed.ticker, resumed.strategy, resumed.by) == (None, None, "")
    cleared = codec.decode("halt_cleared", b'{"at":5,"halt_id":"h","author":"person"}', position=3)
    assert cleared.by == ""


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
        metadata=READY,
    )
    kind, body = codec.encode(event)
    with pytest.raises(StoreError, match=r"row 3 .*'SteadyMetadata'"):
        codec.decode(kind, body.replace(b"ReadyMetadata", b"SteadyMetadata"), position=3)


def test_readings_of_the_first_version_are_read_and_prove_no_balance():
    # What the version before the proof of balances wrote: without its new fields.
    row = (
        b'{"at":5,"started_at":4,"sync_type":"initial","positions":[],'
        b'"balance":{"balance":7,"portfolio_value":0},"differences":[]}'
    )
    event = codec.decode("account_synced", row, position=1)
    assert isinstance(event, events.AccountSynced)
    assert (event.settling, event.fills_whole, event.proves_balance) == ((), True, False)
    # Nor the exchange's own time: ours stood for it then.
    assert (event.exchange_started_at, event.theirs_at) == (None, 4)


def test_a_kind_of_a_later_version_names_who_wrote_the_journal():
    with pytest.raises(StoreError, match=r"unknown kind 'tomorrow'.*last opened by 9\.1"):
        codec.decode("tomorrow", b"{}", position=1, written_by="9.1")


def test_an_intent_from_before_leases_and_groups_is_read_without_them():
    row = (
        b'{"at":5,"attribution":{"owner":"person","strategy":null},"client_order_id":"c1","terms":'
        b'{"count":100,"expires_at":null,"post_only":false,"price":100,"reduce_only":false,'
        b'"self_trade_prevention":"taker_at_cross","side":"bid","ticker":"T",'
        b'"time_in_force":"good_till_canceled"}}'
    )
    event = codec.decode("order_intended", row, position=1)
    assert (event.is_leased, event.good_until, event.terms.order_group_id) == (False, None, None)


def test_a_record_from_before_amends_is_read_without_its_time():
    row = (
        b'{"at":5,"record":{"order_id":"o","client_order_id":"c","ticker":"T","side":"bid","price":100,'
        b'"status":"resting","initial_count":100,"fill_count":0,"remaining_count":100},"source":"sync"}'
    )
    record = codec.decode("order_reported", row, position=1).record
    assert (record.updated_at, record.total_count) == (None, 100)


def test_a_balance_written_before_engines_had_their_own_has_none_of_them():
    row = (
        b'{"at":5,"started_at":4,"sync_type":"update","positions":[],'
        b'"balance":{"balance":7,"portfolio_value":0},"differences":[]}'
    )
    synced = codec.decode("account_synced", row, position=1)
    assert synced.balance.by_engine == ()


def test_what_persons_and_readings_decide_is_kept_and_what_came_later_has_defaults():
    row = UnreadableRow(kind=RowKind.FILL, key="t1 o1", words="fill t1: what", raw="{}")
    for event in (
        events.UnreadableRowsChanged(at=AT, rows=(row,), whole=False),
        events.DifferenceIgnored(at=AT, item="position:A", amount=-300, by="ann"),
        events.PositionAccepted(at=AT, ticker=MarketTicker("A"), by="ann"),
    ):
        kind, body = codec.encode(event)
        assert codec.decode(kind, body, position=1) == event
    # Nobody kept who accepted a balance before.
    accepted = codec.decode("balance_accepted", b'{"at":5,"amount":-7}', position=1)
    assert (accepted.amount, accepted.by) == (-7, "")

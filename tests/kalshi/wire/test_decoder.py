"""The trader's reading of WebSocket frames, recorded and made up."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderd.kalshi.wire import feed
from traderd.kalshi.wire.decoder import FrameDecoder, SnapshotReply
from traderd.model.events import (
    BookDelta,
    BookSnapshot,
    Drift,
    FeedName,
    FrameRefused,
    GroupNews,
    LifeStep,
    MarketLifecycleChanged,
    OrderFilled,
    OrderReported,
    SequenceAdvanced,
    Source,
    TradePrinted,
)
from traderd.model.orders import OrderStatus, Side
from traderd.model.units import NS_PER_S, Timestamp, timestamp_from_ms

RECORDED = json.loads(
    (Path(__file__).parents[2] / "data" / "ws_orderbook_prod_20260807.json").read_text()
)["frames"]
AT = Timestamp(1_000)


def decode(raw, decoder=None, **options):
    events = []
    decoder = decoder or FrameDecoder(1, FeedName.MARKET_DATA, **options)
    reply = decoder.decode(raw if isinstance(raw, (bytes, str)) else json.dumps(raw), AT, events)
    return events, reply


def test_every_recorded_frame_decodes_and_the_sequence_has_no_hole():
    decoder = FrameDecoder(9, FeedName.MARKET_DATA, use_yes_price=True)
    # The recording was subscribed without yes prices, by command 2.
    decoder.expect(2, use_yes_price=False)
    events, replies = [], []
    for row in RECORDED:
        reply = decoder.decode(
            json.dumps(row["frame"]).encode(), timestamp_from_ms(row["received_ms"]), events
        )
        replies += [reply] if reply else []
    assert len(RECORDED) == 269
    assert decoder.refused == 0
    assert [event.seq for event in events] == list(range(1, 269))
    assert {event.subscription for event in events} == {"9:1"}
    kinds = [type(event) for event in events]
    assert (kinds.count(BookSnapshot), kinds.count(SequenceAdvanced), kinds.count(BookDelta)) == (
        12,
        11,
        245,
    )
    assert len(replies) == 12


def test_recorded_books_are_not_crossed_when_the_price_form_is_read_right():
    decoder = FrameDecoder(9, FeedName.MARKET_DATA)
    decoder.expect(2, use_yes_price=False)
    books = {}
    for row in RECORDED:
        events = []
        decoder.decode(json.dumps(row["frame"]), AT, events)
        for event in events:
            if isinstance(event, BookSnapshot):
                books[event.ticker] = {Side.BID: dict(event.bids), Side.ASK: dict(event.asks)}
            elif isinstance(event, BookDelta):
                side = books[event.ticker][event.side]
                side[event.price] = side.get(event.price, 0) + event.change
                assert side[event.price] >= 0
                if side[event.price] == 0:
                    del side[event.price]
        for book in books.values():
            assert max(book[Side.BID]) < min(book[Side.ASK])
    assert len(books) == 12


SNAPSHOT = {
    "type": "orderbook_snapshot",
    "sid": 1,
    "seq": 1,
    "msg": {
        "market_ticker": "A",
        "yes_dollars_fp": [["0.470", "3.00"]],
        "no_dollars_fp": [["0.52", 7.77]],
    },
}
DELTA = {
    "type": "orderbook_delta",
    "sid": 1,
    "seq": 2,
    "msg": {
        "market_ticker": "A",
        "price_dollars": "0.48",
        "delta_fp": "-1.00",
        "side": "no",
        "ts_ms": 5,
    },
}


def test_no_levels_are_yes_prices_when_we_asked_for_yes_prices():
    (event,), reply = decode(SNAPSHOT)
    assert (event.bids, event.asks, reply) == (((4700, 300),), ((5200, 777),), None)
    (event,), _ = decode(DELTA)
    assert (event.side, event.price, event.change, event.exchange_at) == (
        Side.ASK,
        4800,
        -100,
        5_000_000,
    )


def test_the_price_form_belongs_to_the_subscription_that_asked_for_it():
    decoder = FrameDecoder(1, FeedName.MARKET_DATA)
    decoder.expect(7, use_yes_price=False)
    decode(
        {"type": "subscribed", "id": 7, "msg": {"channel": "orderbook_delta", "sid": 1}}, decoder
    )
    decode(
        {"type": "subscribed", "id": 8, "msg": {"channel": "orderbook_delta", "sid": 2}}, decoder
    )
    assert decode(DELTA, decoder)[0][0].price == 5200
    assert decode(DELTA | {"sid": 2}, decoder)[0][0].price == 4800


def test_each_delta_of_one_read_has_the_form_of_its_own_subscription_even_right_after_the_reply():
    decoder = FrameDecoder(1, FeedName.MARKET_DATA)
    decoder.expect(7, use_yes_price=False)
    subscribed = {"type": "subscribed", "id": 7, "msg": {"channel": "orderbook_delta", "sid": 1}}
    # The first two come before their subscription is known: they can only have the usual form.
    frames = [DELTA | {"sid": 2}, DELTA, subscribed, DELTA, DELTA | {"sid": 2}, DELTA]
    events, replies = [], []
    decoder.decode_all([json.dumps(frame) for frame in frames], AT, events, replies.append)
    assert [(event.subscription, event.price) for event in events] == [
        ("1:2", 4800),
        ("1:1", 4800),
        ("1:1", 5200),
        ("1:2", 4800),
        ("1:1", 5200),
    ]
    assert [type(reply) for reply in replies] == [feed.Subscribed]


def test_deltas_of_one_read_keep_their_own_times():
    times = [5, 5, None, 6]
    frames = [DELTA | {"msg": DELTA["msg"] | {"ts_ms": ms}} for ms in times]
    events = []
    FrameDecoder(1, FeedName.MARKET_DATA).decode_all(map(json.dumps, frames), AT, events, print)
    assert [event.exchange_at for event in events] == [5_000_000, 5_000_000, None, 6_000_000]


ODD_STAMPS = [-1, -(10**13), 10**400, 1_798_732_800_000_000, 10_002]


@pytest.mark.parametrize("ts_ms", ODD_STAMPS)
def test_a_change_or_a_trade_with_a_stamp_that_cannot_be_is_taken_without_it_and_counted(ts_ms):
    decoder = FrameDecoder(1, FeedName.MARKET_DATA)
    events = []
    for frame in (
        DELTA | {"msg": DELTA["msg"] | {"ts_ms": ts_ms}},
        DELTA | {"msg": DELTA["msg"] | {"ts_ms": ts_ms}},
        DELTA | {"msg": DELTA["msg"] | {"ts_ms": 10_000}},
        {"type": "trade", "sid": 2, "msg": TRADE | {"ts_ms": ts_ms}},
    ):
        decoder.decode(json.dumps(frame), AT, events)
    odd = [event for event in events if isinstance(event, FrameRefused)]
    assert {(event.drift, event.where) for event in odd} == {(Drift.WRONG_VALUE, "msg.ts_ms")}
    assert [event.kind for event in odd] == ["orderbook_delta", "orderbook_delta", "trade"]
    # Its number was taken and nothing is missing, so no book is in doubt.
    assert {(event.subscription, event.connection) for event in odd} == {("", 0)}
    taken = [event.exchange_at for event in events if event not in odd]
    assert (taken, decoder.refused) == ([None, None, 10_000_000_000, None], 3)


def test_an_odd_stamp_is_none_of_the_next_change_in_the_same_read():
    frames = [DELTA | {"msg": DELTA["msg"] | {"ts_ms": ms}} for ms in (5, -1, 5, -1, -1, None, 6)]
    events = []
    FrameDecoder(1, FeedName.MARKET_DATA).decode_all(map(json.dumps, frames), AT, events, print)
    taken = [event.exchange_at for event in events if isinstance(event, BookDelta)]
    assert taken == [5_000_000, None, 5_000_000, None, None, None, 6_000_000]
    assert len(events) == len(frames) + 3


@pytest.mark.parametrize(("offset_ms", "believed"), [(0, False), (60_000, True), (-60_000, False)])
def test_a_stamp_is_of_the_future_by_the_clock_of_the_exchange(offset_ms, believed):
    decoder = FrameDecoder(1, FeedName.MARKET_DATA, clock_offset_ms=lambda: offset_ms)
    for frame in (
        DELTA | {"msg": DELTA["msg"] | {"ts_ms": 60_000}},
        {"type": "trade", "sid": 2, "msg": TRADE | {"ts_ms": 60_000}},
    ):
        events, _ = decode(frame, decoder)
        assert events[-1].exchange_at == (60 * NS_PER_S if believed else None)


def test_what_nobody_reads_of_a_delta_cannot_make_it_wrong():
    odd = {"market_id": 7, "ts": 5, "client_order_id": [], "subaccount": "three", "new": {}}
    (event,), _ = decode(DELTA | {"msg": DELTA["msg"] | odd})
    assert isinstance(event, BookDelta)


def test_connections_share_what_they_have_read_of_numbers():
    (one,), _ = decode(SNAPSHOT, FrameDecoder(1, FeedName.MARKET_DATA))
    (other,), _ = decode(SNAPSHOT, FrameDecoder(2, FeedName.MARKET_DATA))
    assert [
        a is b
        for pair in zip(one.asks, other.asks, strict=True)
        for a, b in zip(*pair, strict=True)
    ] == [True] * 2


def test_a_missing_side_is_an_empty_side():
    (event,), _ = decode({
        "type": "orderbook_snapshot",
        "sid": 1,
        "seq": 1,
        "msg": {"market_ticker": "A"},
    })
    assert (event.bids, event.asks) == ((), ())


def test_a_snapshot_in_the_old_form_is_refused_and_not_taken_for_an_empty_book():
    (event,), _ = decode({
        "type": "orderbook_snapshot",
        "sid": 1,
        "seq": 1,
        "msg": {"market_ticker": "A", "yes": [[47, 3]]},
    })
    assert isinstance(event, FrameRefused)
    assert (event.kind, event.feed) == ("orderbook_snapshot", FeedName.MARKET_DATA)


def test_a_snapshot_in_answer_names_its_command():
    (event,), reply = decode(SNAPSHOT | {"id": 5})
    assert event.in_answer is True
    assert reply == SnapshotReply(id=5, ticker="A")


@pytest.mark.parametrize(
    ("frame", "seq"),
    [
        ({"type": "ok", "id": 3, "sid": 1, "seq": 8, "msg": {"market_tickers": ["A"]}}, 8),
        ({"type": "unsubscribed", "id": 7, "sid": 1, "seq": 12}, 12),
        ({"type": "error", "id": 3, "sid": 1, "seq": 9, "msg": {"code": 11, "msg": "x"}}, 9),
    ],
)
def test_an_acknowledgement_uses_up_a_number(frame, seq):
    events, reply = decode(frame)
    assert events == [SequenceAdvanced(subscription="1:1", seq=seq, at=AT)]
    assert reply.id == frame["id"]


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "subscribed", "id": 1, "msg": {"channel": "trade", "sid": 2}},
        {"type": "ok", "id": 6, "msg": [{"channel": "trade", "sid": 2}]},
        {"type": "error", "id": 9, "msg": {"code": 7, "msg": "Unknown subscription ID"}},
    ],
)
def test_an_unnumbered_reply_is_no_event(frame):
    events, reply = decode(frame)
    assert (events, reply.id) == ([], frame["id"])


def test_a_terminal_error_is_told_with_its_code():
    _, reply = decode({
        "type": "error",
        "sid": 4,
        "msg": {"code": 25, "msg": "Subscription buffer overflow"},
    })
    assert isinstance(reply, feed.FeedError)
    assert (reply.sid, reply.msg.code, reply.id) == (4, 25, 0)


TRADE = {
    "trade_id": "t",
    "market_ticker": "A",
    "yes_price_dollars": "0.5200",
    "count_fp": "7.77",
    "taker_book_side": "ask",
    "taker_outcome_side": "no",
    "ts_ms": 5,
}
FILL = {
    "trade_id": "t",
    "order_id": "o",
    "market_ticker": "A",
    "is_taker": False,
    "book_side": "ask",
    "outcome_side": "no",
    "side": "yes",
    "action": "sell",
    "yes_price_dollars": "0.52",
    "count_fp": 1.5,
    "fee_cost": "0.0175",
    "ts": 7,
}
ORDER = {
    "order_id": "o",
    "ticker": "A",
    "status": "executed",
    "book_side": "bid",
    "outcome_side": "yes",
    "yes_price_dollars": "0.4700",
    "initial_count_fp": "10.00",
    "fill_count_fp": "10.00",
    "remaining_count_fp": "0.00",
    "created_time": "1970-01-01T00:00:09Z",
    "expiration_ts_ms": 8,
    "last_update_reason": "Trade",
}


def test_a_trade_needs_no_sequence_number():
    (event,), _ = decode({"type": "trade", "sid": 2, "msg": TRADE})
    assert event == TradePrinted(
        trade_id="t",
        ticker="A",
        price=5200,
        count=777,
        taker_side=Side.ASK,
        at=AT,
        exchange_at=5_000_000,
    )


@pytest.mark.parametrize(("told", "expected"), [(True, True), (False, False), (None, False)])
def test_a_trade_away_from_the_book_says_so(told, expected):
    (event,), _ = decode({"type": "trade", "sid": 2, "msg": TRADE | {"is_block_trade": told}})
    assert event.is_block is expected


def test_the_number_of_a_trade_is_told_before_the_trade():
    events, _ = decode({"type": "trade", "sid": 2, "seq": 9, "msg": TRADE})
    assert events[0] == SequenceAdvanced(
        subscription="1:2", seq=9, at=AT, is_data=True, exchange_at=5_000_000
    )
    assert isinstance(events[1], TradePrinted)


# --- lifecycle ------------------------------------------------------------------------------------


def lifecycle(event_type, *, seq=3, **told):
    body = {"market_ticker": "A", "event_type": event_type} | told
    return {"type": "market_lifecycle_v2", "sid": 8, "seq": seq, "msg": body}


RANGES = [
    {"start": "0.0000", "end": "0.1000", "step": "0.0010"},
    {"start": "0.1000", "end": "1.0000", "step": "0.0100"},
]


@pytest.mark.parametrize(
    ("event_type", "told", "expected"),
    [
        (
            "created",
            {
                "open_ts": 10,
                "close_ts": 20,
                "exchange_index": 0,
                "price_ranges": RANGES,
                "additional_metadata": {"name": "x", "event_ticker": "E", "title": "t"},
            },
            {
                "step": LifeStep.CREATED,
                "open_time": 10 * NS_PER_S,
                "close_time": 20 * NS_PER_S,
                "event_ticker": "E",
            },
        ),
        ("activated", {"is_deactivated": False}, {"step": LifeStep.ACTIVATED}),
        ("deactivated", {"is_deactivated": True}, {"step": LifeStep.DEACTIVATED}),
        (
            "close_date_updated",
            {"close_ts": 30},
            {"step": LifeStep.CLOSE_DATE_UPDATED, "close_time": 30 * NS_PER_S},
        ),
        (
            "determined",
            {"result": "yes", "determination_ts": 5, "settlement_value": "1.0000"},
            {"step": LifeStep.DETERMINED, "result": "yes", "settlement_value": 10_000},
        ),
        ("settled", {"settled_ts": 6}, {"step": LifeStep.SETTLED, "result": ""}),
        ("metadata_updated", {"yes_sub_title": "B"}, {"step": LifeStep.METADATA_UPDATED}),
    ],
)
def test_a_step_of_a_market_is_told_after_its_number(event_type, told, expected):
    (number, step), reply = decode(lifecycle(event_type, **told))
    assert (number.subscription, number.seq) == ("1:8", 3)
    assert (step.ticker, reply) == ("A", None)
    assert {name: getattr(step, name) for name in expected} == expected


def test_a_new_grid_comes_with_its_bands():
    (_, step), _ = decode(lifecycle("price_level_structure_updated", price_ranges=RANGES))
    assert step.grid.describe() == "0.0000-0.1000 by 0.0010, 0.1000-1.0000 by 0.0100"
    (_, bare), _ = decode(lifecycle("price_level_structure_updated"))
    assert bare.grid is None


def test_an_unknown_step_is_counted_and_told_without_its_fields_and_leaves_no_hole():
    decoder = FrameDecoder(1, FeedName.MARKET_DATA)
    (number, refused, step), _ = decode(lifecycle("renamed", close_ts=30), decoder)
    assert step == MarketLifecycleChanged(at=AT, ticker="A", step=LifeStep.UNKNOWN)
    assert number == SequenceAdvanced(subscription="1:8", seq=3, at=AT, is_data=True)
    assert (refused.kind, refused.reason) == (
        "market_lifecycle_v2",
        "event_type 'renamed' is unknown",
    )
    assert decoder.refused == 1


def test_a_step_that_is_called_unknown_is_no_step_that_we_know():
    (_, refused, step), _ = decode(lifecycle("unknown"))
    assert (refused.reason, step.step) == ("event_type 'unknown' is unknown", LifeStep.UNKNOWN)


@pytest.mark.parametrize("kind", ["event_lifecycle", "event_fee_update"])
def test_what_else_comes_on_the_lifecycle_only_uses_up_its_number(kind):
    frame = {"type": kind, "sid": 8, "seq": 4, "msg": {"event_ticker": "E", "new": 1}}
    assert decode(frame)[0] == [SequenceAdvanced(subscription="1:8", seq=4, at=AT, is_data=True)]
    # Before September 2026 there was no number.
    del frame["seq"]
    assert decode(frame)[0] == []


def test_a_grid_that_cannot_be_is_refused():
    bad = [{"start": "0.5", "end": "0.1", "step": "0.01"}]
    events, _ = decode(lifecycle("price_level_structure_updated", price_ranges=bad))
    assert [type(event) for event in events] == [SequenceAdvanced, FrameRefused]


# --- private facts --------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "told"), [(None, 1), (0, 1), (3, 0)])
def test_what_another_subaccount_does_is_none_of_our_business(number, told):
    """Its position and its balance are not read, so its fills would look like a mistake of ours."""
    extra = {} if number is None else {"subaccount": number, "subaccount_number": number}
    fills, _ = decode({"type": "fill", "sid": 4, "msg": FILL | extra})
    orders, _ = decode({"type": "user_order", "sid": 5, "msg": ORDER | extra})
    assert (len(fills), len(orders)) == (told, told)


def test_a_fill_is_read_by_book_side_and_not_by_the_legacy_pair():
    (event,), _ = decode({"type": "fill", "sid": 4, "msg": FILL})
    assert isinstance(event, OrderFilled)
    assert (event.fill.side, event.fill.price, event.fill.count, event.fill.fee) == (
        Side.ASK,
        5200,
        150,
        17_500,
    )
    assert (event.fill.executed_at, event.fill.client_order_id, event.source) == (
        7 * 10**9,
        None,
        Source.FEED,
    )


def test_a_fill_without_a_time_has_the_time_of_its_frame():
    (event,), _ = decode({
        "type": "fill",
        "sid": 4,
        "msg": {k: v for k, v in FILL.items() if k != "ts"},
    })
    assert event.fill.executed_at == AT


@pytest.mark.parametrize(
    ("body", "news", "limit"),
    [
        ({"event_type": "triggered"}, GroupNews.TRIGGERED, None),
        (
            {"event_type": "limit_updated", "contracts_limit_fp": "5.00"},
            GroupNews.LIMIT_UPDATED,
            500,
        ),
    ],
)
def test_what_becomes_of_an_order_group_is_told_and_its_number_counts(body, news, limit):
    message = {"order_group_id": "g1", "ts_ms": 1781268399712} | body
    (number, event), _ = decode({
        "type": "order_group_updates",
        "sid": 7,
        "seq": 2,
        "msg": message,
    })
    assert isinstance(number, SequenceAdvanced)
    assert (event.group_id, event.news, event.limit) == ("g1", news, limit)


def test_a_step_of_an_order_group_that_nobody_knows_is_refused_and_named():
    (event,), _ = decode({
        "type": "order_group_updates",
        "sid": 7,
        "msg": {"event_type": "frozen", "order_group_id": "g1"},
    })
    assert isinstance(event, FrameRefused)
    assert (event.kind, event.reason) == (
        "order_group_updates",
        "event_type 'frozen' is unknown",
    )


def test_an_order_message_takes_either_spelling_of_time():
    (event,), _ = decode({"type": "user_order", "sid": 5, "msg": ORDER})
    assert isinstance(event, OrderReported)
    assert (event.record.status, event.record.reason, event.source) == (
        OrderStatus.EXECUTED,
        "Trade",
        Source.FEED,
    )
    assert (event.record.created_at, event.record.expires_at) == (9 * 10**9, 8_000_000)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"not json", "unreadable"),
        (b"\xff\xfe", "unreadable"),
        (b'{"a":' + b"[" * 100_000, "unreadable"),
        (b"[]", "unreadable"),
        (b'{"sid":1}', "untyped"),
        (b'{"type":"novel","sid":1,"seq":3,"msg":{}}', "novel"),
        (b'{"type":"orderbook_delta","sid":1,"seq":3,"msg":{}}', "orderbook_delta"),
        (json.dumps(DELTA | {"msg": DELTA["msg"] | {"price_dollars": "1.5"}}), "orderbook_delta"),
        (json.dumps(DELTA | {"msg": DELTA["msg"] | {"delta_fp": "0.001"}}), "orderbook_delta"),
        (json.dumps(DELTA | {"msg": DELTA["msg"] | {"side": "maybe"}}), "orderbook_delta"),
        (json.dumps({"type": "fill", "sid": 1, "msg": FILL | {"count_fp": "0.00"}}), "fill"),
        (json.dumps({"type": "fill", "sid": 1, "msg": FILL | {"book_side": "bid"}}), "fill"),
        (
            json.dumps({"type": "user_order", "sid": 1, "msg": ORDER | {"status": "unknown"}}),
            "user_order",
        ),
        (
            json.dumps({"type": "user_order", "sid": 1, "msg": ORDER | {"fill_count_fp": "-1"}}),
            "user_order",
        ),
        (
            json.dumps({"type": "user_order", "sid": 1, "msg": ORDER | {"created_time": "x"}}),
            "user_order",
        ),
    ],
)
def test_a_frame_that_makes_no_sense_is_refused_counted_and_leaves_a_gap(raw, kind):
    decoder = FrameDecoder(1, FeedName.PRIVATE)
    events, reply = decode(raw, decoder)
    (event,) = events
    assert isinstance(event, FrameRefused)
    assert (event.kind, event.feed, reply, decoder.refused) == (kind, FeedName.PRIVATE, None, 1)
    assert 0 < len(event.reason) <= 200
    assert decode(DELTA, decoder)[0][0].seq == 2


@given(st.binary(max_size=200))
def test_no_bytes_whatever_end_the_decoding(raw):
    events, _ = decode(raw)
    assert len(events) == 1

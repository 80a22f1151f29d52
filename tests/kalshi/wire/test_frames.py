"""What the exchange writes to a WebSocket, the trader's decoder reads back."""

import json

from hypothesis import given
from hypothesis import strategies as st

from traderd.kalshi.wire import feed, frames
from traderd.kalshi.wire.commands import ERROR_TEXT
from traderd.kalshi.wire.decoder import FrameDecoder
from traderd.kalshi.wire.frames import data_message
from traderd.model.events import FeedName
from traderd.model.ids import ClientOrderId, MarketTicker, TradeId
from traderd.model.orders import Side
from traderd.model.units import Count, Price, Timestamp

T = MarketTicker("KX-26.5-A")
AT = Timestamp(1_781_159_387_354_000_000)
SEEN = Timestamp(AT + 5)
SENT_MS = 1_781_159_387_360
prices = st.integers(1, 9_999).map(Price)
sizes = st.integers(1, 10**9).map(Count)
books = st.dictionaries(prices, sizes, max_size=15).map(lambda book: sorted(book.items()))


def read(raw, *, yes_price=True):
    events = []
    FrameDecoder(3, FeedName.PRIVATE, use_yes_price=yes_price).decode(raw, SEEN, events)
    return events[-1]  # a trade's number is told before it


def snapshot(seq=1, command_id=0, **more):
    values = {"ticker": T, "market_id": "m", "bids": [], "asks": [], "use_yes_price": True}
    body = frames.snapshot_body(**values | more)
    return data_message("orderbook_snapshot", body, SENT_MS).addressed(1, seq, command_id)


def delta(**more):
    values = {
        "ticker": T,
        "market_id": "m",
        "side": Side.ASK,
        "price": Price(5200),
        "change": Count(-100),
        "at": AT,
        "use_yes_price": True,
    }
    return data_message("orderbook_delta", frames.delta_body(**values | more), SENT_MS).addressed(
        2, 9
    )


# --- addressing -------------------------------------------------------------------------------------


@given(st.integers(1, 10**6), st.integers(0, 10**12), st.integers(0, 2**63 - 1), st.text())
def test_a_message_is_encoded_once_and_addressed_to_many(sid, seq, command_id, text):
    message = data_message("news", {"text": text}, SENT_MS)
    address = {"sid": sid} | ({"seq": seq} if seq else {})
    told = {"type": "news", "sending_ts_ms": SENT_MS, "msg": {"text": text}}
    assert json.loads(message.addressed(sid, seq)) == told | address
    assert message.addressed(sid, seq).endswith(b"}\n")
    if seq and command_id:
        assert json.loads(message.addressed(sid, seq, command_id)) == (
            told | address | {"id": command_id}
        )


# --- books and trades -------------------------------------------------------------------------------


@given(books, books, st.booleans())
def test_a_snapshot_survives_in_both_price_forms(bids, asks, yes_price):
    raw = snapshot(7, bids=bids, asks=asks, use_yes_price=yes_price)
    event = read(raw, yes_price=yes_price)
    assert (list(event.bids), sorted(event.asks)) == (bids, asks)
    assert (event.ticker, event.subscription, event.seq, event.in_answer) == (T, "3:1", 7, False)


def test_an_empty_side_has_no_key_and_levels_ascend():
    raw = snapshot(
        use_yes_price=False, bids=[(Price(4700), Count(300)), (Price(4500), Count(1000))]
    )
    assert json.loads(raw) == {
        "type": "orderbook_snapshot",
        "sid": 1,
        "seq": 1,
        "sending_ts_ms": SENT_MS,
        "msg": {
            "market_ticker": T,
            "market_id": "m",
            "yes_dollars_fp": [["0.4500", "10.00"], ["0.4700", "3.00"]],
        },
    }


def test_a_snapshot_that_answers_carries_the_commands_id():
    raw = snapshot(1, 5)
    assert json.loads(raw)["id"] == 5
    assert read(raw).in_answer is True


@given(st.sampled_from(Side), prices, st.integers(-(10**9), 10**9).map(Count), st.booleans())
def test_a_delta_survives_in_both_price_forms(side, price, change, yes_price):
    raw = delta(side=side, price=price, change=change, use_yes_price=yes_price)
    event = read(raw, yes_price=yes_price)
    assert (event.side, event.price, event.change) == (side, price, change)
    assert (event.seq, event.at, event.exchange_at) == (9, SEEN, AT)


def test_an_ask_delta_is_quoted_as_the_protocol_says():
    def shown(**more):
        return json.loads(delta(**more))["msg"]

    no, yes = shown(use_yes_price=False), shown(use_yes_price=True)
    assert (no["price_dollars"], no["side"]) == ("0.4800", "no")
    assert (yes["price_dollars"], yes["side"]) == ("0.5200", "no")
    assert not {"client_order_id", "subaccount"} & set(yes)
    own = shown(client_order_id=ClientOrderId("c"), subaccount=3)
    assert (own["client_order_id"], own["subaccount"]) == ("c", 3)
    assert "subaccount" not in shown(client_order_id=ClientOrderId("c"), subaccount=0)


def test_a_trade_survives():
    body = frames.trade_body(
        trade_id=TradeId("t"),
        ticker=T,
        price=Price(5200),
        count=Count(777),
        taker_side=Side.ASK,
        at=AT,
    )
    event = read(data_message("trade", body, SENT_MS).addressed(2, 1))
    assert (event.trade_id, event.price, event.count, event.taker_side, event.exchange_at) == (
        "t",
        5200,
        777,
        Side.ASK,
        AT,
    )


# --- replies ----------------------------------------------------------------------------------------


def test_replies_look_like_the_captures_and_end_with_a_newline():
    written = [
        frames.encode_subscribed(command_id=1, channel="trade", sid=2),
        frames.encode_ok(command_id=3, sid=1, seq=8, body=feed.OkBody(market_tickers=["A", "B"])),
        frames.encode_ok(command_id=3, sid=1, seq=9, body=feed.OkBody()),
        frames.encode_subscription_list(command_id=6, subscriptions=[("trade", 2)]),
        frames.encode_unsubscribed(command_id=7, sid=1, seq=12),
        frames.encode_error(7, command_id=9),
        frames.encode_error(10, sid=1, seq=4, ticker="A"),
    ]
    assert all(raw.endswith(b"}\n") for raw in written)
    assert [json.loads(raw) for raw in written] == [
        {"type": "subscribed", "id": 1, "msg": {"channel": "trade", "sid": 2}},
        {"type": "ok", "id": 3, "sid": 1, "seq": 8, "msg": {"market_tickers": ["A", "B"]}},
        {"type": "ok", "id": 3, "sid": 1, "seq": 9, "msg": {}},
        {"type": "ok", "id": 6, "msg": [{"channel": "trade", "sid": 2}]},
        {"type": "unsubscribed", "id": 7, "sid": 1, "seq": 12},
        {"type": "error", "id": 9, "msg": {"code": 7, "msg": ERROR_TEXT[7]}},
        {
            "type": "error",
            "sid": 1,
            "seq": 4,
            "msg": {"code": 10, "msg": ERROR_TEXT[10], "market_ticker": "A"},
        },
    ]

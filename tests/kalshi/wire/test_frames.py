"""What the exchange writes to a WebSocket, the trader's decoder reads back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderd.kalshi.wire import frames
from traderd.kalshi.wire.commands import ERROR_TEXT
from traderd.kalshi.wire.decoder import FrameDecoder
from traderd.kalshi.wire.serve import OrderDetails
from traderd.model.events import FeedName
from traderd.model.ids import ClientOrderId, MarketTicker, OrderId, TradeId
from traderd.model.orders import Fill, OrderRecord, OrderStatus, Side
from traderd.model.units import Count, Money, Price, Timestamp

T = MarketTicker("KX-26.5-A")
AT = Timestamp(1_781_159_387_354_000_000)
SEEN = Timestamp(AT + 5)
prices = st.integers(1, 9_999).map(Price)
sizes = st.integers(1, 10**9).map(Count)
books = st.dictionaries(prices, sizes, max_size=15).map(lambda book: sorted(book.items()))


def read(raw, *, yes_price=True):
    events = []
    FrameDecoder(3, FeedName.PRIVATE, use_yes_price=yes_price).decode(raw, SEEN, events)
    return events[-1]  # a trade's number is told before it


@given(books, books, st.booleans())
def test_a_snapshot_survives_in_both_price_forms(bids, asks, yes_price):
    raw = frames.encode_snapshot(
        sid=1, seq=7, ticker=T, market_id="m", bids=bids, asks=asks, use_yes_price=yes_price
    )
    event = read(raw, yes_price=yes_price)
    assert (list(event.bids), sorted(event.asks)) == (bids, asks)
    assert (event.ticker, event.subscription, event.seq, event.in_answer) == (T, "3:1", 7, False)


def test_an_empty_side_has_no_key_and_levels_ascend():
    raw = frames.encode_snapshot(
        sid=1,
        seq=1,
        ticker=T,
        market_id="m",
        use_yes_price=False,
        asks=[],
        bids=[(Price(4700), Count(300)), (Price(4500), Count(1000))],
    )
    assert json.loads(raw) == {
        "type": "orderbook_snapshot",
        "sid": 1,
        "seq": 1,
        "msg": {
            "market_ticker": T,
            "market_id": "m",
            "yes_dollars_fp": [["0.4500", "10.00"], ["0.4700", "3.00"]],
        },
    }


def test_a_snapshot_that_answers_carries_the_commands_id():
    raw = frames.encode_snapshot(
        sid=1, seq=1, ticker=T, market_id="m", bids=[], asks=[], use_yes_price=True, command_id=5
    )
    assert json.loads(raw)["id"] == 5
    assert read(raw).in_answer is True


@given(st.sampled_from(Side), prices, st.integers(-(10**9), 10**9).map(Count), st.booleans())
def test_a_delta_survives_in_both_price_forms(side, price, change, yes_price):
    raw = frames.encode_delta(
        sid=2,
        seq=9,
        ticker=T,
        market_id="m",
        side=side,
        price=price,
        change=change,
        at=AT,
        use_yes_price=yes_price,
    )
    event = read(raw, yes_price=yes_price)
    assert (event.side, event.price, event.change) == (side, price, change)
    assert (event.seq, event.at, event.exchange_at) == (9, SEEN, AT)


def test_an_ask_delta_is_quoted_as_the_protocol_says():
    def shown(*, yes_price, owner=None):
        raw = frames.encode_delta(
            sid=1,
            seq=1,
            ticker=T,
            market_id="m",
            side=Side.ASK,
            price=Price(5200),
            change=Count(-100),
            at=AT,
            use_yes_price=yes_price,
            client_order_id=owner,
        )
        return json.loads(raw)["msg"]

    assert (shown(yes_price=False)["price_dollars"], shown(yes_price=False)["side"]) == (
        "0.4800",
        "no",
    )
    assert (shown(yes_price=True)["price_dollars"], shown(yes_price=True)["side"]) == (
        "0.5200",
        "no",
    )
    assert "client_order_id" not in shown(yes_price=True)
    assert shown(yes_price=True, owner=ClientOrderId("c"))["client_order_id"] == "c"


def test_a_trade_survives():
    event = read(
        frames.encode_trade(
            sid=2,
            seq=1,
            trade_id=TradeId("t"),
            ticker=T,
            price=Price(5200),
            count=Count(777),
            taker_side=Side.ASK,
            at=AT,
        )
    )
    assert (event.trade_id, event.price, event.count, event.taker_side, event.exchange_at) == (
        "t",
        5200,
        777,
        Side.ASK,
        AT,
    )


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("client_order_id", [None, ClientOrderId("c1")])
def test_a_fill_survives(side, client_order_id):
    fill = Fill(
        trade_id=TradeId("t"),
        order_id=OrderId("o"),
        ticker=T,
        side=side,
        price=Price(5200),
        count=Count(100),
        fee=Money(17_500),
        is_taker=True,
        executed_at=AT,
        client_order_id=client_order_id,
    )
    raw = frames.encode_fill(sid=4, fill=fill, post_position=Count(-300))
    assert read(raw).fill == fill
    assert json.loads(raw)["msg"]["post_position_fp"] == "-3.00"
    assert "seq" not in json.loads(raw)


@pytest.mark.parametrize("side", list(Side))
def test_an_order_message_survives(side):
    record = OrderRecord(
        order_id=OrderId("o"),
        client_order_id=ClientOrderId("c"),
        ticker=T,
        side=side,
        price=Price(4700),
        status=OrderStatus.CANCELED,
        initial_count=Count(1000),
        fill_count=Count(250),
        remaining_count=Count(0),
        created_at=AT,
        expires_at=Timestamp(AT + 10**9),
        reason="SelfTradeCancel",
    )
    raw = frames.encode_user_order(
        sid=5, record=record, details=OrderDetails(user_id="u", updated_at=AT)
    )
    assert read(raw).record == record
    assert json.loads(raw)["type"] == "user_order"


def test_replies_look_like_the_captures_and_end_with_a_newline():
    written = [
        frames.encode_subscribed(command_id=1, channel="trade", sid=2),
        frames.encode_ok(command_id=3, sid=1, seq=8, tickers=["A", "B"]),
        frames.encode_ok(command_id=3, sid=1, seq=9),
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

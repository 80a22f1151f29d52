"""What the venue tells in Kalshi's words; the trader's decoder reads it back."""

import msgspec
import pytest

from tests.paper.venues import NOW, TICKER, bid, market, venue
from traderd.kalshi.wire.decoder import FrameDecoder
from traderd.kalshi.wire.frames import data_message
from traderd.model.events import FeedName
from traderd.model.ids import ClientOrderId, OrderId, TradeId
from traderd.model.orders import Fill, OrderStatus, Side
from traderd.model.units import Count, Money, Price, Timestamp, parse_count
from traderd.paper import choices
from traderd.paper.feed import bodies
from traderd.paper.venue.messages import (
    FillHappened,
    GroupChanged,
    GroupEvent,
    LevelChanged,
    PositionChanged,
    QuoteChanged,
)
from traderd.paper.venue.records import Position, Trade, VenueFill

AT = Timestamp(1_781_159_387_354_803_000)
SEEN = Timestamp(AT + 5)


def read(kind: str, body, seq: int = 1):
    events = []
    raw = data_message(kind, body, 9).addressed(1, seq)
    FrameDecoder(3, FeedName.PRIVATE, use_yes_price=True).decode(raw, SEEN, events)
    return events[-1]


def shown(body) -> dict:
    return msgspec.json.decode(msgspec.json.encode(body))


def quote(**more) -> QuoteChanged:
    values = {
        "ticker": TICKER,
        "bid": (Price(4700), Count(300)),
        "ask": None,
        "last_price": Price(5200),
        "last_count": Count(11),
        "volume": Count(223_348_748),
        "dollar_volume": Money(0),
        "open_interest": Count(61_870_014),
        "at": AT,
    }
    return QuoteChanged(**values | more)


@pytest.mark.parametrize("is_own", [True, False])
def test_a_delta_names_its_cause_only_to_whoever_it_was(is_own):
    change = LevelChanged(
        ticker=TICKER,
        side=Side.ASK,
        price=Price(5200),
        change=Count(-150),
        at=AT,
        account="ann",
        client_order_id=ClientOrderId("c"),
        subaccount=2,
    )
    body = bodies.delta(change, "m", use_yes_price=True, is_own=is_own)
    event = read("orderbook_delta", body)
    assert (event.side, event.price, event.change) == (Side.ASK, 5200, -150)
    mine = {key: shown(body).get(key) for key in ("client_order_id", "subaccount")}
    assert mine == (
        {"client_order_id": "c", "subaccount": 2}
        if is_own
        else {"client_order_id": None, "subaccount": None}
    )


def test_a_trade_survives():
    happened = Trade(
        trade_id=TradeId("t"),
        ticker=TICKER,
        price=Price(5200),
        count=Count(777),
        taker_side=Side.ASK,
        at=AT,
    )
    event = read("trade", bodies.trade(happened))
    assert (event.trade_id, event.price, event.count, event.taker_side) == (
        "t",
        5200,
        777,
        Side.ASK,
    )


def test_a_ticker_counts_half_a_dollar_a_contract_as_the_recordings_do():
    body = bodies.ticker(quote(), "m")
    assert shown(body) == {
        "market_ticker": TICKER,
        "market_id": "m",
        "price_dollars": "0.5200",
        "yes_bid_dollars": "0.4700",
        "yes_ask_dollars": "1.0000",
        "yes_bid_size_fp": "3.00",
        "yes_ask_size_fp": "0.00",
        "last_trade_size_fp": "0.11",
        "volume_fp": "2233487.48",
        "open_interest_fp": "618700.14",
        "dollar_volume": 1_116_743,
        "dollar_open_interest": 309_350,
        "ts": 1_781_159_387,
        "ts_ms": 1_781_159_387_354,
        "time": "2026-06-11T06:29:47.354803Z",
    }


def test_a_market_without_a_quote_shows_zeros():
    body = bodies.ticker(bodies.untouched(market()), "m")
    assert (body.price_dollars, body.yes_bid_dollars, body.yes_ask_dollars) == (
        "0.0000",
        "0.0000",
        "1.0000",
    )
    assert (body.volume_fp, body.last_trade_size_fp, body.dollar_volume) == ("0.00", "0.00", 0)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("client_order_id", [None, ClientOrderId("c1")])
def test_a_fill_survives(side, client_order_id):
    made = VenueFill(
        trade_id=TradeId("t"),
        order_id=OrderId("o"),
        client_order_id=client_order_id,
        account_id="ann",
        subaccount=0,
        ticker=TICKER,
        side=side,
        price=Price(5200),
        count=Count(100),
        is_taker=True,
        fee=Money(17_500),
        at=AT,
    )
    body = bodies.fill(FillHappened(account="ann", fill=made, post_position=Count(-300)))
    assert read("fill", body).fill == Fill(
        trade_id=TradeId("t"),
        order_id=OrderId("o"),
        ticker=TICKER,
        side=side,
        price=Price(5200),
        count=Count(100),
        fee=Money(17_500),
        is_taker=True,
        executed_at=Timestamp(AT // 1_000_000 * 1_000_000),
        client_order_id=client_order_id,
    )
    assert (body.post_position_fp, body.fee_cost, body.subaccount) == ("-3.00", "0.017500", 0)
    elsewhere = FillHappened(
        account="ann", fill=msgspec.structs.replace(made, subaccount=4), post_position=Count(-300)
    )
    assert bodies.fill(elsewhere).subaccount == 4
    assert ("client_order_id" in shown(body)) is (client_order_id is not None)


@pytest.mark.parametrize("client_order_id", [None, ClientOrderId("c1")])
def test_an_order_survives(client_order_id):
    built = venue()
    built.groups.create(built.account("ann"), "g", parse_count("9"), NOW)
    expiring = bid("2", "0.46", expires_at=Timestamp(NOW + 10**9))
    order = built.create_order("ann", expiring, client_order_id, NOW, group_id="g")
    body = bodies.user_order(order)
    record = read("user_order", body).record
    assert (record.order_id, record.client_order_id) == (order.order_id, client_order_id)
    assert (record.price, record.initial_count, record.status) == (4600, 200, OrderStatus.RESTING)
    assert (record.created_at, record.expires_at) == (NOW, NOW + 10**9)
    assert (body.client_order_id, body.order_group_id) == (client_order_id or "", "g")
    assert "last_update_reason" not in shown(body)
    built.advance(Timestamp(NOW + 10**9))
    ended = bodies.user_order(built.order("ann", order.order_id))
    assert (ended.status, ended.last_update_reason) == ("canceled", "ExpiryCancel")
    assert ended.remaining_count_fp == "0.00"


@pytest.mark.parametrize(("all_fees", "fee"), [(True, "0.018900"), (False, "0.000000")])
def test_a_position_is_shown_with_its_cost_and_fees(monkeypatch, all_fees, fee):
    monkeypatch.setattr(choices, "POSITION_FEE_COST_IS_FEES_PAID", all_fees)
    position = Position(
        account_id="ann",
        subaccount=1,
        ticker=TICKER,
        count=Count(-300),
        exposure=Money(1_500_000),
        realized_pnl=Money(-20_000),
        fees_paid=Money(18_900),
        volume=Count(500),
    )
    body = bodies.market_position(PositionChanged(account="ann", position=position, at=AT))
    assert shown(body) == {
        "user_id": "ann",
        "market_ticker": TICKER,
        "position_fp": "-3.00",
        "position_cost_dollars": "1.500000",
        "realized_pnl_dollars": "-0.020000",
        "fees_paid_dollars": "0.018900",
        "position_fee_cost_dollars": fee,
        "volume_fp": "5.00",
        "subaccount": 1,
    }


@pytest.mark.parametrize("kind", list(GroupEvent))
def test_a_group_shows_its_limit_when_it_is_new(kind):
    body = bodies.order_group(
        GroupChanged(account="ann", group_id="g", kind=kind, limit=Count(500), at=AT)
    )
    limit = {"contracts_limit_fp": "5.00"} if kind.value in ("created", "limit_updated") else {}
    assert (
        shown(body)
        == {
            "event_type": kind.value,
            "order_group_id": "g",
            "ts_ms": 1_781_159_387_354,
        }
        | limit
    )

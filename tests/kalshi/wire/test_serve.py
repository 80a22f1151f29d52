"""What the exchange writes, the trader reads back."""

import json

import attrs
from hypothesis import given
from hypothesis import strategies as st

from traderd.kalshi.wire import rest, serve, translate
from traderd.model.ids import ClientOrderId, MarketTicker, OrderId, TradeId
from traderd.model.market import PriceBand, PriceGrid
from traderd.model.orders import (
    BalanceRecord,
    Fill,
    OrderRecord,
    OrderStatus,
    PositionRecord,
    Side,
)
from traderd.model.units import ONE_DOLLAR, Count, Money, Price, Timestamp

MICROSECOND = 1_000
moments = st.integers(1_600_000_000_000_000, 2_000_000_000_000_000).map(
    lambda us: Timestamp(us * MICROSECOND)
)
prices = st.integers(1, 9_999).map(Price)
counts = st.integers(0, 10**9).map(Count)
money = st.integers(-(10**12), 10**12).map(Money)
sides = st.sampled_from(Side)
levels = st.dictionaries(prices, counts, max_size=20).map(lambda book: sorted(book.items()))


def reread(value):
    return rest.decode_body(rest.encode_body(value), type(value), "round trip")


@given(
    st.builds(
        OrderRecord,
        order_id=st.just(OrderId("o1")),
        client_order_id=st.sampled_from([None, ClientOrderId("c1")]),
        ticker=st.just(MarketTicker("KX-26.5-A")),
        side=sides,
        price=prices,
        status=st.sampled_from([OrderStatus.RESTING, OrderStatus.EXECUTED, OrderStatus.CANCELED]),
        initial_count=counts,
        fill_count=counts,
        remaining_count=counts,
        created_at=st.none() | moments,
        expires_at=st.none() | moments,
        reason=st.sampled_from([None, "SelfTradeCancel"]),
    )
)
def test_an_order_survives_the_wire_but_for_its_last_reason(record):
    wire = serve.order_to_wire(record, serve.OrderDetails(user_id="u1"))
    told = attrs.evolve(record, reason=None)
    assert translate.order_record_from_wire(reread(wire)) == told


@given(
    st.builds(
        Fill,
        trade_id=st.just(TradeId("t1")),
        order_id=st.just(OrderId("o1")),
        ticker=st.just(MarketTicker("A")),
        side=sides,
        price=prices,
        count=st.integers(1, 10**9).map(Count),
        fee=money,
        is_taker=st.booleans(),
        executed_at=moments,
    )
)
def test_a_fill_survives_the_wire(fill):
    assert translate.fill_from_wire(reread(serve.fill_to_wire(fill)), at=Timestamp(0)) == fill


@given(st.integers(-(10**9), 10**9).map(Count), money, money, money, moments)
def test_a_position_survives_the_wire(count, exposure, pnl, fees, at):
    record = PositionRecord(
        ticker=MarketTicker("A"), count=count, exposure=exposure, realized_pnl=pnl, fees_paid=fees
    )
    wire = serve.position_to_wire(record, total_traded=Money(1), updated_at=at)
    assert translate.position_from_wire(reread(wire)) == record


def test_a_balance_is_cut_to_cents_and_told_in_dollars():
    record = BalanceRecord(balance=Money(98_018_600), portfolio_value=Money(1_980_000))
    wire = serve.balance_to_wire(record, updated_at=Timestamp(1_781_159_348_000_000_000))
    assert json.loads(rest.encode_body(wire)) == {
        "balance": 9801,
        "balance_dollars": "98.0186",
        "portfolio_value": 198,
        "updated_ts": 1_781_159_348,
        "balance_breakdown": [{"exchange_index": 0, "balance": "98.0186"}],
    }
    assert translate.balance_from_wire(reread(wire)) == record


@given(levels, levels)
def test_a_book_survives_the_wire_and_ascends(bids, asks):
    wire = reread(serve.orderbook_to_wire(bids, asks))
    got_bids, got_asks = translate.orderbook_from_wire(wire)
    assert (list(got_bids), sorted(got_asks)) == (bids, asks)
    no_prices = [price for price, _ in wire.orderbook_fp.no_dollars]
    assert no_prices == sorted(no_prices)


def test_depth_keeps_the_best_of_each_side():
    book = serve.orderbook_to_wire(
        [(Price(4500), Count(1000)), (Price(4700), Count(300))],
        [(Price(5200), Count(300)), (Price(5400), Count(500))],
        depth=1,
    )
    assert json.loads(rest.encode_body(book)) == {
        "orderbook_fp": {"yes_dollars": [["0.4700", "3.00"]], "no_dollars": [["0.4800", "3.00"]]}
    }


def test_an_ask_order_is_written_in_both_spellings_of_direction():
    record = OrderRecord(
        order_id=OrderId("o"),
        client_order_id=None,
        ticker=MarketTicker("A"),
        side=Side.ASK,
        price=Price(ONE_DOLLAR - 100),
        status=OrderStatus.RESTING,
        initial_count=Count(100),
        fill_count=Count(0),
        remaining_count=Count(100),
    )
    wire = serve.order_to_wire(record, serve.OrderDetails(user_id="u"))
    assert (wire.book_side, wire.outcome_side, wire.side, wire.action) == (
        "ask",
        "no",
        "yes",
        "sell",
    )
    assert (wire.yes_price_dollars, wire.no_price_dollars, wire.client_order_id) == (
        "0.9900",
        "0.0100",
        "",
    )


def test_a_grid_is_told_band_by_band_and_read_back_the_same():
    bands = ((0, 1_000, 10), (1_000, 9_000, 100), (9_000, 10_000, 10))
    grid = PriceGrid(
        tuple(PriceBand(start=Price(a), end=Price(b), step=Price(c)) for a, b, c in bands)
    )
    wire = serve.grid_to_wire(grid)
    assert (wire[0].start, wire[0].end, wire[0].step) == ("0.0000", "0.1000", "0.0010")
    assert translate.grid_from_wire(wire) == grid

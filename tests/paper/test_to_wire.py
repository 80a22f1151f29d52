"""The venue's records as bodies, read back by the trader's side of the wire."""

import msgspec

from tests.paper.venues import NOW, TICKER, market, terms, venue
from traderd.kalshi.wire.serve import fill_to_wire
from traderd.kalshi.wire.translate import (
    fill_from_wire,
    market_from_wire,
    order_record_from_wire,
    position_from_wire,
)
from traderd.model.orders import OrderStatus, Side
from traderd.model.units import Count, Money, Price
from traderd.paper.to_wire import (
    created_body,
    event_position_body,
    fill_record,
    market_body,
    order_body,
    order_record,
    position_body,
    trade_body,
)


def traded():
    built = venue()
    built.create_order("ann", terms("bid", "10", "0.40"), "ann-1", NOW)
    taken = built.create_order("bob", terms("ask", "4", "0.40"), None, NOW)
    return built, taken


def test_an_order_survives_the_way_to_the_trader():
    built, _ = traded()
    (order,) = built.orders("ann")
    understood = order_record_from_wire(order_body(order))
    assert understood == order_record(order)
    assert (understood.status, understood.fill_count) == (OrderStatus.RESTING, 400)
    assert order_body(order).user_id == "ann"


def test_a_fill_survives_the_way_but_its_client_id_does_not():
    built, taken = traded()
    (fill,) = built.fills("bob")
    understood = fill_from_wire(fill_to_wire(fill_record(fill)), at=NOW)
    assert understood == fill_record(fill)
    assert (understood.order_id, understood.side) == (taken.order_id, Side.ASK)
    (ours,) = built.fills("ann")
    assert fill_record(ours).client_order_id == "ann-1"
    assert fill_to_wire(fill_record(ours)).client_order_id is msgspec.UNSET


def test_an_asks_average_price_is_the_yes_price():
    _, taken = traded()
    body = created_body(taken)
    assert (body.average_fill_price, body.fill_count, body.remaining_count) == (
        "0.4000",
        "4.00",
        "0.00",
    )
    assert body.client_order_id is msgspec.UNSET


def test_a_resting_order_has_no_averages():
    built, _ = traded()
    made = built.create_order("ann", terms("bid", "1", "0.10"), "ann-2", NOW)
    body = created_body(made)
    assert body.average_fill_price is body.average_fee_paid is msgspec.UNSET
    assert body.client_order_id == "ann-2"


def test_positions_and_their_sum():
    built, _ = traded()
    (position,) = built.positions("bob")
    understood = position_from_wire(position_body(position))
    assert (understood.count, understood.exposure) == (Count(-400), Money(2_400_000))
    total = event_position_body("E", [position, position])
    assert (total.event_exposure_dollars, total.total_cost_shares_fp) == ("4.800000", "8.00")


def test_a_market_and_a_trade():
    built, _ = traded()
    bids, asks = built.book(TICKER)
    body = market_body(built.market(TICKER), bids, asks)
    assert (body.yes_bid_dollars, body.yes_bid_size_fp) == ("0.4000", "6.00")
    assert (body.yes_ask_dollars, body.last_price_dollars) == ("1.0000", "0.4000")
    assert body.open_interest_fp == "4.00"
    assert market_from_wire(body).grid == market().grid
    (trade,) = built.trades()
    told = trade_body(trade)
    assert (told.taker_book_side, told.taker_side, told.no_price_dollars) == ("ask", "no", "0.6000")
    assert trade.price == Price(4_000)

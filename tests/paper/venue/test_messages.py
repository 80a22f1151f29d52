"""The venue's own records."""

from __future__ import annotations

import pytest

from tests.paper.venues import NOW, TICKER
from traderd.model.ids import OrderId, TradeId
from traderd.model.orders import SelfTradePrevention, Side, TimeInForce
from traderd.model.units import Money, Price, parse_count, parse_money, parse_price
from traderd.paper.venue.messages import VenueFill, VenueOrder, VenueRefusal


def new_order(side: Side) -> VenueOrder:
    return VenueOrder(
        order_id=OrderId("o"),
        account_id="ann",
        client_order_id=None,
        ticker=TICKER,
        side=side,
        price=Price(9900),
        initial_count=parse_count("10"),
        remaining_count=parse_count("10"),
        time_in_force=TimeInForce.GOOD_TILL_CANCELED,
        created_at=NOW,
        updated_at=NOW,
        self_trade_prevention=SelfTradePrevention.MAKER,
    )


def fill_of(order: VenueOrder, count: str, price: str, fee: str, *, is_taker: bool) -> VenueFill:
    return VenueFill(
        trade_id=TradeId("t"),
        order_id=order.order_id,
        client_order_id=None,
        account_id="ann",
        ticker=TICKER,
        side=order.side,
        price=parse_price(price),
        count=parse_count(count),
        is_taker=is_taker,
        fee=parse_money(fee),
        at=NOW,
    )


@pytest.mark.parametrize(("side", "cost"), [(Side.BID, "1.90"), (Side.ASK, "3.10")])
def test_averages_are_of_the_yes_price_whichever_side_was_acquired(side, cost):
    order = new_order(side)
    assert order.average_fill_price is None
    assert order.average_fee is None
    order.record_fill(fill_of(order, "3", "0.40", "0.04", is_taker=True), Money(0))
    order.record_fill(fill_of(order, "2", "0.35", "0.01", is_taker=False), Money(7))
    assert order.taker_fill_cost + order.maker_fill_cost == parse_money(cost)
    assert order.average_fill_price == parse_price("0.38")
    assert order.average_fee == parse_money("0.01")
    assert (order.taker_fees, order.maker_fees) == (parse_money("0.04"), parse_money("0.01"))
    assert (order.fill_count, order.fee_remainder) == (parse_count("5"), 7)


def test_a_snapshot_does_not_follow_later_changes():
    order = new_order(Side.BID)
    before = order.snapshot()
    order.record_fill(fill_of(order, "3", "0.40", "0", is_taker=True), Money(0))
    assert before.fill_count == 0
    assert before.reason is None
    assert order.reason == "Trade"


def test_a_refusal_spells_its_code_when_it_has_no_message():
    assert VenueRefusal(404, "market_not_found").message == "market not found"
    assert str(VenueRefusal(400, "invalid_order", details="post only cross")) == (
        "HTTP 400 invalid_order: post only cross"
    )

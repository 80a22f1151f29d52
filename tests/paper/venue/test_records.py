"""The venue's own records: averages of orders, and positions that are netted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.paper.venues import NOW, TICKER
from traderd.model.ids import OrderId, TradeId
from traderd.model.orders import OrderStatus, SelfTradePrevention, Side, TimeInForce
from traderd.model.units import Count, Money, Price, parse_count, parse_money, parse_price
from traderd.paper.venue.records import Position, VenueFill, VenueOrder, mean_fee, mean_price

B, A = Side.BID, Side.ASK


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


# --- orders ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "cost"), [(B, "1.90"), (A, "3.10")])
def test_averages_are_of_the_yes_price_whichever_side_was_acquired(side, cost):
    order = new_order(side)
    assert order.average_fill_price is None
    assert order.average_fee is None
    order.record_fill(fill_of(order, "3", "0.40", "0.04", is_taker=True), Money(0))
    order.record_fill(fill_of(order, "2", "0.35", "0.01", is_taker=False), Money(7))
    assert order.fill_cost == order.taker_fill_cost + order.maker_fill_cost == parse_money(cost)
    assert order.average_fill_price == parse_price("0.38")
    assert order.average_fee == parse_money("0.01")
    assert (order.taker_fees, order.maker_fees) == (parse_money("0.04"), parse_money("0.01"))
    assert (order.fill_count, order.fee_remainder) == (parse_count("5"), 7)
    assert (order.reason, order.updated_at) == ("Trade", NOW)


@pytest.mark.parametrize("side", list(Side))
def test_a_mean_price_between_two_ticks_is_rounded_up_on_both_sides(side):
    # One contract at 0.5000 and one at 0.5001.
    yes_cost, both = 10_001 * 100, Count(200)
    cost = yes_cost if side is B else 10_000 * both - yes_cost
    assert mean_price(side, Money(cost), both) == 5001


def test_a_mean_fee_is_of_one_contract_and_rounded_half_up():
    assert mean_fee(Money(3), Count(200)) == 2
    assert mean_fee(Money(0), Count(0)) is None


@pytest.mark.parametrize("status", list(OrderStatus))
def test_only_a_resting_order_is_on_the_book(status):
    order = new_order(B)
    order.status = status
    assert order.is_resting == (status is OrderStatus.RESTING)


def test_a_fill_costs_the_side_that_it_acquires():
    assert fill_of(new_order(B), "10", "0.40", "0", is_taker=True).cost == parse_money("4")
    assert fill_of(new_order(A), "10", "0.40", "0", is_taker=True).cost == parse_money("6")


# --- positions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fills", "count", "exposure", "realized"),
    [
        ([(B, "10", "0.40")], "10", "4", "0"),
        ([(A, "10", "0.40")], "-10", "6", "0"),
        ([(B, "10", "0.40"), (B, "10", "0.60")], "20", "10", "0"),
        # Average cost 0.50: selling 5 at 0.70 earns 1.
        ([(B, "10", "0.40"), (B, "10", "0.60"), (A, "5", "0.70")], "15", "7.5", "1"),
        # Long NO at 0.60 each, bought back at YES 0.30: NO is worth 0.70.
        ([(A, "10", "0.40"), (B, "10", "0.30")], "0", "0", "1"),
        # A flip through zero: 10 closed at a loss of 1, 5 opened as NO at 0.70.
        ([(B, "10", "0.40"), (A, "15", "0.30")], "-5", "3.5", "-1"),
        # And back: 5 NO that cost 3.50 closed at NO 0.80, 1 YES opened at 0.20.
        ([(B, "10", "0.40"), (A, "15", "0.30"), (B, "6", "0.20")], "1", "0.2", "-0.5"),
    ],
)
def test_positions_are_netted_at_average_cost(fills, count, exposure, realized):
    position = Position(ticker=TICKER)
    for side, quantity, price in fills:
        position.apply(side, parse_price(price), parse_count(quantity), NOW)
    assert position.count == parse_count(count)
    assert position.exposure == parse_money(exposure)
    assert position.realized_pnl == parse_money(realized)


@pytest.mark.parametrize(
    ("held", "side", "quantity", "revenue"),
    [
        (None, B, "10", "-4"),
        (None, A, "10", "-6"),
        ((A, "4"), B, "10", "0"),  # -0.40 x 10, and $1 for each of 4 closed pairs
        ((B, "4"), A, "10", "-2"),  # -0.60 x 10 + $4
        ((B, "10"), A, "10", "4"),
    ],
)
def test_the_revenue_of_a_fill_follows_the_table_of_position_and_cash(
    held, side, quantity, revenue
):
    position = Position(ticker=TICKER)
    if held:
        position.apply(held[0], Price(5000), parse_count(held[1]), NOW)
    assert position.apply(side, Price(4000), parse_count(quantity), NOW) == parse_money(revenue)


def test_what_is_released_of_a_cost_is_rounded_down_and_the_last_contract_takes_the_rest():
    position = Position(ticker=TICKER)
    position.apply(B, Price(1), Count(1), NOW)
    position.apply(B, Price(2), Count(2), NOW)
    left = []
    for _ in range(3):
        position.apply(A, Price(1), Count(1), NOW)
        left.append(position.exposure)
    # Of 5 millionths a third is 1, of the 4 left a half is 2.
    assert left == [4, 2, 0]
    assert position.realized_pnl == 3 - 5


def test_only_the_opposite_side_closes_a_position():
    position = Position(ticker=TICKER)
    assert (position.closable(B), position.closable(A)) == (0, 0)
    position.apply(B, Price(4000), Count(300), NOW)
    assert (position.closable(B), position.closable(A)) == (0, 300)
    position.apply(A, Price(4000), Count(500), NOW)
    assert (position.closable(B), position.closable(A)) == (200, 0)


def test_everything_that_was_bought_on_either_side_is_traded_volume():
    position = Position(ticker=TICKER)
    position.apply(B, Price(4000), Count(1000), NOW)
    position.apply(A, Price(3000), Count(500), NOW)
    assert position.volume == 1500
    assert position.total_traded == parse_money("4") + parse_money("3.5")


@given(
    st.lists(
        st.tuples(st.sampled_from([B, A]), st.integers(1, 9_999), st.integers(1, 5_000)),
        max_size=30,
    )
)
def test_cash_equals_realized_profit_minus_cost_basis_after_any_fills(fills):
    position, cash, brute = Position(ticker=TICKER), 0, 0
    for side, price, count in fills:
        cash += position.apply(side, Price(price), Count(count), NOW)
        brute += side.sign * count
    assert position.count == brute
    assert cash == position.realized_pnl - position.exposure
    assert position.exposure >= 0
    assert position.count or not position.exposure
    assert position.volume == sum(count for _, _, count in fills)

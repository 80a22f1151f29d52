"""Positions, cash and what resting orders tie up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.paper.venues import FREE, NOW, STANDARD, TICKER
from traderd.model.ids import OrderId
from traderd.model.orders import SelfTradePrevention, Side, TimeInForce
from traderd.model.units import Count, Money, Price, parse_count, parse_money, parse_price
from traderd.paper.venue.accounts import Account, Position, collateral, opening_cost
from traderd.paper.venue.messages import VenueOrder

B, A = Side.BID, Side.ASK


def order(name: str, side: Side, count: str, price: str) -> VenueOrder:
    return VenueOrder(
        order_id=OrderId(name),
        account_id="ann",
        client_order_id=None,
        ticker=TICKER,
        side=side,
        price=parse_price(price),
        initial_count=parse_count(count),
        remaining_count=parse_count(count),
        time_in_force=TimeInForce.GOOD_TILL_CANCELED,
        created_at=NOW,
        updated_at=NOW,
        self_trade_prevention=SelfTradePrevention.TAKER_AT_CROSS,
    )


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
    ],
)
def test_positions_are_netted_at_average_cost(fills, count, exposure, realized):
    position = Position(TICKER)
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
    position = Position(TICKER)
    if held:
        position.apply(held[0], Price(5000), parse_count(held[1]), NOW)
    assert position.apply(side, Price(4000), parse_count(quantity), NOW) == parse_money(revenue)


@given(
    st.lists(
        st.tuples(st.sampled_from([B, A]), st.integers(1, 9_999), st.integers(1, 5_000)),
        max_size=30,
    )
)
def test_cash_equals_realized_profit_minus_cost_basis_after_any_fills(fills):
    position, cash, brute = Position(TICKER), 0, 0
    for side, price, count in fills:
        cash += position.apply(side, Price(price), Count(count), NOW)
        brute += side.sign * count
    assert position.count == brute
    assert cash == position.realized_pnl - position.exposure
    assert position.exposure >= 0
    assert position.count or not position.exposure
    assert position.volume == sum(count for _, _, count in fills)


def test_a_bid_needs_its_price_and_an_ask_the_complement():
    assert opening_cost(B, Price(4000), Count(1000), FREE, as_taker=True) == parse_money("4")
    assert opening_cost(A, Price(4000), Count(1000), FREE, as_taker=True) == parse_money("6")


def test_the_worst_fee_is_part_of_the_cost_and_rounded_up():
    # 5.20 + 0.17472, up to the next $0.0001.
    cost = opening_cost(B, Price(5200), Count(1000), STANDARD, as_taker=True)
    assert cost == parse_money("5.3748")
    assert opening_cost(B, Price(5200), Count(1000), STANDARD, as_taker=False) == parse_money("5.2")


def test_orders_that_close_the_position_need_nothing_oldest_first():
    orders = [order("1", A, "6", "0.50"), order("2", A, "6", "0.50")]
    assert collateral(orders, Count(0), FREE) == parse_money("6")
    assert collateral(orders, Count(1000), FREE) == parse_money("1")
    assert collateral(orders, Count(1200), FREE) == 0
    assert collateral(orders, Count(-1000), FREE) == parse_money("6")


def test_available_cash_is_cash_minus_what_resting_orders_tie_up():
    account = Account("ann", parse_money("10"))
    first, second = order("1", B, "10", "0.40"), order("2", A, "5", "0.60")
    for each in (first, second):
        account.rest(each)
        account.reserve(TICKER, FREE)
    assert account.reserved == parse_money("6")
    assert account.available == parse_money("4")
    account.unrest(first)
    account.reserve(TICKER, FREE)
    assert account.reserved == parse_money("2")
    assert account.resting(TICKER, B) == ()
    assert account.resting(TICKER, A) == (second,)


def test_a_new_order_stands_behind_older_ones_for_the_position_it_closes():
    account = Account("ann", parse_money("10"))
    account.position(TICKER).apply(B, Price(4000), parse_count("10"), NOW)
    assert account.needed_for(order("1", A, "10", "0.50"), FREE) == 0
    account.rest(order("1", A, "8", "0.50"))
    assert account.needed_for(order("2", A, "10", "0.50"), FREE) == parse_money("4")
    assert account.needed_for(order("3", B, "10", "0.50"), FREE) == parse_money("5")


def test_the_street_pays_no_fees_and_may_owe():
    street = Account("street:makers", Money(0))
    result = street.apply_fill(
        ticker=TICKER,
        side=B,
        price=Price(4000),
        count=Count(100),
        trade_fee=Money(5),
        remainder=Money(0),
        at=NOW,
    )
    assert (result.net_fee, street.cash, street.fees_paid) == (0, -400_000, 0)


def test_an_accounts_fill_changes_cash_fees_and_position_together():
    account = Account("ann", parse_money("10"))
    result = account.apply_fill(
        ticker=TICKER,
        side=B,
        price=Price(5200),
        count=Count(100),
        trade_fee=parse_money("0.017472"),
        remainder=Money(0),
        at=NOW,
    )
    assert account.cash == parse_money("9.4625")
    assert account.fees_paid == result.net_fee == parse_money("0.0175")
    assert account.position(TICKER).fees_paid == parse_money("0.0175")
    assert account.count_of(TICKER) == 100

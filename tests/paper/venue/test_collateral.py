"""What orders tie up: cost and worst fee of the part that opens a position."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.paper.venue.test_records import new_order
from tests.paper.venues import FREE, STANDARD, WITH_MAKER_FEES
from traderd.model.ids import OrderId
from traderd.model.orders import Side
from traderd.model.units import Count, Price, parse_count, parse_money, parse_price
from traderd.paper.venue.collateral import acquired_price, opening_cost, reservation, share_out
from traderd.paper.venue.fees import BALANCE_STEP, FeeSchedule, FeeType
from traderd.paper.venue.records import VenueOrder

B, A = Side.BID, Side.ASK


def order(name: str, side: Side, count: str, price: str) -> VenueOrder:
    made = new_order(side)
    made.order_id = OrderId(name)
    made.price = parse_price(price)
    made.initial_count = made.remaining_count = parse_count(count)
    return made


def test_a_bid_needs_its_price_and_an_ask_the_complement():
    assert (acquired_price(B, Price(4000)), acquired_price(A, Price(4000))) == (4000, 6000)
    assert opening_cost(B, Price(4000), Count(1000), FREE, as_taker=True) == parse_money("4")
    assert opening_cost(A, Price(4000), Count(1000), FREE, as_taker=True) == parse_money("6")


def test_the_worst_fee_is_part_of_the_cost_and_rounded_up_to_a_balance_step():
    # 5.20 + 0.17472, up to the next $0.0001.
    cost = opening_cost(B, Price(5200), Count(1000), STANDARD, as_taker=True)
    assert cost == parse_money("5.3748")


def test_what_rests_ties_up_the_makers_fee_only():
    assert opening_cost(B, Price(5200), Count(1000), STANDARD, as_taker=False) == parse_money("5.2")
    resting = order("1", B, "100", "0.50")
    assert reservation(resting, Count(10_000), WITH_MAKER_FEES) == parse_money("50.4375")
    assert reservation(resting, Count(0), WITH_MAKER_FEES) == 0


def test_orders_that_close_the_position_need_nothing_oldest_first():
    orders = [order("1", A, "6", "0.50"), order("2", A, "6", "0.50")]
    assert share_out(orders, Count(0), FREE) == parse_money("6")
    assert [each.reserved for each in orders] == [parse_money("3")] * 2
    assert share_out(orders, Count(1000), FREE) == parse_money("1")
    assert [each.reserved for each in orders] == [0, parse_money("1")]
    assert share_out(orders, Count(1200), FREE) == 0
    assert share_out([], Count(1200), FREE) == 0


@given(
    side=st.sampled_from(list(Side)),
    limit=st.integers(1, 9_999),
    better_by=st.integers(0, 9_998),
    count=st.integers(1, 10_000),
    multiplier=st.integers(0, 10_000),
    fee_type=st.sampled_from(list(FeeType)),
)
def test_no_fill_at_a_better_price_costs_more_than_was_tied_up(
    side, limit, better_by, count, multiplier, fee_type
):
    fees = FeeSchedule(fee_type=fee_type, multiplier=multiplier)
    price = max(1, limit - better_by) if side is B else min(9_999, limit + better_by)
    tied = opening_cost(side, Price(limit), Count(count), fees, as_taker=True)
    for is_taker in (True, False):
        fee = fees.trade_fee(Price(price), Count(count), is_taker=is_taker)
        assert acquired_price(side, Price(price)) * count + fee <= tied
    assert tied % BALANCE_STEP == 0


@given(
    st.lists(st.tuples(st.integers(1, 2_000), st.integers(1, 99)), min_size=1, max_size=8),
    st.integers(0, 4_000),
)
def test_relief_goes_contract_by_contract_from_the_oldest_order(sizes, closable):
    orders = [
        order(str(number), A, f"{count / 100:.2f}", f"0.{cents:02d}")
        for number, (count, cents) in enumerate(sizes)
    ]
    total = share_out(orders, Count(closable), FREE)
    costs = [10_000 - each.price for each in orders for _ in range(each.remaining_count)]
    assert total == sum(costs[closable:])
    assert total == sum(each.reserved for each in orders)

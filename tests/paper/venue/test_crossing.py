"""What happens when orders meet: who trades with whom, at what price and fee, and what everybody is told."""

from __future__ import annotations

import pytest

from tests.paper.venues import (
    NOW,
    STANDARD,
    TICKER,
    WITH_MAKER_FEES,
    ask,
    bid,
    deal,
    later,
    market,
    told,
    venue,
)
from traderd.model.ids import ClientOrderId
from traderd.model.orders import OrderStatus, SelfTradePrevention, Side, TimeInForce
from traderd.model.units import (
    NS_PER_S,
    Count,
    Price,
    Timestamp,
    format_money_4,
    parse_count,
    parse_money,
    parse_price,
)
from traderd.paper import choices
from traderd.paper.venue.fees import FeeSchedule, FeeType
from traderd.paper.venue.messages import (
    FillHappened,
    LevelChanged,
    OrderUpdated,
    PositionChanged,
    QuoteChanged,
    TradeHappened,
)

IOC = TimeInForce.IMMEDIATE_OR_CANCEL
MAKER = SelfTradePrevention.MAKER


# --- priority and price ---------------------------------------------------------------------------


def test_a_match_happens_at_the_resting_price_and_the_taker_gets_the_improvement():
    v = venue()
    v.create_order("ann", ask("5", "0.52"), None, NOW)
    taken = v.create_order("bob", bid("5", "0.60"), None, NOW)
    assert taken.status is OrderStatus.EXECUTED
    assert taken.average_fill_price == parse_price("0.52")
    assert v.balance("bob").cash == parse_money("997.40")
    assert v.balance("ann").cash == parse_money("997.60")


@pytest.mark.parametrize(
    ("make", "take", "prices"),
    [
        (ask, bid("6", "0.53"), ["0.51", "0.52", "0.53"]),
        (bid, ask("6", "0.51"), ["0.53", "0.52", "0.51"]),
    ],
)
def test_the_best_price_trades_first_on_both_sides(make, take, prices):
    v = venue()
    for price in ("0.52", "0.53", "0.51"):
        v.create_order("ann", make("2", price), None, NOW)
    v.create_order("bob", take, None, NOW)
    assert [each.price for each in reversed(v.trades())] == [parse_price(each) for each in prices]


def test_within_a_price_the_oldest_order_trades_first():
    v = venue(accounts={"ann": "1000", "bob": "1000", "cat": "1000"})
    first = v.create_order("ann", ask("2", "0.52"), None, NOW)
    second = v.create_order("bob", ask("2", "0.52"), None, NOW)
    v.create_order("cat", bid("3", "0.52"), None, NOW)
    assert v.order("ann", first.order_id).fill_count == 200
    assert v.order("bob", second.order_id).fill_count == 100


def test_maker_and_taker_get_the_same_trade_id_and_opposite_sides():
    v = venue()
    v.create_order("ann", ask("5", "0.52"), ClientOrderId("a1"), NOW)
    v.create_order("bob", bid("3", "0.52"), ClientOrderId("b1"), NOW)
    (maker,), (taker,) = v.fills("ann"), v.fills("bob")
    assert maker.trade_id == taker.trade_id == v.trades(TICKER)[0].trade_id
    assert (maker.side, taker.side) == (Side.ASK, Side.BID)
    assert (maker.is_taker, taker.is_taker) == (False, True)
    assert (maker.client_order_id, taker.client_order_id) == ("a1", "b1")
    assert maker.count == taker.count == parse_count("3")


def test_a_partly_filled_maker_keeps_resting_and_its_collateral_shrinks():
    v = venue()
    v.create_order("ann", bid("10", "0.40"), None, NOW)
    assert v.balance("ann").reserved == parse_money("4")
    v.create_order("bob", ask("4", "0.40"), None, NOW)
    order = v.orders("ann", status=OrderStatus.RESTING)[0]
    assert (order.fill_count, order.remaining_count) == (400, 600)
    balance = v.balance("ann")
    assert (balance.cash, balance.reserved) == (parse_money("998.40"), parse_money("2.40"))


# --- what everybody is told -----------------------------------------------------------------------


def test_news_of_a_create_that_fills_come_in_this_order():
    v = venue()
    resting = v.create_order("ann", ask("5", "0.52"), ClientOrderId("a1"), NOW)
    assert [type(each) for each in v.take_outbox()] == [LevelChanged, OrderUpdated, QuoteChanged]
    taken = v.create_order("bob", bid("8", "0.52"), ClientOrderId("b1"), Timestamp(NOW + 1))
    news = v.take_outbox()
    assert [type(each) for each in news] == [
        LevelChanged,  # the resting ask loses its contracts
        TradeHappened,
        OrderUpdated,  # the maker's
        FillHappened,
        PositionChanged,
        LevelChanged,  # what is left of the bid rests
        OrderUpdated,  # the taker's, once and with final counts
        FillHappened,
        PositionChanged,
        QuoteChanged,
    ]
    level, trade, maker_order, maker_fill, _, rest, taker_order, taker_fill, position, _ = news
    # It is ann's level, and bob's order that changed it.
    assert (level.side, level.change, level.account) == (Side.ASK, -500, "bob")
    assert level.client_order_id == "b1"
    assert (trade.trade.taker_side, trade.trade.count) == (Side.BID, 500)
    assert maker_order.order.order_id == resting.order_id
    assert maker_order.order.status is OrderStatus.EXECUTED
    assert maker_order.order.reason == "Trade"
    assert maker_fill.post_position == -500
    assert (rest.side, rest.change, rest.account) == (Side.BID, 300, "bob")
    assert taker_order.order.order_id == taken.order_id
    assert (taker_order.order.fill_count, taker_order.order.remaining_count) == (500, 300)
    assert taker_fill.post_position == 500
    assert (position.account, position.position.count) == ("bob", 500)
    assert taker_order.at == taker_fill.fill.at == NOW + 1


def test_a_level_that_the_street_takes_names_nobody():
    v = venue()
    v.create_order("ann", ask("5", "0.52"), ClientOrderId("a1"), NOW)
    v.take_outbox()
    v.street.take(TICKER, Side.BID, Price(5_200), Count(200), NOW)
    level = told(v, LevelChanged)[0]
    assert (level.change, level.account, level.client_order_id) == (-200, None, None)


def test_a_taker_that_sweeps_is_told_once_of_itself_and_once_a_fill():
    v = venue()
    for price in ("0.50", "0.51", "0.52"):
        v.create_order("ann", ask("1", price), None, NOW)
    v.take_outbox()
    v.create_order("bob", bid("3", "0.52"), None, NOW)
    news = told(v, OrderUpdated, FillHappened, PositionChanged)
    mine = [each for each in news if each.account == "bob"]
    assert [type(each) for each in mine] == [
        OrderUpdated,
        FillHappened,
        FillHappened,
        FillHappened,
        PositionChanged,
    ]
    assert [each.post_position for each in mine[1:4]] == [100, 200, 300]


# --- self-trade prevention ------------------------------------------------------------------------


def test_an_immediate_order_that_meets_only_itself_is_canceled_and_the_resting_one_stays():
    v = venue()
    own = v.create_order("ann", ask("5", "0.52"), None, NOW)
    stopped = v.create_order("ann", bid("5", "0.52", time_in_force=IOC), None, NOW)
    assert stopped.status is OrderStatus.CANCELED
    assert stopped.reason == "SelfTradeCancel"
    assert (stopped.fill_count, stopped.remaining_count) == (0, 0)
    assert v.order("ann", own.order_id).is_resting
    assert v.trades() == []


def test_taker_at_cross_keeps_earlier_fills_and_cancels_the_rest():
    v = venue()
    v.create_order("bob", ask("2", "0.51"), None, NOW)
    v.create_order("ann", ask("5", "0.52"), None, NOW)
    v.create_order("bob", ask("5", "0.53"), None, NOW)
    stopped = v.create_order("ann", bid("9", "0.55"), None, NOW)
    assert (stopped.status, stopped.fill_count) == (OrderStatus.CANCELED, 200)
    assert stopped.reason == "SelfTradeCancel"
    assert v.book(TICKER)[0] == ()


def test_maker_prevention_cancels_the_resting_order_and_goes_on():
    v = venue()
    own = v.create_order("ann", ask("5", "0.52"), None, NOW)
    v.create_order("bob", ask("5", "0.53"), None, NOW)
    v.take_outbox()
    order = v.create_order("ann", bid("4", "0.55", self_trade_prevention=MAKER), None, NOW)
    assert (order.status, order.fill_count) == (OrderStatus.EXECUTED, 400)
    assert order.average_fill_price == parse_price("0.53")
    gone = v.order("ann", own.order_id)
    assert (gone.status, gone.reason) == (OrderStatus.CANCELED, "SelfTradeCancel")
    updates = told(v, OrderUpdated)
    assert [each.order.order_id for each in updates if each.account == "ann"] == [
        own.order_id,
        order.order_id,
    ]


def test_the_incoming_orders_type_rules_whatever_the_resting_one_said():
    v = venue()
    own = v.create_order("ann", ask("5", "0.52", self_trade_prevention=MAKER), None, NOW)
    stopped = v.create_order("ann", bid("5", "0.52"), None, NOW)
    assert stopped.reason == "SelfTradeCancel"
    assert v.order("ann", own.order_id).is_resting


def with_a_subaccount():
    v = venue()
    v.bank.open_subaccount(v.account("ann"), NOW)
    v.bank.transfer(v.account("ann"), "t", 0, 1, parse_money("100"), NOW)
    own = v.create_order("ann", ask("5", "0.52"), None, NOW)
    return v, own


@pytest.mark.parametrize("prevention", list(SelfTradePrevention))
def test_two_subaccounts_of_one_member_do_not_trade_with_each_other(prevention):
    v, own = with_a_subaccount()
    v.create_order(
        "ann", bid("5", "0.52", self_trade_prevention=prevention), None, NOW, subaccount=1
    )
    assert v.trades() == []
    assert v.order("ann", own.order_id).is_resting == (prevention is not MAKER)


def test_they_would_trade_if_kalshi_turned_out_to_look_at_subaccounts_apart(monkeypatch):
    monkeypatch.setattr(choices, "SELF_TRADE_SPANS_SUBACCOUNTS", False)
    v, _ = with_a_subaccount()
    v.create_order("ann", bid("5", "0.52"), None, NOW, subaccount=1)
    assert [each.count for each in v.positions("ann", None)] == [-500, 500]
    v.check_money()


# --- fees and counters ----------------------------------------------------------------------------


def test_two_purchases_at_99_cents_leave_the_captured_balance():
    # Kalshi: $100.00 - 0.99 x 2 - 0.0014 = 98.0186, as recorded on the demo.
    v = venue(market(fees=STANDARD), accounts={"ann": "100", "bob": "100"})
    for _ in range(2):
        deal(v, "ann", "bob", "1", "0.99")
    assert format_money_4(v.balance("ann").cash) == "98.0186"
    assert [each.fee for each in v.fills("ann")] == [parse_money("0.0007")] * 2


def test_the_captured_purchase_at_52_cents_costs_its_captured_fee():
    v = venue(market(fees=STANDARD))
    deal(v, "ann", "bob", "1", "0.52")
    assert v.fills("ann")[0].fee == v.orders("ann")[0].taker_fees == parse_money("0.0175")


def test_the_maker_is_charged_the_makers_fee_and_the_taker_the_takers():
    v = venue(market(fees=WITH_MAKER_FEES))
    deal(v, "bob", "ann", "100", "0.50")
    assert v.fills("ann")[0].fee == v.orders("ann")[0].maker_fees == parse_money("0.4375")
    assert v.fills("bob")[0].fee == v.orders("bob")[0].taker_fees == parse_money("1.75")
    assert v.positions("bob")[0].fees_paid == parse_money("1.75")
    assert v.floor.fees_collected == parse_money("2.1875")


def test_rounding_is_given_back_over_the_fills_of_one_order_in_both_roles():
    half = FeeSchedule(fee_type=FeeType.QUADRATIC_WITH_MAKER_FEES)
    v = venue(market(fees=half))
    for _ in range(4):
        v.create_order("bob", ask("1", "0.52"), None, NOW)
    v.create_order("ann", bid("4.01", "0.52"), None, NOW)
    # Each fill loses 28 millionths to rounding: the fourth gets a whole step back.
    taken = [parse_money("0.0175")] * 3 + [parse_money("0.0174")]
    assert [each.fee for each in reversed(v.fills("ann"))] == taken
    # The rest makes: 12 are carried over, and 0.0000437 becomes 0.0001.
    v.create_order("bob", ask("0.01", "0.52"), None, NOW)
    assert v.fills("ann")[0].fee == parse_money("0.0001")
    assert v.orders("ann")[0].fee_remainder == 12 + 56


def test_a_waiver_frees_every_fill_until_its_moment():
    listed = market(fees=STANDARD)
    listed.fee_waiver_until = later(10)
    v = venue(listed)
    for at in (Timestamp(listed.fee_waiver_until - 1), listed.fee_waiver_until):
        v.create_order("bob", ask("1", "0.52"), None, at)
        v.create_order("ann", bid("1", "0.52"), None, at)
    assert [each.fee for each in v.fills("ann")] == [parse_money("0.0175"), 0]


def test_open_interest_is_what_the_longs_hold_after_every_kind_of_match():
    v = venue(accounts={"ann": "1000", "bob": "1000", "cat": "1000"})
    m = v.market(TICKER)

    def meet(seller, buyer, count):
        deal(v, buyer, seller, count, "0.50")
        return m.open_interest

    assert meet("ann", "bob", "10") == 1000  # both open
    assert meet("bob", "cat", "4") == 1000  # bob's YES moves to cat
    assert meet("cat", "ann", "4") == 600  # both close
    assert meet("bob", "ann", "10") == 400  # both flip through zero
    assert m.volume == 2800
    assert m.dollar_volume == parse_money("14")
    assert (m.last_price, m.last_count) == (parse_price("0.50"), 1000)


def test_a_flip_through_zero_closes_first_and_opens_the_rest():
    v = venue()
    deal(v, "ann", "bob", "10", "0.40")
    v.create_order("bob", bid("15", "0.30"), None, later(1))
    v.create_order("ann", ask("15", "0.30"), None, later(2))
    (position,) = v.positions("ann")
    assert position.count == parse_count("-5")
    assert position.exposure == parse_money("3.5")
    assert position.realized_pnl == parse_money("-1")
    # -4 for 10 YES, +3 for their sale, -3.50 for 5 NO.
    assert v.balance("ann").cash == parse_money("995.5")
    assert position.updated_at == NOW + 2 * NS_PER_S


# --- order groups on the way ----------------------------------------------------------------------


def test_a_taker_is_stopped_by_its_own_group_and_its_fills_stand():
    v = venue()
    ann = v.account("ann")
    v.groups.create(ann, "g", parse_count("3"), NOW)
    for _ in range(5):
        v.create_order("bob", ask("2", "0.50"), None, NOW)
    other = v.create_order("ann", bid("1", "0.40"), None, NOW, group_id="g")
    taken = v.create_order("ann", bid("9", "0.50"), None, NOW, group_id="g")
    # 2 do not exceed the limit of 3, 4 do.
    assert (taken.status, taken.fill_count, taken.remaining_count) == (OrderStatus.CANCELED, 400, 0)
    assert taken.reason is None
    assert v.order("ann", other.order_id).status is OrderStatus.CANCELED
    assert v.book(TICKER)[0] == ()


def test_a_makers_group_that_triggers_leaves_the_taker_less_to_take():
    v = venue()
    v.groups.create(v.account("ann"), "g", parse_count("3"), NOW)
    for price in ("0.50", "0.51", "0.52"):
        v.create_order("ann", ask("2", price), None, NOW, group_id="g")
    taken = v.create_order("bob", bid("9", "0.55"), None, NOW)
    assert (taken.fill_count, taken.remaining_count) == (400, 500)
    assert v.book(TICKER) == (((5500, 500),), ())

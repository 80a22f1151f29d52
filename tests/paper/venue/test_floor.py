"""Matching and settling: who trades with whom, at what price, and what everybody is told."""

from __future__ import annotations

from tests.paper.venues import NOW, TICKER, WITH_MAKER_FEES, ask, bid, market, venue
from traderd.model.ids import ClientOrderId
from traderd.model.orders import OrderStatus, SelfTradePrevention, Side, TimeInForce
from traderd.model.units import Timestamp, parse_count, parse_money, parse_price
from traderd.paper.venue.messages import FillHappened, LevelChanged, OrderUpdated, TradeHappened

IOC = TimeInForce.IMMEDIATE_OR_CANCEL


def test_a_match_happens_at_the_resting_price_and_the_taker_gets_the_improvement():
    v = venue()
    v.create_order("ann", ask("5", "0.52"), None, NOW)
    taken = v.create_order("bob", bid("5", "0.60"), None, NOW)
    assert taken.status is OrderStatus.EXECUTED
    assert taken.average_fill_price == parse_price("0.52")
    assert v.balance("bob").cash == parse_money("997.40")
    assert v.balance("ann").cash == parse_money("997.60")


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


def test_the_maker_is_charged_the_makers_fee_and_the_taker_the_takers():
    v = venue(market(fees=WITH_MAKER_FEES))
    v.create_order("ann", ask("100", "0.50"), None, NOW)
    v.create_order("bob", bid("100", "0.50"), None, NOW)
    assert v.fills("ann")[0].fee == parse_money("0.4375")
    assert v.fills("bob")[0].fee == parse_money("1.75")
    assert v.order("ann", v.orders("ann")[0].order_id).maker_fees == parse_money("0.4375")
    assert v.total_money() == parse_money("2000")


def test_news_of_a_create_that_fills_come_in_this_order():
    v = venue()
    resting = v.create_order("ann", ask("5", "0.52"), ClientOrderId("a1"), NOW)
    assert [type(each) for each in v.take_outbox()] == [LevelChanged, OrderUpdated]
    taken = v.create_order("bob", bid("8", "0.52"), ClientOrderId("b1"), Timestamp(NOW + 1))
    news = v.take_outbox()
    assert [type(each) for each in news] == [
        LevelChanged,  # the resting ask loses its contracts
        TradeHappened,
        OrderUpdated,  # the maker's
        FillHappened,
        LevelChanged,  # what is left of the bid rests
        OrderUpdated,  # the taker's, once and with final counts
        FillHappened,
    ]
    level, trade, maker_order, maker_fill, rest, taker_order, taker_fill = news
    assert (level.side, level.change, level.account) == (Side.ASK, -500, "ann")
    assert level.client_order_id == "a1"
    assert (trade.taker_side, trade.count) == (Side.BID, 500)
    assert maker_order.order.order_id == resting.order_id
    assert maker_order.order.status is OrderStatus.EXECUTED
    assert maker_order.order.reason == "Trade"
    assert maker_fill.post_position == -500
    assert (rest.side, rest.change, rest.account) == (Side.BID, 300, "bob")
    assert taker_order.order.order_id == taken.order_id
    assert (taker_order.order.fill_count, taker_order.order.remaining_count) == (500, 300)
    assert taker_fill.post_position == 500
    assert taker_order.at == taker_fill.fill.at == NOW + 1


def test_a_partly_filled_maker_keeps_resting_and_its_collateral_shrinks():
    v = venue()
    v.create_order("ann", bid("10", "0.40"), None, NOW)
    assert v.balance("ann").reserved == parse_money("4")
    v.create_order("bob", ask("4", "0.40"), None, NOW)
    order = v.orders("ann", status=OrderStatus.RESTING)[0]
    assert (order.fill_count, order.remaining_count) == (400, 600)
    balance = v.balance("ann")
    assert (balance.cash, balance.reserved) == (parse_money("998.40"), parse_money("2.40"))


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
    order = v.create_order(
        "ann",
        bid("4", "0.55", self_trade_prevention=SelfTradePrevention.MAKER),
        None,
        NOW,
    )
    assert (order.status, order.fill_count) == (OrderStatus.EXECUTED, 400)
    assert order.average_fill_price == parse_price("0.53")
    gone = v.order("ann", own.order_id)
    assert (gone.status, gone.reason) == (OrderStatus.CANCELED, "SelfTradeCancel")
    assert v.balance("ann").reserved == 0
    told = [each.order for each in v.take_outbox() if isinstance(each, OrderUpdated)]
    assert [(each.order_id, each.reason) for each in told[:1]] == [
        (own.order_id, "SelfTradeCancel")
    ]


def test_open_interest_grows_when_both_open_and_shrinks_when_both_close():
    v = venue()
    m = v.market(TICKER)

    def meet(seller: str, buyer: str, count: str) -> int:
        v.create_order(seller, ask(count, "0.50"), None, NOW)
        v.create_order(buyer, bid(count, "0.50"), None, NOW)
        return m.open_interest

    v.open_account("cat", parse_money("1000"))
    assert meet("ann", "bob", "10") == 1000
    assert meet("bob", "cat", "4") == 1000  # bob's YES moves to cat
    assert meet("cat", "ann", "4") == 600
    assert m.volume == 1800
    assert (m.last_price, m.last_count) == (parse_price("0.50"), 400)

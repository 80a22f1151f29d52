"""What may come in, what becomes of it, and how it is taken back."""

from __future__ import annotations

import pytest

from tests.paper.venues import (
    CLOSE,
    NOW,
    STANDARD,
    TICKER,
    WITH_MAKER_FEES,
    ask,
    bid,
    deal,
    details_of,
    later,
    market,
    refusal_of,
    told,
    venue,
)
from traderd.model.ids import ClientOrderId, OrderId
from traderd.model.market import MarketStatus, PriceBand, PriceGrid
from traderd.model.orders import OrderStatus, SelfTradePrevention, TimeInForce
from traderd.model.units import Count, Price, Timestamp, parse_money, parse_price
from traderd.paper import choices
from traderd.paper.venue.fees import FeeSchedule, FeeType
from traderd.paper.venue.messages import OrderUpdated

GTC = TimeInForce.GOOD_TILL_CANCELED
IOC = TimeInForce.IMMEDIATE_OR_CANCEL
FOK = TimeInForce.FILL_OR_KILL
MAKER = SelfTradePrevention.MAKER


# --- what may come in -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (bid("1", "0.5", ticker="KXNONE-1-A"), (404, "market_not_found", "")),
        (bid("1", "0.505"), (400, "invalid_price", "")),
        (bid("1", "0.52", post_only=True), (400, "invalid_order", "post only cross")),
        (bid("2000.01", "0.50"), (400, "insufficient_balance", "")),
        (bid("1000000000.01", "0.50"), (400, "invalid_order_size", "count is too large")),
        (
            bid("6", "0.52", time_in_force=FOK),
            (409, "fill_or_kill_insufficient_resting_volume", ""),
        ),
        (
            bid("1", "0.4", expires_at=NOW),
            (400, "invalid_order", "Expiration timestamp must be in the future"),
        ),
    ],
)
def test_a_refused_order_leaves_no_trace(terms, expected):
    v = venue()
    v.create_order("bob", ask("5", "0.52"), None, NOW)
    v.take_outbox()
    before = (v.book(TICKER), v.balance("ann"))
    assert details_of(v.create_order, "ann", terms, ClientOrderId("once"), NOW) == expected
    assert (v.book(TICKER), v.balance("ann")) == before
    assert v.orders("ann") == v.take_outbox() == []
    # The client id was not used up.
    assert v.create_order("ann", bid("1", "0.4"), ClientOrderId("once"), NOW).is_resting


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"subaccount": 1}, (400, "invalid_parameters")),
        ({"group_id": "none"}, (404, "order_group_not_found")),
    ],
)
def test_an_order_for_a_subaccount_or_group_that_is_not_there_is_refused(more, expected):
    v = venue()
    assert refusal_of(v.create_order, "ann", bid("1", "0.4"), None, NOW, **more) == expected
    assert v.orders("ann") == []


def test_a_client_order_id_is_never_free_again():
    v = venue()
    first = v.create_order("ann", bid("1", "0.4"), ClientOrderId("x"), NOW)
    exists = (409, "order_already_exists")
    assert refusal_of(v.create_order, "ann", bid("1", "0.4"), ClientOrderId("x"), NOW) == exists
    v.cancel_order("ann", first.order_id, NOW)
    # It proves the first arrival even when nothing else about the order is right any more.
    v.pauses.begin(NOW)
    wrong = bid("9999", "0.405")
    assert refusal_of(v.create_order, "ann", wrong, ClientOrderId("x"), CLOSE) == exists
    v.pauses.end()
    assert v.create_order("bob", bid("1", "0.4"), ClientOrderId("x"), NOW).is_resting


def test_two_orders_without_a_client_id_are_both_taken():
    v = venue()
    one, two = (v.create_order("ann", bid("1", "0.4"), None, NOW) for _ in range(2))
    assert one.order_id != two.order_id
    assert v.book(TICKER)[0] == ((4000, 200),)


def test_prices_follow_the_markets_own_grid_also_after_it_changes():
    edge, middle = Price(1000), Price(9000)
    tapered = PriceGrid((
        PriceBand(start=Price(0), end=edge, step=Price(10)),
        PriceBand(start=edge, end=middle, step=Price(100)),
        PriceBand(start=middle, end=Price(10_000), step=Price(10)),
    ))
    v = venue(market(grid=tapered))
    assert v.create_order("ann", bid("1", "0.001"), None, NOW).is_resting
    assert v.create_order("ann", ask("1", "0.999"), None, NOW).is_resting
    assert refusal_of(v.create_order, "ann", bid("1", "0.101"), None, NOW)[1] == "invalid_price"
    half = PriceGrid((PriceBand(start=Price(0), end=Price(10_000), step=Price(5)),))
    v.life.change_grid(TICKER, half, "half", NOW)
    assert v.create_order("ann", bid("1", "0.1005"), None, NOW).is_resting


@pytest.mark.parametrize(
    "status", [each for each in MarketStatus if each is not MarketStatus.ACTIVE]
)
def test_only_an_active_market_takes_orders(status):
    listed = market()
    listed.status = status
    v = venue(listed)
    expected = (
        choices.INACTIVE_MARKET if status is MarketStatus.INACTIVE else (400, "market_inactive")
    )
    assert refusal_of(v.create_order, "ann", bid("1", "0.4"), None, NOW) == expected


def test_an_active_market_takes_nothing_from_its_close_time_on():
    v = venue()
    last = Timestamp(CLOSE - 1)
    order = v.create_order("ann", bid("1", "0.4"), None, last)
    # Already at the moment of closing, before anybody cleared the book.
    inactive = (400, "market_inactive")
    assert refusal_of(v.create_order, "ann", bid("1", "0.4"), None, CLOSE) == inactive
    assert refusal_of(v.cancel_order, "ann", order.order_id, CLOSE) == inactive


@pytest.mark.parametrize("whole", [False, True])
def test_a_pause_refuses_orders_with_its_own_code(whole):
    v = venue()
    v.pauses.begin(NOW, whole_exchange=whole)
    code = "exchange_is_paused" if whole else "trading_is_paused"
    assert refusal_of(v.create_order, "ann", bid("1", "0.4"), None, NOW) == (409, code)


# --- time in force --------------------------------------------------------------------------------


def test_a_resting_order_is_on_the_book_and_personal_in_its_delta():
    v = venue()
    order = v.create_order("ann", bid("3", "0.47"), ClientOrderId("x"), NOW)
    assert (order.status, order.remaining_count, order.reason) == (OrderStatus.RESTING, 300, None)
    assert v.book(TICKER) == (((4700, 300),), ())
    level, update, quote = v.take_outbox()
    assert (level.price, level.change, level.account) == (4700, 300, "ann")
    assert level.client_order_id == "x"
    assert update.order.order_id == order.order_id
    assert quote.bid == (4700, 300)


def test_an_immediate_order_with_nothing_to_hit_is_a_success_without_fills():
    v = venue()
    order = v.create_order("ann", bid("3", "0.47", time_in_force=IOC), None, NOW)
    assert (order.status, order.fill_count, order.remaining_count) == (OrderStatus.CANCELED, 0, 0)
    assert (order.initial_count, order.reason) == (300, None)
    assert [type(each) for each in v.take_outbox()] == [OrderUpdated]


def test_an_immediate_order_takes_what_is_there_and_cancels_the_rest():
    v = venue()
    v.create_order("bob", ask("2", "0.47"), None, NOW)
    order = v.create_order("ann", bid("3", "0.47", time_in_force=IOC), None, NOW)
    assert (order.status, order.fill_count, order.remaining_count) == (OrderStatus.CANCELED, 200, 0)
    assert v.book(TICKER) == ((), ())


def test_it_would_be_executed_if_kalshi_turned_out_to_call_it_so(monkeypatch):
    monkeypatch.setattr(choices, "PARTLY_FILLED_IOC_IS_CANCELED", False)
    v = venue()
    v.create_order("bob", ask("2", "0.47"), None, NOW)
    partly = v.create_order("ann", bid("3", "0.47", time_in_force=IOC), None, NOW)
    nothing = v.create_order("ann", bid("3", "0.47", time_in_force=IOC), None, NOW)
    assert (partly.status, nothing.status) == (OrderStatus.EXECUTED, OrderStatus.CANCELED)


def test_a_resting_order_may_have_an_end():
    v = venue()
    order = v.create_order("ann", bid("1", "0.4", expires_at=later(10)), None, NOW)
    assert (order.is_resting, order.expires_at) == (True, later(10))


def test_fill_or_kill_fills_over_several_levels_or_not_at_all():
    v = venue()
    v.create_order("bob", ask("2", "0.47"), None, NOW)
    v.create_order("bob", ask("2", "0.48"), None, NOW)
    too_low = bid("4", "0.47", time_in_force=FOK)
    assert refusal_of(v.create_order, "ann", too_low, None, NOW)[0] == 409
    order = v.create_order("ann", bid("4", "0.48", time_in_force=FOK), None, NOW)
    assert order.status is OrderStatus.EXECUTED
    assert order.average_fill_price == parse_price("0.475")


def test_fill_or_kill_that_meets_itself_keeps_its_earlier_fills():
    v = venue()
    v.create_order("bob", ask("2", "0.47"), None, NOW)
    v.create_order("ann", ask("2", "0.48"), None, NOW)
    order = v.create_order("ann", bid("4", "0.48", time_in_force=FOK), None, NOW)
    assert (order.status, order.fill_count) == (OrderStatus.CANCELED, 200)
    assert order.reason == "SelfTradeCancel"


def test_fill_or_kill_does_not_count_on_own_orders_that_it_would_only_cancel():
    v = venue()
    v.create_order("bob", ask("2", "0.47"), None, NOW)
    own = v.create_order("ann", ask("2", "0.48"), None, NOW)
    four, two = (
        bid(count, "0.48", time_in_force=FOK, self_trade_prevention=MAKER) for count in ("4", "2")
    )
    assert refusal_of(v.create_order, "ann", four, None, NOW)[0] == 409
    assert v.create_order("ann", two, None, NOW).status is OrderStatus.EXECUTED
    assert v.order("ann", own.order_id).is_resting


def test_a_post_only_order_that_does_not_cross_rests_and_one_that_meets_itself_is_refused():
    v = venue()
    v.create_order("ann", ask("2", "0.47"), None, NOW)
    assert v.create_order("ann", bid("4", "0.46", post_only=True), None, NOW).is_resting
    crossing = bid("4", "0.47", post_only=True)
    assert details_of(v.create_order, "ann", crossing, None, NOW)[2] == "post only cross"


# --- reduce only ----------------------------------------------------------------------------------


def test_reduce_only_is_capped_at_the_position():
    v = venue()
    deal(v, "ann", "bob", "3", "0.50")
    v.create_order("bob", bid("9", "0.45"), None, NOW)
    order = v.create_order("ann", ask("9", "0.45", time_in_force=IOC, reduce_only=True), None, NOW)
    assert (order.fill_count, order.initial_count) == (300, 900)
    assert (order.status, order.reason) == (OrderStatus.CANCELED, "ReduceOnlyCancel")
    assert v.account("ann").main.count_of(TICKER) == 0


def test_reduce_only_that_fits_executes():
    v = venue()
    deal(v, "ann", "bob", "3", "0.50")
    v.create_order("ann", bid("9", "0.45"), None, NOW)
    order = v.create_order("bob", bid("2", "0.60", time_in_force=IOC, reduce_only=True), None, NOW)
    assert (order.status, order.fill_count) == (OrderStatus.CANCELED, 0)
    order = v.create_order("bob", ask("2", "0.45", time_in_force=IOC, reduce_only=True), None, NOW)
    assert (order.status, order.reason) == (OrderStatus.CANCELED, "ReduceOnlyCancel")
    v.create_order("ann", ask("3", "0.55"), None, NOW)
    order = v.create_order("bob", bid("2", "0.60", time_in_force=IOC, reduce_only=True), None, NOW)
    assert (order.status, order.reason) == (OrderStatus.EXECUTED, "Trade")


def test_reduce_only_with_nothing_to_reduce_does_nothing():
    v = venue()
    v.create_order("bob", bid("9", "0.45"), None, NOW)
    order = v.create_order("ann", ask("9", "0.45", time_in_force=IOC, reduce_only=True), None, NOW)
    assert (order.status, order.reason) == (OrderStatus.CANCELED, "ReduceOnlyCancel")
    assert v.positions("ann") == ()
    assert v.trades() == []


# --- money ----------------------------------------------------------------------------------------


def test_the_whole_account_can_be_spent_to_the_cent_and_not_beyond():
    v = venue()
    order = v.create_order("ann", bid("2000", "0.50"), None, NOW)
    assert v.balance("ann").available == 0
    poor = (400, "insufficient_balance")
    assert refusal_of(v.create_order, "ann", bid("0.01", "0.01"), None, NOW) == poor
    v.cancel_order("ann", order.order_id, NOW)
    assert v.balance("ann").available == parse_money("1000")


def test_the_worst_fee_has_to_be_there_too():
    v = venue(market(fees=STANDARD))
    # 100 at 0.50 costs 50.00 and a taker's fee of 1.75.
    v.open_account("poor", parse_money("51.74"))
    v.open_account("rich", parse_money("51.75"))
    v.create_order("bob", ask("200", "0.50"), None, NOW)
    hundred = bid("100", "0.50")
    assert refusal_of(v.create_order, "poor", hundred, None, NOW)[1] == "insufficient_balance"
    v.create_order("rich", hundred, None, NOW)
    assert v.balance("rich").cash == 0


def test_a_resting_order_holds_back_only_the_makers_fee():
    v = venue(market(fees=WITH_MAKER_FEES))
    v.create_order("ann", bid("100", "0.50"), None, NOW)
    assert v.balance("ann").reserved == parse_money("50.4375")


def test_closing_a_position_needs_no_cash():
    v = venue(accounts={"ann": "50", "bob": "1000"})
    deal(v, "ann", "bob", "100", "0.50")
    assert v.balance("ann").available == 0
    assert v.create_order("ann", ask("100", "0.60"), None, NOW).is_resting
    one_more = ask("1", "0.60")
    assert refusal_of(v.create_order, "ann", one_more, None, NOW)[1] == "insufficient_balance"
    v.create_order("bob", bid("100", "0.60"), None, NOW)
    assert v.balance("ann").cash == parse_money("60")
    (position,) = v.positions("ann")
    assert (position.count, position.realized_pnl) == (0, parse_money("10"))


def test_closing_needs_no_cash_even_when_risen_fees_left_less_than_none():
    v = venue(market(fees=STANDARD), accounts={"ann": "50", "bob": "1000"})
    deal(v, "ann", "bob", "10", "0.50")
    v.create_order("ann", bid("89.65", "0.50", post_only=True), None, NOW)
    dear = FeeSchedule(fee_type=FeeType.QUADRATIC_WITH_COMBO_MAKER_FEES)
    v.life.change_event_fees(v.market(TICKER).event_ticker, dear, NOW)
    assert v.balance("ann").available < 0
    assert v.create_order("ann", ask("10", "0.60"), None, NOW).is_resting


def test_every_subaccount_pays_with_its_own_cash():
    v = venue()
    ann = v.account("ann")
    v.bank.open_subaccount(ann, NOW)
    v.bank.transfer(ann, "t", 0, 1, parse_money("5"), NOW)
    order = v.create_order("ann", bid("10", "0.50"), None, NOW, subaccount=1)
    assert order.subaccount == 1
    assert v.balance("ann", 1).available == 0
    assert v.balance("ann", 0).available == parse_money("995")
    poor = (400, "insufficient_balance")
    assert refusal_of(v.create_order, "ann", bid("1", "0.5"), None, NOW, subaccount=1) == poor


# --- cancel ---------------------------------------------------------------------------------------


def test_a_cancel_says_how_much_it_took_off_the_book():
    v = venue()
    order = v.create_order("ann", bid("5", "0.40"), None, NOW)
    v.create_order("bob", ask("2", "0.40"), None, NOW)
    v.take_outbox()
    reply = v.cancel_order("ann", order.order_id, Timestamp(NOW + 5))
    assert reply.reduced_by == 300
    assert (reply.order.status, reply.order.fill_count) == (OrderStatus.CANCELED, 200)
    assert (reply.order.initial_count, reply.order.remaining_count) == (500, 0)
    assert (reply.order.updated_at, reply.order.reason) == (NOW + 5, None)
    assert v.balance("ann").reserved == 0
    level, update, quote = v.take_outbox()
    assert (level.change, level.account) == (-300, "ann")
    assert update.order.status is OrderStatus.CANCELED
    assert quote.bid is None


def test_cancels_of_unknown_canceled_executed_and_foreign_orders_look_all_alike():
    v = venue()
    canceled = v.create_order("ann", bid("1", "0.40"), None, NOW)
    v.cancel_order("ann", canceled.order_id, NOW)
    executed = v.create_order("ann", bid("1", "0.40"), None, NOW)
    v.create_order("bob", ask("1", "0.40"), None, NOW)
    foreign = v.create_order("bob", bid("1", "0.40"), None, NOW)
    for order_id in (canceled.order_id, executed.order_id, foreign.order_id, OrderId("none")):
        assert details_of(v.cancel_order, "ann", order_id, NOW) == (404, "not_found", "")


def test_a_cancel_that_names_another_subaccount_does_not_find_the_order():
    v = venue()
    v.bank.open_subaccount(v.account("ann"), NOW)
    order = v.create_order("ann", bid("1", "0.40"), None, NOW)
    wrong = (404, "not_found")
    assert refusal_of(v.cancel_order, "ann", order.order_id, NOW, subaccount=1) == wrong
    assert v.cancel_order("ann", order.order_id, NOW, subaccount=0).reduced_by == 100


def test_cancels_pass_a_trading_pause_and_not_an_exchange_pause():
    v = venue()
    first, second = (v.create_order("ann", bid("1", "0.40"), None, NOW) for _ in range(2))
    v.pauses.begin(NOW)
    assert v.cancel_order("ann", first.order_id, NOW).reduced_by == 100
    v.pauses.begin(NOW, whole_exchange=True)
    paused = (409, "exchange_is_paused")
    assert refusal_of(v.cancel_order, "ann", second.order_id, NOW) == paused
    assert refusal_of(v.cancel_all, "ann", None, NOW) == paused
    assert refusal_of(v.decrease_order, "ann", second.order_id, NOW, reduce_by=Count(1)) == paused
    v.pauses.end()
    assert v.cancel_all("ann", None, NOW) == 1


def test_a_paused_market_takes_cancels(monkeypatch):
    v = venue()
    first, second = (v.create_order("ann", bid("1", "0.40"), None, NOW) for _ in range(2))
    v.life.pause(TICKER, NOW)
    assert v.cancel_order("ann", first.order_id, NOW).reduced_by == 100
    monkeypatch.setattr(choices, "CANCEL_IN_INACTIVE_MARKET", False)
    assert refusal_of(v.cancel_order, "ann", second.order_id, NOW) == choices.INACTIVE_MARKET


def test_cancel_all_takes_every_order_or_those_of_one_subaccount():
    v = venue(market(), market("KXDEMO-26DEC31-B"))
    ann = v.account("ann")
    v.bank.open_subaccount(ann, NOW)
    v.bank.transfer(ann, "t", 0, 1, parse_money("100"), NOW)
    v.create_order("ann", bid("1", "0.40"), None, NOW, subaccount=1)
    v.create_order("ann", bid("1", "0.40"), None, NOW)
    v.create_order("ann", ask("1", "0.60", ticker="KXDEMO-26DEC31-B"), None, NOW)
    v.create_order("bob", bid("1", "0.40"), None, NOW)
    assert v.cancel_all("ann", 1, NOW) == 1
    v.take_outbox()
    assert v.cancel_all("ann", None, NOW) == 2
    assert [each.order.reason for each in told(v, OrderUpdated)] == [None, None]
    assert v.cancel_all("ann", None, NOW) == 0
    assert [len(v.orders(name, status=OrderStatus.RESTING)) for name in ("ann", "bob")] == [0, 1]


def test_cancel_all_leaves_what_a_closed_market_is_about_to_sweep():
    v = venue()
    v.create_order("ann", bid("1", "0.40"), None, NOW)
    assert v.cancel_all("ann", None, CLOSE) == 0


def test_a_client_order_id_may_be_long_but_not_endless():
    v = venue()
    longest = ClientOrderId("x" * choices.CLIENT_ORDER_ID_CHARACTERS_MAX)
    assert v.create_order("ann", bid("1", "0.40"), longest, NOW).client_order_id == longest
    endless = ClientOrderId(longest + "x")
    refused = refusal_of(lambda: v.create_order("ann", bid("1", "0.40"), endless, NOW))
    assert refused == (400, "invalid_parameters")
    assert len(v.orders("ann")) == 1

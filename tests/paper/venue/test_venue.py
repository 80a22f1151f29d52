"""The venue's rules: what may come in, what becomes of it, and what no sequence of requests can break."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.paper.venues import (
    CLOSE,
    NOW,
    STANDARD,
    TICKER,
    WITH_MAKER_FEES,
    ask,
    bid,
    market,
    venue,
)
from traderd.model.ids import ClientOrderId, MarketTicker, OrderId
from traderd.model.market import MarketStatus
from traderd.model.orders import (
    OrderStatus,
    OrderTerms,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from traderd.model.units import (
    NS_PER_S,
    Count,
    Price,
    Timestamp,
    parse_money,
    parse_price,
)
from traderd.paper.venue.fees import FeeSchedule, FeeType
from traderd.paper.venue.messages import LevelChanged, OrderUpdated, VenueRefusal

GTC = TimeInForce.GOOD_TILL_CANCELED
IOC = TimeInForce.IMMEDIATE_OR_CANCEL
FOK = TimeInForce.FILL_OR_KILL
B, A = Side.BID, Side.ASK


def refusal_of(action, *args, **more) -> tuple[int, str, str]:
    with pytest.raises(VenueRefusal) as caught:
        action(*args, **more)
    return caught.value.status, caught.value.code, caught.value.details


# --- what may come in -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (bid("1", "0.5", ticker="KXNONE-1-A"), (404, "market_not_found", "")),
        (bid("1", "0.505"), (400, "invalid_price", "")),
        (bid("1", "0.52", post_only=True), (400, "invalid_order", "post only cross")),
        (bid("2000.01", "0.50"), (400, "insufficient_balance", "")),
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
    assert refusal_of(v.create_order, "ann", terms, ClientOrderId("once"), NOW) == expected
    assert (v.book(TICKER), v.balance("ann")) == before
    assert v.orders("ann") == v.take_outbox() == []
    # The client id was not used up.
    assert v.create_order("ann", bid("1", "0.4"), ClientOrderId("once"), NOW).is_resting


def test_an_unknown_account_is_refused_with_its_name_in_the_code():
    v = venue()
    assert refusal_of(v.create_order, "eve", bid("1", "0.5"), None, NOW) == (
        400,
        "user_not_found:_eve",
        "",
    )


def test_a_client_order_id_is_never_free_again():
    v = venue()
    first = v.create_order("ann", bid("1", "0.4"), ClientOrderId("x"), NOW)
    assert refusal_of(v.create_order, "ann", bid("1", "0.4"), ClientOrderId("x"), NOW)[:2] == (
        409,
        "order_already_exists",
    )
    v.cancel_order("ann", first.order_id, NOW)
    # It proves the first arrival even when nothing else about the order is right any more.
    assert refusal_of(v.create_order, "ann", bid("9999", "0.405"), ClientOrderId("x"), CLOSE)[
        :2
    ] == (409, "order_already_exists")
    assert v.create_order("bob", bid("1", "0.4"), ClientOrderId("x"), NOW).is_resting


def test_two_orders_without_a_client_id_are_both_taken():
    v = venue()
    one, two = (v.create_order("ann", bid("1", "0.4"), None, NOW) for _ in range(2))
    assert one.order_id != two.order_id
    assert v.book(TICKER)[0] == ((4000, 200),)


# --- time in force --------------------------------------------------------------------------------


def test_a_resting_order_is_on_the_book_and_personal_in_its_delta():
    v = venue()
    order = v.create_order("ann", bid("3", "0.47"), ClientOrderId("x"), NOW)
    assert (order.status, order.remaining_count, order.reason) == (OrderStatus.RESTING, 300, None)
    assert v.book(TICKER) == (((4700, 300),), ())
    level, update = v.take_outbox()
    assert level == LevelChanged(
        ticker=TICKER,
        side=B,
        price=Price(4700),
        change=Count(300),
        at=NOW,
        account="ann",
        client_order_id=ClientOrderId("x"),
    )
    assert update.order.order_id == order.order_id


def test_an_immediate_order_with_nothing_to_hit_is_a_success_without_fills():
    v = venue()
    order = v.create_order("ann", bid("3", "0.47", time_in_force=IOC), None, NOW)
    assert (order.status, order.fill_count, order.remaining_count) == (OrderStatus.CANCELED, 0, 0)
    assert order.initial_count == 300
    assert [type(each) for each in v.take_outbox()] == [OrderUpdated]


def test_an_immediate_order_takes_what_is_there_and_cancels_the_rest():
    v = venue()
    v.create_order("bob", ask("2", "0.47"), None, NOW)
    order = v.create_order("ann", bid("3", "0.47", time_in_force=IOC), None, NOW)
    assert (order.status, order.fill_count, order.remaining_count) == (OrderStatus.CANCELED, 200, 0)
    assert v.book(TICKER) == ((), ())


def test_fill_or_kill_fills_over_several_levels_or_not_at_all():
    v = venue()
    v.create_order("bob", ask("2", "0.47"), None, NOW)
    v.create_order("bob", ask("2", "0.48"), None, NOW)
    assert (
        refusal_of(v.create_order, "ann", bid("4", "0.47", time_in_force=FOK), None, NOW)[0] == 409
    )
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


def test_a_post_only_order_that_does_not_cross_rests():
    v = venue()
    v.create_order("bob", ask("2", "0.47"), None, NOW)
    assert v.create_order("ann", bid("4", "0.46", post_only=True), None, NOW).is_resting


def test_reduce_only_is_capped_at_the_position():
    v = venue()
    v.create_order("bob", ask("3", "0.50"), None, NOW)
    v.create_order("ann", bid("3", "0.50"), None, NOW)
    v.create_order("bob", bid("9", "0.45"), None, NOW)
    order = v.create_order("ann", ask("9", "0.45", time_in_force=IOC, reduce_only=True), None, NOW)
    assert (order.fill_count, order.initial_count) == (300, 900)
    assert (order.status, order.reason) == (OrderStatus.CANCELED, "ReduceOnlyCancel")
    assert v.account("ann").count_of(TICKER) == 0


def test_reduce_only_with_nothing_to_reduce_does_nothing():
    v = venue()
    v.create_order("bob", bid("9", "0.45"), None, NOW)
    order = v.create_order("ann", ask("9", "0.45", time_in_force=IOC, reduce_only=True), None, NOW)
    assert (order.status, order.reason) == (OrderStatus.CANCELED, "ReduceOnlyCancel")
    assert v.positions("ann") == ()
    assert v.trades() == []


# --- cancel and time ------------------------------------------------------------------------------


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
    level, update = v.take_outbox()
    assert (level.change, level.account, update.order.status) == (
        -300,
        "ann",
        OrderStatus.CANCELED,
    )


def test_cancels_of_unknown_canceled_executed_and_foreign_orders_look_all_alike():
    v = venue()
    canceled = v.create_order("ann", bid("1", "0.40"), None, NOW)
    v.cancel_order("ann", canceled.order_id, NOW)
    executed = v.create_order("ann", bid("1", "0.40"), None, NOW)
    v.create_order("bob", ask("1", "0.40"), None, NOW)
    foreign = v.create_order("bob", bid("1", "0.40"), None, NOW)
    for order_id in (canceled.order_id, executed.order_id, foreign.order_id, OrderId("none")):
        assert refusal_of(v.cancel_order, "ann", order_id, NOW) == (404, "not_found", "")


def test_an_order_expires_when_its_time_has_come_and_not_before():
    v = venue()
    due = Timestamp(NOW + 10 * NS_PER_S)
    order = v.create_order("ann", bid("1", "0.40", expires_at=due), None, NOW)
    assert v.next_due() == due
    assert v.expire_due(Timestamp(due - 1)) == []
    v.take_outbox()
    (ended,) = v.expire_due(due)
    assert (ended.order_id, ended.status, ended.reason) == (
        order.order_id,
        OrderStatus.CANCELED,
        "ExpiryCancel",
    )
    assert v.book(TICKER)[0] == ()
    assert [type(each) for each in v.take_outbox()] == [LevelChanged, OrderUpdated]
    assert v.next_due() == CLOSE


def test_an_order_that_ended_before_its_expiry_is_left_alone():
    v = venue()
    due = Timestamp(NOW + 10 * NS_PER_S)
    order = v.create_order("ann", bid("1", "0.40", expires_at=due), None, NOW)
    v.cancel_order("ann", order.order_id, NOW)
    v.take_outbox()
    assert v.expire_due(due) == v.take_outbox() == []


def test_after_the_close_everything_is_refused_and_the_book_is_cleared():
    v = venue()
    order = v.create_order("ann", bid("1", "0.40"), None, NOW)
    v.street.add(TICKER, A, Price(5000), Count(100), NOW)
    # Already at the moment of closing, before anybody cleared the book.
    inactive = (400, "market_inactive", "")
    assert refusal_of(v.create_order, "ann", bid("1", "0.4"), None, CLOSE) == inactive
    assert refusal_of(v.cancel_order, "ann", order.order_id, CLOSE) == inactive
    (ended,) = v.expire_due(CLOSE)
    assert (ended.order_id, ended.reason) == (order.order_id, "CloseCancel")
    assert v.market(TICKER).status is MarketStatus.CLOSED
    assert v.book(TICKER) == ((), ())
    assert v.balance("ann").available == parse_money("1000")
    assert v.next_due() is None


# --- money ----------------------------------------------------------------------------------------


def test_the_whole_account_can_be_spent_to_the_cent_and_not_beyond():
    v = venue()
    order = v.create_order("ann", bid("2000", "0.50"), None, NOW)
    assert v.balance("ann").available == 0
    assert refusal_of(v.create_order, "ann", bid("0.01", "0.01"), None, NOW)[1] == (
        "insufficient_balance"
    )
    v.cancel_order("ann", order.order_id, NOW)
    assert v.balance("ann").available == parse_money("1000")


def test_the_worst_fee_has_to_be_there_too():
    v = venue(market(fees=STANDARD))
    # 100 at 0.50 costs 50.00 and a taker's fee of 1.75.
    v.open_account("poor", parse_money("51.74"))
    v.open_account("rich", parse_money("51.75"))
    v.create_order("bob", ask("200", "0.50"), None, NOW)
    assert refusal_of(v.create_order, "poor", bid("100", "0.50"), None, NOW)[1] == (
        "insufficient_balance"
    )
    v.create_order("rich", bid("100", "0.50"), None, NOW)
    assert v.balance("rich").cash == 0


def test_a_resting_order_holds_back_only_the_makers_fee():
    v = venue(market(fees=WITH_MAKER_FEES))
    v.create_order("ann", bid("100", "0.50"), None, NOW)
    assert v.balance("ann").reserved == parse_money("50.4375")


def test_closing_a_position_needs_no_cash():
    v = venue(accounts={"ann": "50", "bob": "1000"})
    v.create_order("bob", ask("100", "0.50"), None, NOW)
    v.create_order("ann", bid("100", "0.50"), None, NOW)
    assert v.balance("ann").available == 0
    assert v.create_order("ann", ask("100", "0.60"), None, NOW).is_resting
    assert refusal_of(v.create_order, "ann", ask("1", "0.60"), None, NOW)[1] == (
        "insufficient_balance"
    )
    v.create_order("bob", bid("100", "0.60"), None, NOW)
    assert v.balance("ann").cash == parse_money("60")
    (position,) = v.positions("ann")
    assert (position.count, position.realized_pnl) == (0, parse_money("10"))


def test_portfolio_value_is_what_closing_now_would_bring():
    v = venue()
    v.create_order("bob", ask("10", "0.50"), None, NOW)
    v.create_order("ann", bid("10", "0.50"), None, NOW)
    # Nobody quotes: the last trade counts.
    assert v.balance("ann").portfolio_value == parse_money("5")
    v.street.add(TICKER, B, Price(4600), Count(100), NOW)
    v.street.add(TICKER, A, Price(5200), Count(100), NOW)
    assert v.balance("ann").portfolio_value == parse_money("4.60")
    assert v.balance("bob").portfolio_value == parse_money("4.80")


@pytest.mark.parametrize(
    ("name", "cash", "status"),
    [("ann", 1, 409), ("street:x", 1, 400), ("", 1, 400), ("x", -1, 400)],
)
def test_accounts_that_cannot_be_opened(name, cash, status):
    v = venue()
    assert refusal_of(v.open_account, name, cash)[0] == status
    assert v.account_ids() == ("ann", "bob")


# --- reads ----------------------------------------------------------------------------------------


def test_orders_fills_and_trades_are_listed_newest_first_and_filtered():
    other = MarketTicker("KXDEMO-26DEC31-B")
    v = venue(market(), market(other))
    v.create_order("bob", ask("9", "0.50"), None, NOW)
    v.create_order("bob", ask("9", "0.50", ticker=other), None, NOW)
    first = v.create_order("ann", bid("1", "0.50"), None, NOW)
    second = v.create_order("ann", bid("2", "0.50", ticker=other), None, NOW)
    third = v.create_order("ann", bid("3", "0.40"), None, NOW)

    def names(orders):
        return [each.order_id for each in orders]

    assert names(v.orders("ann")) == names([third, second, first])
    assert names(v.orders("ann", ticker=TICKER)) == names([third, first])
    assert names(v.orders("ann", status=OrderStatus.RESTING)) == names([third])
    assert names(v.fills("ann")) == names([second, first])
    assert names(v.fills("ann", ticker=TICKER)) == names([first])
    assert names(v.fills("ann", order_id=second.order_id)) == names([second])
    assert [each.count for each in v.trades()] == [200, 100]
    assert [each.count for each in v.trades(TICKER)] == [100]
    assert [each.ticker for each in v.markets()] == [TICKER, other]
    assert refusal_of(v.order, "bob", first.order_id) == (404, "not_found", "")
    assert refusal_of(v.book, "KXNONE") == (404, "market_not_found", "")


def test_what_was_read_does_not_change_later():
    v = venue()
    order = v.create_order("ann", bid("3", "0.40"), None, NOW)
    listed = v.orders("ann")[0]
    v.cancel_order("ann", order.order_id, NOW)
    assert listed.is_resting
    assert order.is_resting


# --- laws -----------------------------------------------------------------------------------------

SECOND = MarketTicker("KXDEMO-26DEC31-B")
ACCOUNTS = ("ann", "bob", "cat")
PRICES = st.integers(35, 65).map(lambda cents: Price(cents * 100))
COUNTS = st.one_of(st.integers(1, 300), st.sampled_from([1, 1_000, 20_000])).map(Count)


EXPECTED_REFUSALS = (
    "invalid_order",
    "insufficient_balance",
    "fill_or_kill_insufficient_resting_volume",
)


class VenueMachine(RuleBasedStateMachine):
    """Accounts and the street do anything in any order, and the books and the money stay right."""

    @initialize(
        multiplier=st.sampled_from([0, 500, 1_000]),
        fee_type=st.sampled_from(list(FeeType)),
    )
    def open(self, multiplier, fee_type):
        fees = FeeSchedule(fee_type=fee_type, multiplier=multiplier)
        self.venue = venue(
            market(fees=fees), market(SECOND, fees=fees), accounts=dict.fromkeys(ACCOUNTS, "100")
        )
        self.money = self.venue.total_money()
        self.now = NOW
        self.levels = {}
        self.numbers = itertools.count()

    @rule(
        name=st.sampled_from(ACCOUNTS),
        ticker=st.sampled_from([TICKER, SECOND]),
        side=st.sampled_from([B, A]),
        price=PRICES,
        count=COUNTS,
        tif=st.sampled_from([GTC, GTC, GTC, IOC, FOK]),
        stp=st.sampled_from(list(SelfTradePrevention)),
        flag=st.sampled_from(["", "", "post_only", "reduce_only", "expires"]),
    )
    def create(self, name, ticker, side, price, count, tif, stp, flag):
        self.now = Timestamp(self.now + 1)
        terms = OrderTerms(
            ticker=ticker,
            side=side,
            price=price,
            count=count,
            time_in_force=tif,
            self_trade_prevention=stp,
            post_only=flag == "post_only",
            reduce_only=flag == "reduce_only" and tif is IOC,
            expires_at=Timestamp(self.now + 3) if flag == "expires" and tif is GTC else None,
        )
        client_id = ClientOrderId(f"c{next(self.numbers)}")
        try:
            order = self.venue.create_order(name, terms, client_id, self.now)
        except VenueRefusal as exc:
            refused_with = exc.code
        else:
            refused_with = None
        if refused_with is not None:
            assert refused_with in EXPECTED_REFUSALS
            return
        assert order.is_resting == (order.remaining_count > 0)
        assert not order.is_resting or tif is GTC
        assert (order.status is OrderStatus.EXECUTED) == (order.fill_count == count)

    @rule(name=st.sampled_from(ACCOUNTS), which=st.integers(0, 10))
    def cancel(self, name, which):
        resting = self.venue.orders(name, status=OrderStatus.RESTING)
        if resting:
            order = resting[which % len(resting)]
            reply = self.venue.cancel_order(name, order.order_id, self.now)
            assert reply.reduced_by == order.remaining_count

    @rule(
        ticker=st.sampled_from([TICKER, SECOND]),
        side=st.sampled_from([B, A]),
        price=PRICES,
        count=COUNTS,
        what=st.sampled_from(["add", "remove", "take"]),
    )
    def street(self, ticker, side, price, count, what):
        getattr(self.venue.street, what)(ticker, side, price, count, self.now)

    @rule(by=st.integers(0, 5))
    def expire(self, by):
        self.now = Timestamp(self.now + by)
        for order in self.venue.expire_due(self.now):
            assert order.expires_at <= self.now

    @invariant()
    def no_money_appears_or_vanishes(self):
        assert self.venue.total_money() == self.money

    @invariant()
    def books_follow_their_broadcasts_and_never_cross(self):
        for each in self.venue.take_outbox():
            if isinstance(each, LevelChanged):
                key = (each.ticker, each.side, each.price)
                self.levels[key] = self.levels.get(key, 0) + each.change
                assert self.levels[key] >= 0
        for ticker in (TICKER, SECOND):
            bids, asks = self.venue.book(ticker)
            assert not bids or not asks or bids[0][0] < asks[0][0]
            for side, levels in ((B, bids), (A, asks)):
                told = {
                    p: size for (t, s, p), size in self.levels.items() if (t, s) == (ticker, side)
                }
                assert dict(levels) == {price: size for price, size in told.items() if size}

    @invariant()
    def positions_and_cash_are_the_sum_of_the_fills(self):
        held = dict.fromkeys((TICKER, SECOND), 0)
        for name in ACCOUNTS:
            account = self.venue.account(name)
            brute = dict.fromkeys(held, 0)
            for fill in account.fills:
                brute[fill.ticker] += fill.side.sign * fill.count
            assert {t: account.count_of(t) for t in brute} == brute
            for ticker, count in brute.items():
                held[ticker] += count
            profit = sum(p.realized_pnl - p.exposure for p in account.positions.values())
            fees = sum(fill.fee for fill in account.fills)
            assert account.cash == parse_money("100") + profit - fees
            assert account.fees_paid == fees
        for ticker, total in held.items():
            street = sum(
                self.venue.account(name).count_of(ticker)
                for name in ("street:makers", "street:takers")
            )
            assert total + street == 0

    @invariant()
    def nobody_owes_more_than_the_dust_of_rounding(self):
        for name in ACCOUNTS:
            account = self.venue.account(name)
            assert account.available >= -100 * len(account.fills)

    @invariant()
    def orders_add_up_and_reservations_are_those_of_the_resting_ones(self):
        for name in ACCOUNTS:
            resting = 0
            for order in self.venue.orders(name):
                fills = self.venue.fills(name, order_id=order.order_id)
                assert order.fill_count == sum(fill.count for fill in fills)
                assert order.fees == sum(fill.fee for fill in fills)
                if order.is_resting:
                    resting += 1
                    assert order.fill_count + order.remaining_count == order.initial_count
            assert resting or not self.venue.balance(name).reserved

    @invariant()
    def open_interest_is_what_the_longs_hold(self):
        names = (*ACCOUNTS, "street:makers", "street:takers")
        for ticker in (TICKER, SECOND):
            longs = sum(max(0, self.venue.account(name).count_of(ticker)) for name in names)
            assert self.venue.market(ticker).open_interest == longs


TestVenueLaws = VenueMachine.TestCase
TestVenueLaws.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)

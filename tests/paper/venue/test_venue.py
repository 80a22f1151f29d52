"""The one door to the exchange: its reads, its clock and its sums."""

from __future__ import annotations

import pytest

from tests.paper.venues import (
    CLOSE,
    NOW,
    TICKER,
    ask,
    bid,
    deal,
    later,
    market,
    refusal_of,
    told,
    venue,
)
from traderd.errors import InvariantViolation
from traderd.model.ids import MarketTicker
from traderd.model.orders import OrderStatus, Side
from traderd.model.units import Count, Money, Price, Timestamp, parse_money, parse_price
from traderd.paper import choices
from traderd.paper.venue.calendar import THURSDAY_PAUSE
from traderd.paper.venue.listings import FeeChange, Result
from traderd.paper.venue.messages import AmendTerms, LevelChanged, OrderUpdated

B, A = Side.BID, Side.ASK
OTHER = MarketTicker("KXDEMO-26DEC31-B")
GONE = (404, "not_found")


def names(orders) -> list[str]:
    return [each.order_id for each in orders]


# --- reads ----------------------------------------------------------------------------------------


def test_an_unknown_account_is_refused_with_its_name_in_the_code():
    v = venue()
    unknown = (400, "user_not_found:_eve")
    assert refusal_of(v.create_order, "eve", bid("1", "0.5"), None, NOW) == unknown
    assert refusal_of(v.balance, "eve") == unknown


def test_orders_fills_and_trades_are_listed_newest_first_and_filtered():
    v = venue(market(), market(OTHER))
    v.create_order("bob", ask("9", "0.50"), None, NOW)
    v.create_order("bob", ask("9", "0.50", ticker=OTHER), None, NOW)
    first = v.create_order("ann", bid("1", "0.50"), None, NOW)
    second = v.create_order("ann", bid("2", "0.50", ticker=OTHER), None, NOW)
    third = v.create_order("ann", bid("3", "0.40"), None, NOW)
    assert names(v.orders("ann")) == names([third, second, first])
    assert names(v.orders("ann", ticker=TICKER)) == names([third, first])
    assert names(v.orders("ann", status=OrderStatus.RESTING)) == names([third])
    assert names(v.fills("ann")) == names([second, first])
    assert names(v.fills("ann", ticker=TICKER)) == names([first])
    assert names(v.fills("ann", order_id=second.order_id)) == names([second])
    assert [each.count for each in v.trades()] == [200, 100]
    assert [each.count for each in v.trades(TICKER)] == [100]


def test_orders_fills_and_positions_can_be_those_of_one_subaccount():
    v = venue()
    ann = v.account("ann")
    v.bank.open_subaccount(ann, NOW)
    v.bank.transfer(ann, "t", 0, 1, parse_money("100"), NOW)
    v.create_order("bob", ask("9", "0.50"), None, NOW)
    main = v.create_order("ann", bid("1", "0.50"), None, NOW)
    sub = v.create_order("ann", bid("2", "0.50"), None, NOW, subaccount=1)
    assert names(v.orders("ann")) == names(v.fills("ann")) == names([sub, main])
    assert names(v.orders("ann", subaccount=1)) == names([sub])
    assert names(v.fills("ann", subaccount=0)) == names([main])
    assert [each.count for each in v.positions("ann")] == [100]
    assert [each.count for each in v.positions("ann", 1)] == [200]
    assert [(each.subaccount, each.count) for each in v.positions("ann", None)] == [
        (0, 100),
        (1, 200),
    ]
    assert refusal_of(v.positions, "ann", 2) == (400, "invalid_parameters")


def test_listings_come_in_the_order_they_were_made():
    v = venue(market(), market(OTHER), market("KXELSE-27JAN31-C"))
    assert [each.ticker for each in v.markets()] == [TICKER, OTHER, "KXELSE-27JAN31-C"]
    assert [each.ticker for each in v.events()] == ["KXDEMO-26DEC31", "KXELSE-27JAN31"]
    assert [each.ticker for each in v.series()] == ["KXDEMO", "KXELSE"]
    assert v.event("KXDEMO-26DEC31").series_ticker == v.one_series("KXDEMO").ticker
    assert v.account_ids() == ("ann", "bob")


def test_what_is_not_there_is_refused_with_its_code():
    v = venue()
    order = v.create_order("ann", bid("1", "0.40"), None, NOW)
    assert refusal_of(v.order, "bob", order.order_id) == GONE
    assert refusal_of(v.book, "KXNONE") == (404, "market_not_found")
    assert refusal_of(v.market, "KXNONE") == (404, "market_not_found")
    assert refusal_of(v.event, "KXNONE") == refusal_of(v.one_series, "KXNONE") == GONE


def test_the_replies_are_snapshots_that_do_not_change_later():
    v = venue()
    order = v.create_order("ann", bid("3", "0.40"), None, NOW)
    read = v.order("ann", order.order_id)
    amended = v.amend_order(
        "ann",
        order.order_id,
        AmendTerms(ticker=TICKER, side=B, price=parse_price("0.41"), count=Count(300)),
        NOW,
    )
    canceled = v.cancel_order("ann", order.order_id, NOW)
    assert order.is_resting
    assert read.is_resting
    assert (amended.before.price, amended.order.price) == (4000, 4100)
    assert amended.order.is_resting
    assert not canceled.order.is_resting


def test_a_book_lists_both_sides_best_first():
    v = venue()
    for price in ("0.40", "0.42", "0.41"):
        v.create_order("ann", bid("1", price), None, NOW)
    for price in ("0.52", "0.50", "0.51"):
        v.create_order("bob", ask("1", price), None, NOW)
    bids, asks = v.book(TICKER)
    assert [price for price, _ in bids] == [4200, 4100, 4000]
    assert [price for price, _ in asks] == [5000, 5100, 5200]


# --- queue positions ------------------------------------------------------------------------------


def test_a_queue_position_counts_everything_that_trades_first(monkeypatch):
    v = venue(accounts={"ann": "1000", "bob": "1000", "cat": "1000"})
    v.street.add(TICKER, B, Price(4100), Count(500), NOW)
    v.create_order("bob", bid("2", "0.40"), None, NOW)
    mine = v.create_order("ann", bid("3", "0.40"), None, NOW)
    v.create_order("bob", bid("9", "0.40"), None, NOW)
    assert v.queue_place("ann", mine.order_id).ahead == 700
    monkeypatch.setattr(choices, "QUEUE_COUNTS_BETTER_PRICES", False)
    assert v.queue_place("ann", mine.order_id).ahead == 200
    v.create_order("cat", ask("6", "0.40"), None, NOW)
    assert v.queue_place("ann", mine.order_id).ahead == 100


def test_an_ask_queues_behind_lower_prices_and_an_order_that_ended_has_no_place():
    v = venue()
    v.create_order("bob", ask("2", "0.60"), None, NOW)
    mine = v.create_order("ann", ask("3", "0.61"), None, NOW)
    place = v.queue_place("ann", mine.order_id)
    assert (place.ahead, place.ticker, place.order_id) == (200, TICKER, mine.order_id)
    v.cancel_order("ann", mine.order_id, NOW)
    assert refusal_of(v.queue_place, "ann", mine.order_id) == GONE
    assert refusal_of(v.queue_place, "ann", "none") == GONE


# --- money ----------------------------------------------------------------------------------------


def test_portfolio_value_is_what_closing_now_would_bring():
    v = venue()
    deal(v, "ann", "bob", "10", "0.50")
    # Nobody quotes: the last trade counts.
    assert v.balance("ann").portfolio_value == parse_money("5")
    v.street.add(TICKER, B, Price(4600), Count(100), NOW)
    v.street.add(TICKER, A, Price(5200), Count(100), NOW)
    assert v.balance("ann").portfolio_value == parse_money("4.60")
    assert v.balance("bob").portfolio_value == parse_money("4.80")


def test_a_determined_position_is_worth_what_it_will_be_paid():
    v = venue()
    deal(v, "ann", "bob", "10", "0.50")
    v.life.determine(TICKER, Result.SCALAR, parse_price("0.80"), NOW)
    assert v.balance("ann").portfolio_value == parse_money("8")
    assert v.balance("bob").portfolio_value == parse_money("2")


def test_all_money_is_what_was_paid_in_and_a_missing_cent_is_noticed():
    v = venue()
    deal(v, "ann", "bob", "10", "0.50")
    v.bank.deposit(v.account("ann"), parse_money("5"), NOW)
    assert v.total_money() == v.floor.paid_in == parse_money("2005")
    v.check_money()
    wallet = v.account("ann").main
    wallet.cash = Money(wallet.cash - 1)
    with pytest.raises(InvariantViolation, match="2004999999 and was paid 2005000000"):
        v.check_money()


# --- the clock ------------------------------------------------------------------------------------


def test_an_order_expires_when_its_time_has_come_and_not_before():
    v = venue()
    v.advance(NOW)
    order = v.create_order("ann", bid("1", "0.40", expires_at=later(10)), None, NOW)
    assert v.next_due() == later(10)
    assert v.advance(Timestamp(later(10) - 1)) == []
    v.take_outbox()
    (ended,) = v.advance(later(10))
    assert (ended.order_id, ended.status) == (order.order_id, OrderStatus.CANCELED)
    assert ended.reason == "ExpiryCancel"
    assert v.book(TICKER)[0] == ()
    news = told(v, LevelChanged, OrderUpdated)
    assert [type(each) for each in news] == [LevelChanged, OrderUpdated]
    assert v.next_due() == CLOSE


def test_an_order_that_ended_or_moved_its_expiry_is_left_alone():
    v = venue()
    gone, moved = (
        v.create_order("ann", bid("1", "0.40", expires_at=later(10)), None, NOW) for _ in range(2)
    )
    v.cancel_order("ann", gone.order_id, NOW)
    terms = AmendTerms(
        ticker=TICKER, side=B, price=parse_price("0.40"), count=Count(100), expires_at=later(20)
    )
    v.amend_order("ann", moved.order_id, terms, NOW)
    v.take_outbox()
    assert v.advance(later(10)) == v.take_outbox() == []
    assert names(v.advance(later(20))) == names([moved])


def test_orders_expire_in_the_order_of_their_times_also_during_a_pause():
    v = venue()
    late, early = (
        v.create_order("ann", bid("1", "0.40", expires_at=later(seconds)), None, NOW)
        for seconds in (20, 10)
    )
    v.pauses.begin(NOW, whole_exchange=True)
    assert names(v.advance(later(30))) == names([early, late])


def test_the_next_thing_due_is_the_earliest_of_all():
    v = venue(pauses=[THURSDAY_PAUSE])
    assert v.next_due() == 0
    v.advance(NOW)
    thursday = v.pauses.next_edge
    assert thursday is not None
    assert v.next_due() == min(thursday, CLOSE)
    change = FeeChange(
        change_id="c", series_ticker="KXDEMO", event_ticker=None, fees=None, due=later(30)
    )
    v.fee_calendar.schedule(change)
    assert v.next_due() == later(30)
    v.create_order("ann", bid("1", "0.40", expires_at=later(10)), None, NOW)
    assert v.next_due() == later(10)

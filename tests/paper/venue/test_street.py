"""Anonymous liquidity: joins, leaves and takes without names, fees or private news."""

from __future__ import annotations

import pytest

from tests.paper.venues import CLOSE, NOW, TICKER, ask, bid, refusal_of, told, venue
from traderd.model.orders import Side
from traderd.model.units import Count, Price, parse_money
from traderd.paper.venue.messages import LevelChanged, QuoteChanged, TradeHappened
from traderd.paper.venue.venue import Venue

B, A = Side.BID, Side.ASK


def test_street_contracts_of_one_level_are_one_order_until_somebody_stands_between():
    v = venue()
    for _ in range(5):
        assert v.street.add(TICKER, B, Price(4700), Count(100), NOW) == 100
    assert v.book_of(TICKER).order_count() == 1
    v.create_order("ann", bid("1", "0.47"), None, NOW)
    v.street.add(TICKER, B, Price(4700), Count(100), NOW)
    assert v.book_of(TICKER).order_count() == 3
    assert v.street.size(TICKER, B, Price(4700)) == 600
    assert v.book(TICKER)[0] == ((4700, 700),)


def test_the_last_street_contracts_leave_first_so_an_account_advances_only_by_trades():
    v = venue()
    v.street.add(TICKER, B, Price(4700), Count(500), NOW)
    v.create_order("ann", bid("1", "0.47"), None, NOW)
    v.street.add(TICKER, B, Price(4700), Count(300), NOW)
    assert v.street.remove(TICKER, B, Price(4700), Count(400), NOW) == 400
    queue = v.book_of(TICKER).queue_at(B, Price(4700))
    assert [(each.account_id, each.remaining_count) for each in queue] == [
        ("street:makers", 400),
        ("ann", 100),
    ]
    assert v.street.remove(TICKER, B, Price(4700), Count(9_999), NOW) == 400
    assert v.book(TICKER)[0] == ((4700, 100),)


def test_the_street_does_not_cross_the_book_when_it_quotes():
    v = venue()
    v.create_order("ann", ask("1", "0.50"), None, NOW)
    assert v.street.add(TICKER, B, Price(5000), Count(100), NOW) == 0
    assert v.street.add(TICKER, B, Price(4900), Count(0), NOW) == 0
    assert v.book(TICKER)[0] == ()


def test_a_take_trades_in_priority_order_and_stops_at_its_limit():
    v = venue()
    v.street.add(TICKER, A, Price(5000), Count(100), NOW)
    v.create_order("ann", ask("1", "0.50"), None, NOW)
    v.street.add(TICKER, A, Price(5100), Count(500), NOW)
    v.take_outbox()
    assert v.street.take(TICKER, B, Price(5000), Count(900), NOW) == 200
    assert v.account("ann").main.count_of(TICKER) == -100
    assert v.book(TICKER)[1] == ((5100, 500),)
    trades = told(v, TradeHappened)
    assert [(each.trade.price, each.trade.count) for each in trades] == [(5000, 100), (5000, 100)]


def test_the_street_hears_nothing_but_levels_and_trades_and_is_in_the_sum_of_money():
    v = venue()
    v.street.add(TICKER, A, Price(5000), Count(100), NOW)
    v.street.take(TICKER, B, Price(5000), Count(50), NOW)
    assert {type(each) for each in v.take_outbox()} == {LevelChanged, TradeHappened, QuoteChanged}
    assert v.account("street:takers").main.cash == -250_000
    assert v.total_money() == parse_money("2000")
    assert v.account_ids() == ("ann", "bob")


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        (lambda v: v.life.close(TICKER, NOW), (400, "market_inactive")),
        (lambda v: v.life.pause(TICKER, NOW), (409, "trading_is_paused")),
        (lambda v: v.pauses.begin(NOW), (409, "trading_is_paused")),
        (lambda v: v.pauses.begin(NOW, whole_exchange=True), (409, "exchange_is_paused")),
    ],
)
def test_the_street_neither_quotes_nor_takes_where_nobody_else_may(stop, expected):
    v: Venue = venue()
    v.create_order("ann", bid("1", "0.47"), None, NOW)
    stop(v)
    assert refusal_of(v.street.add, TICKER, B, Price(4600), Count(100), NOW) == expected
    assert refusal_of(v.street.take, TICKER, A, Price(4700), Count(100), NOW) == expected
    assert v.trades() == []


def test_the_street_neither_quotes_off_the_grid_nor_acts_from_the_close_on():
    v = venue()
    off = (v.street.add, TICKER, B, Price(4750), Count(100), NOW)
    assert refusal_of(*off) == (400, "invalid_price")
    for act in (v.street.add, v.street.take):
        late = (act, TICKER, B, Price(4700), Count(100), CLOSE)
        assert refusal_of(*late) == (400, "market_inactive")

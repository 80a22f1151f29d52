"""Tickers, told once a turn, and the minutes that candles are made of."""

from __future__ import annotations

from tests.paper.venues import NOW, TICKER, ask, bid, deal, later, told, venue
from traderd.model.orders import Side
from traderd.model.units import NS_PER_S, Count, Price, Timestamp, parse_money
from traderd.paper.venue import quotes
from traderd.paper.venue.listings import Result
from traderd.paper.venue.messages import QuoteChanged
from traderd.paper.venue.quotes import Bar, bar, minute_of

START_S = NOW // NS_PER_S
assert START_S % 60 == 0


def prices(of: Bar | None) -> tuple[Price, Price, Price, Price] | None:
    return None if of is None else (of.open, of.low, of.high, of.close)


# --- tickers --------------------------------------------------------------------------------------


def test_a_ticker_shows_the_touch_the_last_trade_and_the_counters():
    v = venue()
    deal(v, "ann", "bob", "4", "0.50")
    v.create_order("ann", bid("3", "0.47"), None, NOW)
    v.create_order("bob", ask("2", "0.52"), None, later(1))
    (shown,) = told(v, QuoteChanged)
    assert (shown.bid, shown.ask) == ((4700, 300), (5200, 200))
    assert (shown.last_price, shown.last_count) == (5000, 400)
    assert (shown.volume, shown.open_interest) == (400, 400)
    assert (shown.dollar_volume, shown.at) == (parse_money("2"), later(1))
    assert v.quote(TICKER) is shown


def test_any_change_of_the_touch_is_told_and_a_deeper_level_is_not():
    v = venue()
    v.create_order("ann", bid("3", "0.47"), None, NOW)
    assert len(told(v, QuoteChanged)) == 1
    v.create_order("ann", bid("3", "0.46"), None, NOW)
    assert told(v, QuoteChanged) == []
    v.create_order("ann", bid("1", "0.47"), None, NOW)
    assert [each.bid for each in told(v, QuoteChanged)] == [(4700, 400)]


def test_a_trade_that_leaves_the_touch_as_it_was_is_told_by_its_volume():
    v = venue()
    v.create_order("bob", ask("4", "0.50"), None, NOW)
    v.take_outbox()
    v.create_order("ann", bid("4", "0.50"), None, NOW)
    v.create_order("bob", ask("4", "0.50"), None, NOW)
    (shown,) = told(v, QuoteChanged)
    assert (shown.ask, shown.volume) == ((5000, 400), 400)


def test_settling_leaves_the_ticker_as_it_was():
    v = venue()
    deal(v, "ann", "bob", "4", "0.50")
    v.life.determine(TICKER, Result.YES, None, NOW)
    v.take_outbox()
    v.life.finalize(TICKER, NOW)
    assert told(v, QuoteChanged) == []
    quote = v.quote(TICKER)
    assert quote is not None
    assert quote.open_interest == 400


def test_a_market_where_nothing_happened_shows_nothing():
    assert venue().quote(TICKER) is None


def test_who_asks_for_a_quote_gets_what_is_pending_too():
    v = venue()
    v.create_order("ann", bid("3", "0.47"), None, NOW)
    quote = v.quote(TICKER)
    assert quote is not None
    assert quote.bid == (4700, 300)
    assert told(v, QuoteChanged) == [quote]


# --- minutes --------------------------------------------------------------------------------------


def test_the_end_of_a_minute_belongs_to_it():
    assert minute_of(NOW) == START_S
    assert minute_of(Timestamp(NOW + 1)) == START_S + 60
    assert minute_of(later(60)) == START_S + 60


def test_a_bar_keeps_open_low_high_and_close():
    seen = bar(Price(50))
    for price in (40, 60, 45):
        seen.see(Price(price))
    assert prices(seen) == (50, 40, 60, 45)


def test_trades_of_one_minute_make_one_candle():
    v = venue()
    for second, (count, price) in enumerate(
        [("1", "0.50"), ("2", "0.48"), ("3", "0.53"), ("4", "0.51")], start=1
    ):
        v.create_order("bob", ask(count, price), None, later(second))
        v.create_order("ann", bid(count, price), None, later(second))
        v.take_outbox()
    (minute,) = v.minutes(TICKER)
    assert minute.ends_s == START_S + 60
    assert prices(minute.price) == (5000, 4800, 5300, 5100)
    assert (minute.volume, minute.open_interest) == (1000, 1000)
    assert minute.notional == parse_money("5.09")
    assert minute.previous is None


def test_quotes_open_with_what_stood_at_the_minutes_beginning():
    v = venue()
    v.street.add(TICKER, Side.BID, Price(4700), Count(100), NOW)
    v.street.add(TICKER, Side.ASK, Price(5200), Count(100), NOW)
    v.take_outbox()
    for second, price in ((61, 4800), (62, 4900)):
        v.street.add(TICKER, Side.BID, Price(price), Count(100), later(second))
        v.take_outbox()
    first, second = v.minutes(TICKER)
    assert first.ends_s == START_S
    assert prices(second.bid) == (4700, 4700, 4900, 4900)
    assert prices(second.ask) == (5200, 5200, 5200, 5200)
    assert second.price is None


def test_an_empty_side_counts_as_zero_or_a_dollar():
    v = venue()
    order = v.create_order("ann", bid("1", "0.40"), None, NOW)
    v.take_outbox()
    v.cancel_order("ann", order.order_id, later(61))
    v.take_outbox()
    first, second = v.minutes(TICKER)
    assert prices(first.bid) == (0, 0, 4000, 4000)
    assert prices(first.ask) == (10_000,) * 4
    assert prices(second.bid) == (4000, 0, 4000, 0)


def test_a_minute_knows_the_last_price_before_it():
    v = venue()
    deal(v, "ann", "bob", "1", "0.50")
    v.take_outbox()
    v.create_order("bob", ask("1", "0.55"), None, later(300))
    v.create_order("ann", bid("1", "0.55"), None, later(300))
    v.take_outbox()
    assert [each.previous for each in v.minutes(TICKER)] == [None, 5000]
    assert [each.ends_s for each in v.minutes(TICKER)] == [START_S, START_S + 300]


def test_a_quiet_minute_leaves_nothing_and_old_ones_go(monkeypatch):
    monkeypatch.setattr(quotes, "MINUTES_KEPT", 2)
    v = venue()
    for minute in (1, 2, 5):
        v.street.add(TICKER, Side.BID, Price(4700), Count(100), later(60 * minute))
        v.take_outbox()
    assert [each.ends_s for each in v.minutes(TICKER)] == [START_S + 120, START_S + 300]


def test_a_quote_that_did_not_change_is_not_told():
    v = venue()
    v.create_order("ann", bid("1", "0.40"), None, NOW)
    v.take_outbox()
    v.create_order("ann", bid("1", "0.30"), None, NOW)
    assert told(v, QuoteChanged) == []

"""Where periods end, and what candles show, with periods in which nothing happened."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.paper.venues import NOW, TICKER, ask, bid, venue
from traderd.model.units import NS_PER_S, Count, Money, Price, Timestamp
from traderd.paper.venue.candles import (
    DAY,
    HOUR,
    INTERVALS,
    candles_of,
    end_after,
    end_by,
    end_of,
    minute_before,
    span_of,
)
from traderd.paper.venue.quotes import Bar, Minute

START_S = NOW // NS_PER_S
"""A whole hour, so also a whole minute."""


def seconds(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def minute(ends_s: int, *, bid: int = 4000, trades: tuple[tuple[int, int], ...] = (), before=None):
    prices = [price for price, _ in trades]
    bar = None
    if prices:
        bar = Bar(open=prices[0], low=min(prices), high=max(prices), close=prices[-1])
    return Minute(
        ticker=TICKER,
        ends_s=ends_s,
        bid=Bar(open=Price(bid), low=Price(bid), high=Price(bid), close=Price(bid)),
        ask=Bar(open=Price(6000), low=Price(6000), high=Price(6000), close=Price(6000)),
        price=bar,
        notional=Money(sum(price * count for price, count in trades)),
        volume=Count(sum(count for _, count in trades)),
        open_interest=Count(100),
        previous=None if before is None else Price(before),
    )


def candles(minutes, interval, start_s, end_s, *, until_s=10**10):
    span = span_of(minutes, interval, start_s=start_s, end_s=end_s, until_s=until_s)
    return [] if span is None else list(candles_of(minutes, span))


def test_an_end_belongs_to_the_period_that_it_ends():
    assert end_of(START_S, 1) == end_of(START_S, HOUR) == START_S
    assert end_of(START_S + 1, 1) == START_S + 60
    assert end_of(START_S + 1, HOUR) == START_S + 3600
    assert end_by(START_S + 59, 1) == START_S


def test_days_end_at_midnight_in_new_york():
    # A daily candle of a public capture.
    captured = 1_789_963_200
    assert end_of(captured, DAY) == captured
    assert end_of(captured - 1, DAY) == captured
    assert end_of(captured + 1, DAY) == seconds("2026-09-22 04:00") == end_after(captured, DAY)


@pytest.mark.parametrize(
    ("day", "following", "hours"),
    [("2026-03-08 05:00", "2026-03-09 04:00", 23), ("2026-11-01 04:00", "2026-11-02 05:00", 25)],
)
def test_the_days_of_a_clock_change_are_shorter_and_longer(day, following, hours):
    assert end_after(seconds(day), DAY) == seconds(following)
    assert seconds(following) - seconds(day) == hours * 3600


@given(st.integers(0, 10**10), st.sampled_from(INTERVALS))
def test_every_moment_lies_in_one_period(moment, interval):
    end = end_of(moment, interval)
    assert end_by(end, interval) == end
    assert end_by(end - 1, interval) < moment <= end or moment == end == end_by(moment, interval)
    assert end_after(end_by(end - 1, interval), interval) == end


def test_minutes_of_an_hour_become_one_candle():
    minutes = [
        minute(START_S + 60, bid=3000, trades=((3500, 100), (3700, 300)), before=3300),
        minute(START_S + 120, bid=3900),
        minute(START_S + 3600, bid=3600, trades=((3400, 100),), before=3700),
    ]
    (candle,) = candles(minutes, HOUR, START_S + 1, START_S + 3600)
    assert candle.ends_s == START_S + 3600
    assert (candle.bid.open, candle.bid.low, candle.bid.high, candle.bid.close) == (
        3000,
        3000,
        3900,
        3600,
    )
    assert candle.price is not None
    assert (candle.price.open, candle.price.low, candle.price.high, candle.price.close) == (
        3500,
        3400,
        3700,
        3400,
    )
    assert (candle.previous, candle.volume, candle.open_interest) == (3300, 500, 100)
    # 35 + 111 + 34 cents over 5 contracts.
    assert candle.mean == 3600


def test_periods_without_a_change_show_the_standing_quotes_and_no_price():
    minutes = [
        minute(START_S, trades=((4500, 100),)),
        minute(START_S + 180, bid=4400, before=4500),
    ]
    told = candles(minutes, 1, START_S - 600, START_S + 240)
    assert [candle.ends_s - START_S for candle in told] == [0, 60, 120, 180, 240]
    assert [candle.bid.close for candle in told] == [4000, 4000, 4000, 4400, 4400]
    assert [candle.price is None for candle in told] == [False, True, True, True, True]
    assert [candle.previous for candle in told] == [None, 4500, 4500, 4500, 4500]
    assert [candle.volume for candle in told] == [100, 0, 0, 0, 0]


def test_the_bounds_are_included_and_nothing_is_told_of_the_future():
    minutes = [minute(START_S)]
    at = START_S + 120
    assert [c.ends_s for c in candles(minutes, 1, at, at)] == [at]
    assert candles(minutes, 1, at + 1, at + 59) == []
    told = candles(minutes, 1, at, at + 600, until_s=at + 61)
    assert [c.ends_s for c in told] == [at, at + 60, at + 120]
    assert candles([], 1, at, at) == []
    assert candles(minutes, 1, 0, START_S - 1) == []


def test_the_last_minute_before_a_moment():
    minutes = [minute(START_S), minute(START_S + 60)]
    assert minute_before(minutes, START_S) is None
    assert minute_before(minutes, START_S + 60) is minutes[0]
    assert minute_before(minutes, START_S + 61) is minutes[1]


@given(
    st.lists(st.integers(0, 3000), min_size=1, max_size=20, unique=True),
    st.sampled_from(INTERVALS),
    st.integers(0, 200_000),
    st.integers(0, 400_000),
)
def test_a_span_counts_its_candles_and_no_volume_is_lost(offsets, interval, before_s, length_s):
    minutes = [minute(START_S + 60 * each, trades=((4000, 100),)) for each in sorted(offsets)]
    start_s = START_S - before_s
    span = span_of(minutes, interval, start_s=start_s, end_s=start_s + length_s, until_s=10**10)
    if span is None:
        return
    told = list(candles_of(minutes, span))
    assert len(told) == span.count
    begins = end_by(span.first_s - 1, interval)
    inside = [each for each in minutes if begins < each.ends_s <= span.last_s]
    assert sum(candle.volume for candle in told) == 100 * len(inside)


def test_the_venues_own_minutes_make_candles():
    built = venue()
    built.create_order("ann", bid("10", "0.40"), None, NOW)
    built.take_outbox()
    later = Timestamp(NOW + 30 * NS_PER_S)
    built.create_order("bob", ask("4", "0.40"), None, later)
    built.take_outbox()
    first, second = candles(built.minutes(TICKER), 1, START_S, START_S + 60)
    assert (first.bid.open, first.bid.close, first.price) == (0, 4000, None)
    assert (second.volume, second.mean, second.open_interest) == (400, 4000, 400)
    assert built.minutes(TICKER)[-1].volume_so_far == 400
    at = built.minute_at(TICKER, Timestamp((START_S + 59) * NS_PER_S))
    assert at is not None
    assert at.ends_s == START_S
    assert built.minute_at(TICKER, Timestamp(NOW - 1)) is None
    assert built.minute_at(TICKER, Timestamp(NOW + 10**15)) == built.minutes(TICKER)[-1]

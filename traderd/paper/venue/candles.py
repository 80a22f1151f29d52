"""Candlesticks: a market's minutes put together to minutes, hours and days.

Owns: where periods end, and what a period shows, also one in which nothing happened. Hours end on the hour, days
at midnight in New York.
Must not: know the wire, or keep anything.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from traderd.model.units import Count, Money, Price
from traderd.paper import choices
from traderd.paper.venue.calendar import MINUTES_PER_DAY, eastern_midnight
from traderd.paper.venue.quotes import MINUTE_S, Bar, Minute, bar

HOUR: Final = 60
DAY: Final = MINUTES_PER_DAY
INTERVALS: Final = (1, HOUR, DAY)
"""The periods there are, in minutes.  Kalshi: `period_interval`."""
_DAY_S: Final = DAY * MINUTE_S
_DAY_AND_A_HALF_S: Final = _DAY_S + _DAY_S // 2
"""From a midnight to somewhere in the day after it, also where that day has 23 or 25 hours."""


@attrs.frozen(kw_only=True)
class Candle:
    """One market's period."""

    ends_s: int
    """Unix seconds, included."""
    bid: Bar
    ask: Bar
    """YES prices; 0 and $1 stand for an empty side."""
    price: Bar | None = None
    """Of trades; None without any."""
    mean: Price | None = None
    """Price of a contract on average over its trades, half up."""
    previous: Price | None = None
    """The last trade's price before it."""
    volume: Count = Count(0)
    open_interest: Count = Count(0)
    """At its end."""


@attrs.frozen(kw_only=True)
class Span:
    """Periods one after another, from the one that ends at `first_s` to the one that ends at `last_s`."""

    interval: int
    first_s: int
    last_s: int

    @property
    def count(self) -> int:
        """How many periods that is."""
        length_s = self.interval * MINUTE_S
        # Half a period more, because a day can be an hour shorter or longer.
        return (self.last_s - self.first_s + length_s // 2) // length_s + 1

    def ends(self) -> Iterator[int]:
        """Yield the end of each period."""
        at = self.first_s
        while at <= self.last_s:
            yield at
            at = end_after(at, self.interval)


def end_of(seconds: int, interval: int) -> int:
    """Return when the period ends that a moment belongs to; an end belongs to the period that it ends."""
    begins = end_by(seconds, interval)
    return begins if begins == seconds else end_after(begins, interval)


def end_by(seconds: int, interval: int) -> int:
    """Return the last end of a period that is not after a moment."""
    if interval == DAY and choices.DAYS_END_IN_NEW_YORK:
        return eastern_midnight(seconds)
    return seconds - seconds % (interval * MINUTE_S)


def end_after(end: int, interval: int) -> int:
    """Return the end of the period after the one that ends at `end`."""
    if interval == DAY:
        return end_by(end + _DAY_AND_A_HALF_S, DAY)
    return end + interval * MINUTE_S


def span_of(
    minutes: Sequence[Minute], interval: int, *, start_s: int, end_s: int, until_s: int
) -> Span | None:
    """Return the periods that end from `start_s` to `end_s` and that a market has something to show of.

    Args:
        minutes: the market's, oldest first.
        interval: one of INTERVALS.
        start_s: Unix seconds, included.
        end_s: Unix seconds, included.
        until_s: when it stopped changing, or now; the period of that moment is the last.
    """
    if not minutes:
        return None
    first = max(end_of(start_s, interval), end_of(minutes[0].ends_s, interval))
    last = min(end_by(end_s, interval), end_of(until_s, interval))
    return Span(interval=interval, first_s=first, last_s=last) if first <= last else None


def candles_of(minutes: Sequence[Minute], span: Span) -> Iterator[Candle]:
    """Yield one candle for each period; one without a change shows the standing quotes and no price."""
    begins = end_by(span.first_s - 1, span.interval)
    at = bisect_left(minutes, begins + 1, key=_ends_s)
    for ends_s in span.ends():
        after = bisect_left(minutes, ends_s + 1, lo=at, key=_ends_s)
        if after > at:
            yield _busy(minutes[at:after], ends_s)
        else:
            yield quiet(minutes[at - 1], ends_s)
        at = after


def minute_before(minutes: Sequence[Minute], start_s: int) -> Minute | None:
    """Return the last minute that ended before a moment."""
    before = bisect_left(minutes, start_s, key=_ends_s)
    return minutes[before - 1] if before else None


def quiet(before: Minute, ends_s: int) -> Candle:
    """Return a period in which nothing happened after `before`."""
    return Candle(
        ends_s=ends_s,
        bid=bar(before.bid.close),
        ask=bar(before.ask.close),
        previous=before.last_price,
        open_interest=before.open_interest,
    )


def _busy(minutes: Sequence[Minute], ends_s: int) -> Candle:
    volume = Count(sum(minute.volume for minute in minutes))
    notional = Money(sum(minute.notional for minute in minutes))
    prices = [minute.price for minute in minutes if minute.price is not None]
    return Candle(
        ends_s=ends_s,
        bid=_over([minute.bid for minute in minutes]),
        ask=_over([minute.ask for minute in minutes]),
        price=_over(prices) if prices else None,
        mean=Price((2 * notional + volume) // (2 * volume)) if volume else None,
        previous=minutes[0].previous,
        volume=volume,
        open_interest=minutes[-1].open_interest,
    )


def _over(bars: Sequence[Bar]) -> Bar:
    return Bar(
        open=bars[0].open,
        low=min(each.low for each in bars),
        high=max(each.high for each in bars),
        close=bars[-1].close,
    )


def _ends_s(minute: Minute) -> int:
    return minute.ends_s

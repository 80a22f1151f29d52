"""What a market looks like from outside: its ticker, and its candles of one minute.

Owns: when a ticker has changed, and the minutes that candlesticks are made of. Quotes are looked at once per turn
of the venue, trades one by one.
Must not: change a market or a book.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from typing import Final

import attrs

from traderd.model.ids import MarketTicker
from traderd.model.orders import Side
from traderd.model.units import NS_PER_S, ONE_DOLLAR, Count, Money, Price, Timestamp
from traderd.paper.venue.kept import Record
from traderd.paper.venue.listings import VenueMarket
from traderd.paper.venue.matching import MarketBook
from traderd.paper.venue.messages import QuoteChanged
from traderd.paper.venue.records import Trade

MINUTE_S: Final = 60
MINUTES_KEPT: Final = 14 * 24 * 60
"""Bounds the candles of one market: two weeks in which every minute saw a change, about 5 MB."""


class Bar(Record, kw_only=True, eq=False, gc=False):
    """Open, low, high and close of one price."""

    open: Price
    low: Price
    high: Price
    close: Price

    def see(self, price: Price) -> None:
        """Take one more price in."""
        self.close = price
        if price < self.low:
            self.low = price
        elif price > self.high:
            self.high = price


def bar(price: Price) -> Bar:
    """Return a bar that has seen one price."""
    return Bar(open=price, low=price, high=price, close=price)


class Minute(Record, kw_only=True, eq=False, gc=False):
    """One market's minute in which something changed; minutes without a change are not kept."""

    ticker: MarketTicker
    ends_s: int
    """Unix seconds of its last moment, a whole minute."""
    bid: Bar
    ask: Bar
    """YES prices; 0 and $1 stand for an empty side."""
    price: Bar | None = None
    """Of trades; None without any."""
    notional: Money = Money(0)
    """Sum of price times count over its trades."""
    volume: Count = Count(0)
    volume_so_far: Count = Count(0)
    """Of the market's whole life, at the end of the minute."""
    open_interest: Count = Count(0)
    previous: Price | None = None
    """The last trade's price before this minute."""

    @property
    def last_price(self) -> Price | None:
        """The last trade's price at its end."""
        return self.previous if self.price is None else self.price.close


def minute_of(at: Timestamp) -> int:
    """Return the end of the minute that a moment belongs to, in Unix seconds; the end itself is included."""
    return -(-at // (MINUTE_S * NS_PER_S)) * MINUTE_S


@attrs.define(eq=False)
class Quotes:
    """Tickers and minutes of all markets."""

    shown: dict[MarketTicker, QuoteChanged] = attrs.field(factory=dict)
    """What each ticker showed last."""
    minutes: dict[MarketTicker, deque[Minute]] = attrs.field(factory=dict)
    """Oldest first; made on first use."""

    def look(self, market: VenueMarket, book: MarketBook, now: Timestamp) -> QuoteChanged | None:
        """Return the ticker if any of its fields changed since the last look."""
        bid, ask = book.touch(Side.BID), book.touch(Side.ASK)
        last = self.shown.get(market.ticker)
        if (
            last is not None
            and last.bid == bid
            and last.ask == ask
            and last.volume == market.volume
            and last.open_interest == market.open_interest
        ):
            return None
        shown = QuoteChanged(
            ticker=market.ticker,
            bid=bid,
            ask=ask,
            last_price=market.last_price,
            last_count=market.last_count,
            volume=market.volume,
            dollar_volume=market.dollar_volume,
            open_interest=market.open_interest,
            at=now,
        )
        self.shown[market.ticker] = shown
        minute = self._minute(market, last, now)
        minute.bid.see(bid[0] if bid else Price(0))
        minute.ask.see(ask[0] if ask else ONE_DOLLAR)
        minute.open_interest = market.open_interest
        minute.volume_so_far = market.volume
        return shown

    def minute_at(self, ticker: MarketTicker, at: Timestamp) -> Minute | None:
        """Return the last kept minute that had ended by then: what the market looked like at that time."""
        kept = self.minutes.get(ticker)
        if kept is None:
            return None
        ended = bisect_right(kept, at // NS_PER_S, key=lambda minute: minute.ends_s)
        return kept[ended - 1] if ended else None

    def traded(self, market: VenueMarket, trade: Trade, previous: Price | None) -> None:
        """Take one trade into its minute; `previous` is the last trade's price before it."""
        minute = self._minute(market, self.shown.get(market.ticker), trade.at)
        if minute.price is None:
            minute.price, minute.previous = bar(trade.price), previous
        else:
            minute.price.see(trade.price)
        minute.volume = Count(minute.volume + trade.count)
        minute.notional = Money(minute.notional + trade.price * trade.count)

    def _minute(self, market: VenueMarket, before: QuoteChanged | None, now: Timestamp) -> Minute:
        kept = self.minutes.get(market.ticker)
        if kept is None:
            kept = self.minutes[market.ticker] = deque(maxlen=MINUTES_KEPT)
        ends_s = minute_of(now)
        if kept and kept[-1].ends_s == ends_s:
            return kept[-1]
        # It opens with what stood at its beginning.
        bid = before.bid[0] if before is not None and before.bid else Price(0)
        ask = before.ask[0] if before is not None and before.ask else ONE_DOLLAR
        minute = Minute(
            ticker=market.ticker,
            ends_s=ends_s,
            bid=bar(bid),
            ask=bar(ask),
            open_interest=market.open_interest,
            previous=market.last_price,
        )
        kept.append(minute)
        return minute

"""Candlesticks on the wire: today's, the historical ones, and those of December 2025.

Owns: three spellings of one candle. Live candles leave out what a period without trades does not have (Kalshi:
capture, `"price":{}`); historical ones show null.
Must not: put minutes together (`venue.candles`).
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from traderd.model.units import format_count, format_price
from traderd.paper.rest.legacy import cents, whole
from traderd.paper.venue.candles import Candle
from traderd.paper.venue.quotes import Bar

Text: TypeAlias = str | UnsetType
Number: TypeAlias = int | UnsetType


class Quote(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Bids or asks of a period; the integers are of the legacy dialect."""

    open_dollars: str
    low_dollars: str
    high_dollars: str
    close_dollars: str
    open: Number = UNSET
    low: Number = UNSET
    high: Number = UNSET
    close: Number = UNSET


class Traded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Trade prices of a period; the integers are of the legacy dialect."""

    open_dollars: Text = UNSET
    low_dollars: Text = UNSET
    high_dollars: Text = UNSET
    close_dollars: Text = UNSET
    mean_dollars: Text = UNSET
    previous_dollars: Text = UNSET
    min_dollars: Text = UNSET
    """Lowest and highest close of any market in the period: of the one market that it is about."""
    max_dollars: Text = UNSET
    open: Number = UNSET
    low: Number = UNSET
    high: Number = UNSET
    close: Number = UNSET
    mean: Number = UNSET
    previous: Number = UNSET
    min: Number = UNSET
    max: Number = UNSET


class CandleBody(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One candle of a live market."""

    end_period_ts: int
    yes_bid: Quote
    yes_ask: Quote
    price: Traded
    volume_fp: str
    open_interest_fp: str
    volume: Number = UNSET
    open_interest: Number = UNSET


class HistoricalQuote(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Bids or asks of a period, without suffixes."""

    open: str
    low: str
    high: str
    close: str


class HistoricalTraded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Trade prices of a period, without suffixes; null without any."""

    open: str | None = None
    low: str | None = None
    high: str | None = None
    close: str | None = None
    mean: str | None = None
    previous: str | None = None


class HistoricalCandle(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One candle of an archived market."""

    end_period_ts: int
    yes_bid: HistoricalQuote
    yes_ask: HistoricalQuote
    price: HistoricalTraded
    volume: str
    open_interest: str


def candle_body(candle: Candle, *, legacy: bool) -> CandleBody:
    """Return a live market's candle; `legacy` adds the integers."""
    body = CandleBody(
        end_period_ts=candle.ends_s,
        yes_bid=_quote(candle.bid, legacy=legacy),
        yes_ask=_quote(candle.ask, legacy=legacy),
        price=_traded(candle, legacy=legacy),
        volume_fp=format_count(candle.volume),
        open_interest_fp=format_count(candle.open_interest),
    )
    if not legacy:
        return body
    return msgspec.structs.replace(
        body, volume=whole(candle.volume), open_interest=whole(candle.open_interest)
    )


def historical_candle(candle: Candle) -> HistoricalCandle:
    """Return an archived market's candle."""
    price = candle.price
    return HistoricalCandle(
        end_period_ts=candle.ends_s,
        yes_bid=_historical_quote(candle.bid),
        yes_ask=_historical_quote(candle.ask),
        price=HistoricalTraded(
            open=None if price is None else format_price(price.open),
            low=None if price is None else format_price(price.low),
            high=None if price is None else format_price(price.high),
            close=None if price is None else format_price(price.close),
            mean=None if candle.mean is None else format_price(candle.mean),
            previous=None if candle.previous is None else format_price(candle.previous),
        ),
        volume=format_count(candle.volume),
        open_interest=format_count(candle.open_interest),
    )


def _quote(quote: Bar, *, legacy: bool) -> Quote:
    return Quote(
        open_dollars=format_price(quote.open),
        low_dollars=format_price(quote.low),
        high_dollars=format_price(quote.high),
        close_dollars=format_price(quote.close),
        open=cents(quote.open) if legacy else UNSET,
        low=cents(quote.low) if legacy else UNSET,
        high=cents(quote.high) if legacy else UNSET,
        close=cents(quote.close) if legacy else UNSET,
    )


def _traded(candle: Candle, *, legacy: bool) -> Traded:
    price = candle.price
    shown = {"mean": candle.mean, "previous": candle.previous}
    if price is not None:
        shown |= {"open": price.open, "low": price.low, "high": price.high, "close": price.close}
        shown |= {"min": price.close, "max": price.close}
    members: dict[str, Any] = {
        f"{name}_dollars": format_price(value) for name, value in shown.items() if value is not None
    }
    if legacy:
        members |= {name: cents(value) for name, value in shown.items() if value is not None}
    return Traded(**members)


def _historical_quote(quote: Bar) -> HistoricalQuote:
    return HistoricalQuote(
        open=format_price(quote.open),
        low=format_price(quote.low),
        high=format_price(quote.high),
        close=format_price(quote.close),
    )

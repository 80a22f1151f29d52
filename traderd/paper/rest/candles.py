"""Candlesticks of one market, of several, and of an event's markets (Kalshi: candlesticks).

Owns: what is asked for, and how much of it is given at once.
Must not: know how a candle is made (`venue.candles`) or written (`candle_bodies`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from traderd.model.ids import MarketTicker
from traderd.model.units import NS_PER_S, Timestamp
from traderd.paper import choices
from traderd.paper.rest.archive import cutoff, is_archived, live_market
from traderd.paper.rest.call import Call, Desk, Routes, answer, public
from traderd.paper.rest.candle_bodies import CandleBody, candle_body
from traderd.paper.rest.query import SECONDS_MAX, Query, bad_request
from traderd.paper.serving.http_server import Response
from traderd.paper.venue.candles import (
    INTERVALS,
    Candle,
    Span,
    candles_of,
    end_after,
    end_of,
    minute_before,
    quiet,
    span_of,
)
from traderd.paper.venue.listings import VenueMarket
from traderd.paper.venue.messages import VenueRefusal
from traderd.paper.venue.quotes import Minute
from traderd.paper.venue.venue import Venue

CANDLES_MAX: Final = 10_000
"""Bounds the candles of one answer, over all its markets.  Kalshi: batch candlesticks."""
TICKERS_MAX: Final = 100


def routes(desk: Desk) -> Routes:
    """Return the candlesticks of live markets."""
    reads = CandleReads(desk)
    return {
        "/markets/candlesticks": public(reads.of_several),
        "/series/{}/markets/{}/candlesticks": public(reads.of_one),
        "/series/{}/events/{}/candlesticks": public(reads.of_event),
    }


@attrs.frozen(kw_only=True)
class Wanted:
    """Which candles a query asks for."""

    start_s: int
    end_s: int
    interval: int
    with_latest_before: bool
    now_s: int
    """Rounded up: just after a minute's end, the moment belongs to the next minute already."""

    def span(self, market: VenueMarket, minutes: Sequence[Minute]) -> Span | None:
        """Return which periods of a market that means; nothing changes after it settled."""
        until_s = self.now_s if market.settled_at is None else -(-market.settled_at // NS_PER_S)
        return span_of(
            minutes, self.interval, start_s=self.start_s, end_s=self.end_s, until_s=until_s
        )

    def candles(self, minutes: Sequence[Minute], span: Span | None) -> list[Candle]:
        """Return the candles of some periods, and the one that carries the last price over when it is asked for."""
        found = list(candles_of(minutes, span)) if span is not None else []
        if self.with_latest_before:
            # A period without a change shows the same by itself, so one is only missing where no period is.
            first_s = end_of(self.start_s, self.interval)
            before = minute_before(minutes, self.start_s)
            missing = not found or found[0].ends_s > first_s
            if missing and before is not None and first_s <= self.end_s:
                found.insert(0, quiet(before, first_s))
        return found


def wanted(query: Query, now: Timestamp) -> Wanted:
    """Read a query for candles; raises RequestRefused 400."""
    query.require("start_ts", "end_ts", "period_interval")
    start_s = query.integer("start_ts", 0, low=0, high=SECONDS_MAX)
    end_s = query.integer("end_ts", 0, low=0, high=SECONDS_MAX)
    interval = int(query.choice("period_interval", tuple(map(str, INTERVALS))) or 0)
    if end_s < start_s:
        raise bad_request("start_ts must not be after end_ts")
    return Wanted(
        start_s=start_s,
        end_s=end_s,
        interval=interval,
        with_latest_before=query.flag("include_latest_before_start") is True,
        now_s=-(-now // NS_PER_S),
    )


def candles_of_one(venue: Venue, market: VenueMarket, asked: Wanted) -> list[Candle]:
    """Return one market's candles; raises RequestRefused 400 when they are too many."""
    minutes = venue.minutes(market.ticker)
    span = asked.span(market, minutes)
    check_count(0 if span is None else span.count)
    return asked.candles(minutes, span)


def check_count(count: int) -> None:
    """Refuse an answer with too many candles; raises RequestRefused 400."""
    if count > CANDLES_MAX:
        raise bad_request(
            f"{count} candlesticks are more than the maximum of {CANDLES_MAX}: "
            "ask for a shorter time, fewer markets or a longer period_interval"
        )


@attrs.frozen
class CandleReads:
    """Handlers of one desk."""

    desk: Desk

    def of_one(self, call: Call) -> Response:
        """`GET /series/{series_ticker}/markets/{ticker}/candlesticks`."""
        asked = wanted(call.query("GetMarketCandlesticks"), call.now)
        series, ticker = call.parameters
        market = live_market(self.desk, ticker, call.now)
        if market.series_ticker != series:
            raise VenueRefusal(404, "market_not_found")
        candles = candles_of_one(self.desk.venue, market, asked)
        return answer({"ticker": market.ticker, "candlesticks": self._bodies(candles)})

    def of_several(self, call: Call) -> Response:
        """`GET /markets/candlesticks`."""
        query = call.query("BatchGetMarketCandlesticks")
        asked = wanted(query, call.now)
        query.require("market_tickers")
        tickers = query.words("market_tickers", at_most=TICKERS_MAX)
        markets = batch_of_markets(self.desk, tickers, call.now)
        found: list[tuple[VenueMarket, tuple[Minute, ...], Span | None]] = []
        for market in markets:
            minutes = self.desk.venue.minutes(market.ticker)
            found.append((market, minutes, asked.span(market, minutes)))
        check_count(sum(span.count for _, _, span in found if span is not None))
        entries = [
            {
                "market_ticker": market.ticker,
                "candlesticks": self._bodies(asked.candles(minutes, span)),
            }
            for market, minutes, span in found
        ]
        return answer({"markets": entries})

    def of_event(self, call: Call) -> Response:
        """`GET /series/{series_ticker}/events/{ticker}/candlesticks`; too long a time is cut, and the end told."""
        asked = wanted(call.query("GetMarketCandlesticksByEvent"), call.now)
        series, ticker = call.parameters
        venue = self.desk.venue
        event = venue.event(ticker)
        if event.series_ticker != series:
            raise VenueRefusal(404, "not_found")
        before = cutoff(self.desk, call.now)
        markets = [
            market
            for market in venue.floor.markets_of(event.ticker)
            if not is_archived(market, before)
        ]
        kept = {market.ticker: venue.minutes(market.ticker) for market in markets}
        asked = self._shortened(asked, markets, kept)
        lists = [
            self._bodies(
                asked.candles(kept[market.ticker], asked.span(market, kept[market.ticker]))
            )
            for market in markets
        ]
        return answer({
            "market_tickers": [market.ticker for market in markets],
            "market_candlesticks": lists,
            "adjusted_end_ts": asked.end_s,
        })

    def _shortened(
        self,
        asked: Wanted,
        markets: Sequence[VenueMarket],
        kept: dict[MarketTicker, tuple[Minute, ...]],
    ) -> Wanted:
        # As many whole periods from the first one on as all the markets together may have.
        spans = [asked.span(market, kept[market.ticker]) for market in markets]
        there = [span for span in spans if span is not None]
        if sum(span.count for span in there) <= CANDLES_MAX:
            return asked
        last_s = min(span.first_s for span in there)
        for _ in range(CANDLES_MAX // len(there) - 1):
            last_s = end_after(last_s, asked.interval)
        return attrs.evolve(asked, end_s=last_s)

    def _bodies(self, candles: Sequence[Candle]) -> list[CandleBody]:
        legacy = self.desk.settings.is_legacy
        return [candle_body(candle, legacy=legacy) for candle in candles]


def batch_of_markets(desk: Desk, tickers: Sequence[str], now: Timestamp) -> list[VenueMarket]:
    """Return the live ones of some markets; what is not there is left out or refused, see `choices`.

    Raises:
        VenueRefusal: 404 `market_not_found`.
    """
    found: list[VenueMarket] = []
    for ticker in tickers:
        try:
            found.append(live_market(desk, ticker, now))
        except VenueRefusal:
            if not choices.BATCH_READS_SKIP_UNKNOWN:
                raise
    return found

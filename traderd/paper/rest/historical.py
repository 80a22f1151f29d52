"""The public half of history: the cutoff, and markets that settled before it (Kalshi: historical data).

Owns: the reads that only history has. Its trades are with the other trades (`trades`).
Must not: show what is still live.
"""

from __future__ import annotations

import attrs

from traderd.model.units import format_time
from traderd.paper.rest.archive import archived_market, cutoff, is_archived
from traderd.paper.rest.call import Call, Desk, Routes, answer, public
from traderd.paper.rest.candle_bodies import historical_candle
from traderd.paper.rest.candles import candles_of_one, wanted
from traderd.paper.rest.markets import market_writer
from traderd.paper.rest.query import PAGE_MAX, bad_request, page_of
from traderd.paper.serving.http_server import Response


def routes(desk: Desk) -> Routes:
    """Return the public reads of history."""
    reads = HistoricalReads(desk)
    return {
        "/historical/cutoff": public(reads.cutoff),
        "/historical/markets": public(reads.markets),
        "/historical/markets/{}": public(reads.market),
        "/historical/markets/{}/candlesticks": public(reads.candlesticks),
    }


@attrs.frozen
class HistoricalReads:
    """Handlers of one desk."""

    desk: Desk

    def cutoff(self, call: Call) -> Response:
        """`GET /historical/cutoff`: one moment for everything."""
        at = format_time(cutoff(self.desk, call.now))
        return answer({
            "market_settled_ts": at,
            "trades_created_ts": at,
            "orders_updated_ts": at,
            "market_positions_last_updated_ts": at,
        })

    def markets(self, call: Call) -> Response:
        """`GET /historical/markets`; its filters exclude each other."""
        query = call.query("GetHistoricalMarkets")
        limit = query.limit()
        tickers = frozenset(query.words("tickers", at_most=PAGE_MAX))
        event, series = query.text("event_ticker"), query.text("series_ticker")
        only_combos = query.choice("mve_filter", ("only", "exclude")) == "only"
        if bool(tickers) + (event is not None) + (series is not None) > 1:
            raise bad_request("only one of tickers, event_ticker and series_ticker is possible")
        before = cutoff(self.desk, call.now)
        page, cursor = page_of(
            self.desk.venue.floor.markets.values(),
            lambda market: market.ticker,
            limit=limit,
            cursor=query.text("cursor"),
            keep=lambda market: (
                is_archived(market, before)
                and not only_combos
                and (not tickers or market.ticker in tickers)
                and event in (None, market.event_ticker)
                and series in (None, market.series_ticker)
            ),
        )
        write = market_writer(self.desk, call)
        return answer({"markets": [write.body(market) for market in page], "cursor": cursor})

    def market(self, call: Call) -> Response:
        """`GET /historical/markets/{ticker}`."""
        market = archived_market(self.desk, call.parameter, call.now)
        return answer({"market": market_writer(self.desk, call).body(market)})

    def candlesticks(self, call: Call) -> Response:
        """`GET /historical/markets/{ticker}/candlesticks`."""
        asked = wanted(call.query("GetMarketCandlesticksHistorical"), call.now)
        market = archived_market(self.desk, call.parameter, call.now)
        candles = candles_of_one(self.desk.venue, market, asked)
        bodies = [historical_candle(candle) for candle in candles]
        return answer({"ticker": market.ticker, "candlesticks": bodies})

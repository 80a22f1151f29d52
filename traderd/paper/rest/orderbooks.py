"""Order books of one market and of several (Kalshi: order book).

Owns: books as bids of both outcomes, ascending, and the levels of December 2025 beside them.
Must not: keep a book of its own.
"""

from __future__ import annotations

from typing import Final

import attrs
import msgspec
from msgspec import UNSET, UnsetType

from traderd.kalshi.wire import rest, serve
from traderd.model.ids import MarketTicker
from traderd.model.units import complement, format_price
from traderd.paper.rest.archive import live_market
from traderd.paper.rest.call import Call, Desk, Routes, answer, public
from traderd.paper.rest.candles import batch_of_markets
from traderd.paper.rest.legacy import cents, whole
from traderd.paper.serving.http_server import Response
from traderd.paper.venue.messages import Levels

DEPTH_MAX: Final = 100
DEPTH_MIN: Final = -(10**18)
"""Everything below 1 asks for the whole book."""
TICKERS_MAX: Final = 100


class LegacyBook(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A book of December 2025: levels in cents, and in dollars with whole contracts."""

    yes: list[tuple[int, int]]
    no: list[tuple[int, int]]
    yes_dollars: list[tuple[str, str]]
    no_dollars: list[tuple[str, str]]


class BookBody(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One market's book; `ticker` among several, `orderbook` in the legacy dialect."""

    ticker: str | UnsetType = UNSET
    orderbook_fp: rest.OrderBookLevels
    orderbook: LegacyBook | UnsetType = UNSET


def routes(desk: Desk) -> Routes:
    """Return the books of live markets."""
    reads = BookReads(desk)
    return {
        "/markets/orderbooks": public(reads.orderbooks),
        "/markets/{}/orderbook": public(reads.orderbook),
    }


@attrs.frozen
class BookReads:
    """Handlers of one desk."""

    desk: Desk

    def orderbook(self, call: Call) -> Response:
        """`GET /markets/{ticker}/orderbook`."""
        query = call.query("GetMarketOrderbook")
        depth = max(0, query.integer("depth", 0, low=DEPTH_MIN, high=DEPTH_MAX))
        market = live_market(self.desk, call.parameter, call.now)
        return answer(self._body(market.ticker, depth))

    def orderbooks(self, call: Call) -> Response:
        """`GET /markets/orderbooks`."""
        query = call.query("GetMarketOrderbooks")
        tickers = query.repeated("tickers", at_most=TICKERS_MAX)
        markets = batch_of_markets(self.desk, tickers, call.now)
        bodies = [
            msgspec.structs.replace(self._body(market.ticker, 0), ticker=market.ticker)
            for market in markets
        ]
        return answer({"orderbooks": bodies})

    def _body(self, ticker: MarketTicker, depth: int) -> BookBody:
        bids, asks = self.desk.venue.book(ticker)
        body = BookBody(orderbook_fp=serve.orderbook_to_wire(bids, asks, depth=depth).orderbook_fp)
        if not self.desk.settings.is_legacy:
            return body
        best = slice(depth or None)
        return msgspec.structs.replace(body, orderbook=_legacy(bids[best], asks[best]))


def _legacy(bids: Levels, asks: Levels) -> LegacyBook:
    # Best first comes in, best last goes out.
    yes = bids[::-1]
    no = tuple((complement(price), count) for price, count in reversed(asks))
    return LegacyBook(
        yes=[(cents(price), whole(count)) for price, count in yes],
        no=[(cents(price), whole(count)) for price, count in no],
        yes_dollars=[(format_price(price), str(whole(count))) for price, count in yes],
        no_dollars=[(format_price(price), str(whole(count))) for price, count in no],
    )

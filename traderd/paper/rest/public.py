"""The public reads: exchange status, markets, books, trades, costs (Kalshi: public market data).

Owns: filters and pages of what everybody may see.
Must not: change the venue.
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.kalshi.wire import rest, serve
from traderd.model.market import MarketStatus
from traderd.paper.faults import EXCHANGE_PAUSE, Faults
from traderd.paper.rest.call import Call, answer
from traderd.paper.rest.query import Query, page_of, within
from traderd.paper.serving.http_server import Response
from traderd.paper.to_wire import market_body, trade_body
from traderd.paper.venue.messages import TradeHappened, VenueMarket
from traderd.paper.venue.venue import Venue

LIMIT_DEFAULT: Final = 100
LIMIT_MAX: Final = 1000
DEPTH_MAX: Final = 100
TICKERS_MAX: Final = 1000
"""Bounds a `tickers` list by the page it could fill."""

STATUS_FILTERS: Final = {
    "unopened": (MarketStatus.INITIALIZED,),
    "open": (MarketStatus.ACTIVE,),
    "paused": (MarketStatus.INACTIVE,),
    "closed": (
        MarketStatus.CLOSED,
        MarketStatus.DETERMINED,
        MarketStatus.DISPUTED,
        MarketStatus.AMENDED,
    ),
    "settled": (MarketStatus.FINALIZED,),
}
"""The filter's words are not the field's (Kalshi: market lifecycle)."""

ENDPOINT_COSTS: Final = {
    "default_cost": 10,
    "endpoint_costs": [
        {"method": "DELETE", "path": "/trade-api/v2/portfolio/events/orders/:order_id", "cost": 2},
        {"method": "GET", "path": "/trade-api/v2/portfolio/orders/:order_id", "cost": 2},
    ],
}
"""Tokens for each request (Kalshi: rate limits)."""


@attrs.frozen
class PublicReads:
    """Handlers over one venue."""

    venue: Venue
    faults: Faults
    """Tells of a pause."""

    def exchange_status(self, call: Call) -> Response:
        """`GET /exchange/status`."""
        trading = self.faults.paused is None
        whole = self.faults.paused != EXCHANGE_PAUSE
        index = rest.ExchangeIndexStatus(
            exchange_index=0, description="Default", exchange_active=whole, trading_active=trading
        )
        status = rest.ExchangeStatus(
            exchange_active=whole,
            trading_active=trading,
            intra_exchange_transfers_active=True,
            exchange_index_statuses=[index],
        )
        return answer(status)

    def markets(self, call: Call) -> Response:
        """`GET /markets`."""
        query = call.query("GetMarkets")
        limit = _limit(query)
        kept = self._filtered(query)
        page, cursor = page_of(
            kept, lambda market: market.ticker, limit=limit, cursor=query.text("cursor")
        )
        bodies = [self._market_body(market) for market in page]
        return answer(rest.MarketList(markets=bodies, cursor=cursor))

    def _filtered(self, query: Query) -> list[VenueMarket]:
        tickers = query.words("tickers", at_most=TICKERS_MAX)
        event, series = query.text("event_ticker"), query.text("series_ticker")
        status = query.choice("status", tuple(STATUS_FILTERS))
        low, high = query.seconds("min_close_ts"), query.seconds("max_close_ts")
        # Combos do not exist here, so asking for nothing else finds nothing.
        only_combos = query.choice("mve_filter", ("only", "exclude")) == "only"
        return [
            market
            for market in self.venue.markets()
            if not only_combos
            and (not tickers or market.ticker in tickers)
            and event in (None, market.event_ticker)
            and series in (None, market.series_ticker)
            and (status is None or market.status in STATUS_FILTERS[status])
            and within(market.close_time, low, high)
        ]

    def market(self, call: Call) -> Response:
        """`GET /markets/{ticker}`."""
        market = self.venue.market(call.parameter)
        return answer(rest.MarketEnvelope(market=self._market_body(market)))

    def orderbook(self, call: Call) -> Response:
        """`GET /markets/{ticker}/orderbook`."""
        depth = call.query("GetMarketOrderbook").integer("depth", 0, low=0, high=DEPTH_MAX)
        bids, asks = self.venue.book(call.parameter)
        return answer(serve.orderbook_to_wire(bids, asks, depth=depth))

    def trades(self, call: Call) -> Response:
        """`GET /markets/trades`, newest first."""
        query = call.query("GetTrades")
        limit = _limit(query)
        low, high = query.seconds("min_ts"), query.seconds("max_ts")
        kept: list[TradeHappened] = []
        if query.flag("is_block_trade") is not True:
            trades = self.venue.trades(query.text("ticker"))
            kept = [trade for trade in trades if within(trade.at, low, high)]
        page, cursor = page_of(
            kept, lambda trade: trade.trade_id, limit=limit, cursor=query.text("cursor")
        )
        return answer({"trades": [trade_body(trade) for trade in page], "cursor": cursor})

    def endpoint_costs(self, call: Call) -> Response:
        """`GET /account/endpoint_costs`."""
        return answer(ENDPOINT_COSTS)

    def _market_body(self, market: VenueMarket) -> rest.Market:
        bids, asks = self.venue.book(market.ticker)
        return market_body(market, bids, asks)


def _limit(query: Query) -> int:
    # 0 is what a Go client sends for "not set", and means the default.
    return query.integer("limit", LIMIT_DEFAULT, low=0, high=LIMIT_MAX) or LIMIT_DEFAULT

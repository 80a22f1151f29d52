"""What the exchange broadcasts, as the events that the daemon folds.

Owns: the short way from the venue's outbox to events: what the feed's encoder and the trader's decoder make of it together,
times of whole milliseconds included.
Must not: fold, or tell what a subscription of one market and one account would not hear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import attrs

from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.model.market import Market
from traderd.model.orders import Fill, OrderRecord
from traderd.model.units import NS_PER_MS, Timestamp
from traderd.paper.to_wire import fill_record, order_record
from traderd.paper.venue.listings import VenueMarket
from traderd.paper.venue.messages import (
    Broadcast,
    FillHappened,
    LevelChanged,
    MarketChanged,
    OrderUpdated,
    TradeHappened,
)
from traderd.paper.venue.records import VenueFill, VenueOrder

BOOKS: Final = "1:1"
"""The subscription that the books come by: connection 1, the first one on it."""
CONNECTION: Final = 1


def whole_ms(at: Timestamp) -> Timestamp:
    """Return a time as the wire tells it."""
    return Timestamp(at // NS_PER_MS * NS_PER_MS)


def market_of(market: VenueMarket) -> Market:
    """Return a market as the trader lists it."""
    return Market(
        ticker=market.ticker,
        event_ticker=market.event_ticker,
        title=market.title,
        status=market.status,
        grid=market.grid,
        close_time=market.close_time,
        open_time=market.open_time,
    )


@attrs.define(eq=False)
class News:
    """The events of one market and one account; numbers book frames as their subscription does."""

    ticker: MarketTicker
    account_id: str
    _seq: int = 0
    _ways: dict[type[Broadcast], Callable[[Any, Timestamp], ev.Event | None]] = attrs.field(
        init=False
    )

    def __attrs_post_init__(self) -> None:
        self._ways = {
            LevelChanged: self._level,
            TradeHappened: self._trade,
            OrderUpdated: self._order,
            FillHappened: self._fill,
            MarketChanged: self._market,
        }

    def next_seq(self) -> int:
        """Return the number of the next book frame."""
        self._seq += 1
        return self._seq

    def events(self, outbox: Iterable[Broadcast], at: Timestamp) -> Iterator[ev.Event]:
        """Yield what is news for a trader, seen at `at`; tickers, positions and other accounts' affairs are not."""
        for broadcast in outbox:
            way = self._ways.get(type(broadcast))
            event = None if way is None else way(broadcast, at)
            if event is not None:
                yield event

    def _level(self, news: LevelChanged, at: Timestamp) -> ev.Event | None:
        if news.ticker != self.ticker:
            return None
        return ev.BookDelta(
            ticker=news.ticker,
            side=news.side,
            price=news.price,
            change=news.change,
            subscription=BOOKS,
            seq=self.next_seq(),
            at=at,
            exchange_at=whole_ms(news.at),
        )

    def _trade(self, news: TradeHappened, at: Timestamp) -> ev.Event | None:
        trade = news.trade
        if trade.ticker != self.ticker:
            return None
        return ev.TradePrinted(
            trade_id=trade.trade_id,
            ticker=trade.ticker,
            price=trade.price,
            count=trade.count,
            taker_side=trade.taker_side,
            at=at,
            exchange_at=whole_ms(trade.at),
        )

    def _order(self, news: OrderUpdated, at: Timestamp) -> ev.Event | None:
        if news.account != self.account_id:
            return None
        return ev.OrderReported(at=at, record=record_of(news.order), source=ev.Source.FEED)

    def _fill(self, news: FillHappened, at: Timestamp) -> ev.Event | None:
        if news.account != self.account_id:
            return None
        return ev.OrderFilled(at=at, fill=fill_of(news.fill), source=ev.Source.FEED)

    def _market(self, news: MarketChanged, at: Timestamp) -> ev.Event | None:
        if news.market.ticker != self.ticker:
            return None
        # The steps of its life change status, grid or close; the list tells all of them at once.
        return ev.MarketsListed(at=at, markets=(market_of(news.market),))


def record_of(order: VenueOrder) -> OrderRecord:
    """Return an order as its `user_order` message tells it."""
    return attrs.evolve(
        order_record(order),
        created_at=whole_ms(order.created_at),
        expires_at=None if order.expires_at is None else whole_ms(order.expires_at),
        reason=order.reason or None,
        updated_at=whole_ms(order.updated_at),
    )


def fill_of(fill: VenueFill) -> Fill:
    """Return a fill as its `fill` message tells it."""
    return attrs.evolve(fill_record(fill), executed_at=whole_ms(fill.at))

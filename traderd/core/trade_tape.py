"""The public trades that were seen: which of them, and the newest of each market.

Owns: that a trade counts once, whether the feed or a later reading brought it, however long ago that market last traded,
that the last one is what the feed brought last, and that one which was agreed upon away from the book is no witness of
its price.
Must not: read trades; the backfill service does.
"""

from __future__ import annotations

from bisect import insort
from typing import Final

import attrs

from traderd.model.events import TradePrinted, TradesBackfilled
from traderd.model.ids import MarketTicker, TradeId
from traderd.model.units import NS_PER_S, Timestamp

TRADES_KNOWN_MAX: Final = 20_000
"""Bounds the memory of trade ids (about 3 MB): many more than the seconds that two readings overlap can hold."""
RECENT_TRADES_KEPT: Final = 20
"""Bounds the trades of each market that strategies see: a burst at the best prices is shorter, and a screen shows no more."""


@attrs.define(eq=False)
class TradeTape:
    """Trade ids that were seen lately, and when each market last traded."""

    last_at: dict[MarketTicker, Timestamp] = attrs.Factory(dict)
    """When its last trade was made, by the exchange's clock where it gave a time."""
    backfilled: int = 0
    """Trades that the feed had missed and a reading brought."""
    gaps_left: int = 0
    """Readings that could not bring all: trades are missing for good."""
    recent: dict[MarketTicker, list[TradePrinted]] = attrs.Factory(dict)
    """The last RECENT_TRADES_KEPT of each market's book, newest last, in the order of their times."""
    _known: dict[TradeId, None] = attrs.Factory(dict)
    _newest: dict[MarketTicker, dict[TradeId, None]] = attrs.Factory(dict)
    """Trades of each market's last second: a reading begins there, and other markets may have pushed them out of `_known`."""

    def knows(self, trade: TradePrinted) -> bool:
        """Tell whether a trade was seen."""
        trade_id = trade.trade_id
        return trade_id in self._known or trade_id in self._newest.get(trade.ticker, ())

    def take(self, trade: TradePrinted) -> bool:
        """Remember a trade; returns whether it tells the last price of its market."""
        self._known[trade.trade_id] = None
        if len(self._known) > TRADES_KNOWN_MAX:
            del self._known[next(iter(self._known))]
        self.backfilled += trade.backfilled
        at = traded_at(trade)
        if not trade.is_block:
            self._keep(trade)
        last = self.last_at.get(trade.ticker)
        if last is None or at // NS_PER_S > last // NS_PER_S:
            self._newest[trade.ticker] = {trade.trade_id: None}
        elif at // NS_PER_S == last // NS_PER_S or not trade.backfilled:
            self._newest[trade.ticker][trade.trade_id] = None
        # The feed's own come in order, whatever their stamps say: one of the future must not stay the last.
        if trade.backfilled and last is not None and at < last:
            return False
        self.last_at[trade.ticker] = at
        return not trade.is_block

    def _keep(self, trade: TradePrinted) -> None:
        kept = self.recent.setdefault(trade.ticker, [])
        # Nearly always it is the newest; one that was read late goes where it belongs.
        insort(kept, trade, key=traded_at)
        if len(kept) > RECENT_TRADES_KEPT:
            del kept[0]

    def close_gap(self, event: TradesBackfilled) -> None:
        """Note that a market's missed trades were read, or as many of them as could be had."""
        self.gaps_left += not event.complete

    def forget(self, ticker: MarketTicker) -> None:
        """Drop what is kept of a market that nobody follows any more."""
        self.last_at.pop(ticker, None)
        self._newest.pop(ticker, None)
        self.recent.pop(ticker, None)


def traded_at(trade: TradePrinted) -> Timestamp:
    """Return when a trade was made: by the exchange's clock where it gave a time, else when it was seen."""
    return trade.at if trade.exchange_at is None else trade.exchange_at

"""What the steps of a market's life do to what is known of it: status, times, grid, pause, and whether it is followed.

Owns: the folds of the lifecycle channel, of our own open and close timers, of the universe and of its backfilled
trades. Open books stay as they are when a grid changes; the next order is judged by the new one.
Must not: act on a step, or decide what is followed.
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.core.conditions import Conditions
from traderd.core.folding import Fold
from traderd.core.life_steps import changed_by
from traderd.core.market_data import MarketData
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.model.market import Market, MarketStatus
from traderd.model.units import Timestamp

S: Final = MarketStatus
BEFORE_CLOSE: Final = (S.INITIALIZED, S.ACTIVE, S.INACTIVE)
PAUSED: Final = "the exchange deactivated it"


def market_folds(data: MarketData, conditions: Conditions) -> dict[type, Fold]:
    """Return the folds of these events, for the engine's table."""
    life = MarketLife(data, conditions)
    return {
        ev.MarketsListed: life.list_markets,
        ev.MarketLifecycleChanged: life.step,
        ev.MarketOpened: life.open,
        ev.MarketClosed: life.close,
        ev.UniverseChanged: life.change_universe,
        ev.BooksShed: life.shed_books,
        ev.BooksReclaimed: life.reclaim_books,
        ev.BooksAwaited: life.await_books,
        ev.TradesBackfilled: life.close_gap,
    }


@attrs.frozen
class MarketLife:
    """The folds."""

    data: MarketData
    conditions: Conditions

    def list_markets(self, event: ev.MarketsListed) -> list[ev.Event]:
        """Take over what the exchange says of its markets, pauses included, but for what is known better since."""
        if event.read_at is not None:
            markets = self.data.steps.newest(event.markets, event.read_at)
            event = attrs.evolve(event, markets=markets)
        self.data.list_markets(event)
        follow: list[ev.Event] = []
        for market in event.markets:
            follow += self._pause(market.ticker, market.status, event.at)
        return follow

    def step(self, event: ev.MarketLifecycleChanged) -> list[ev.Event]:
        """Take over what the exchange tells of one market; one that nobody asked about stays unknown."""
        self.data.steps.note(event)
        market = self.data.markets.get(event.ticker)
        if market is None:
            return []
        changed = self.data.markets[event.ticker] = changed_by(market, event)
        return self._pause(event.ticker, changed.status, event.at)

    def open(self, event: ev.MarketOpened) -> list[ev.Event]:
        """Begin trading, unless something else came first."""
        market = self.data.markets.get(event.ticker)
        if market is not None and market.status is S.INITIALIZED:
            self._set(market, S.ACTIVE)
        return []

    def close(self, event: ev.MarketClosed) -> list[ev.Event]:
        """End trading."""
        market = self.data.markets.get(event.ticker)
        if market is None or market.status not in BEFORE_CLOSE:
            return []
        self._set(market, S.CLOSED)
        return self._pause(event.ticker, S.CLOSED, event.at)

    def change_universe(self, event: ev.UniverseChanged) -> list[ev.Event]:
        """Take a change over; what is known of a dropped market is forgotten, and its book is dead."""
        data = self.data
        follow: list[ev.Event] = []
        data.universe.change(event)
        for ticker, reason in event.dropped:
            follow += data.give_up([ticker], ev.BookFault.NOT_FOLLOWED, reason, event.at)
            data.forget(ticker)
            data.steps.forget(ticker)
            follow += self._resume(ticker, event.at)
        return follow

    def shed_books(self, event: ev.BooksShed) -> list[ev.Event]:
        """Give books up."""
        self.data.universe.shed_books(event)
        return self.data.give_up(event.tickers, ev.BookFault.SHED, event.reason, event.at)

    def reclaim_books(self, event: ev.BooksReclaimed) -> list[ev.Event]:
        """Want books again."""
        self.data.universe.reclaim_books(event)
        return []

    def await_books(self, event: ev.BooksAwaited) -> list[ev.Event]:
        """Let frames of these books count again; they stay in doubt until their snapshots are here."""
        self.data.universe.await_books(event)
        return []

    def close_gap(self, event: ev.TradesBackfilled) -> list[ev.Event]:
        """Note that a market's trades are whole again, or not."""
        self.data.tape.close_gap(event)
        return []

    def _set(self, market: Market, status: MarketStatus) -> None:
        self.data.markets[market.ticker] = attrs.evolve(market, status=status)

    def _pause(self, ticker: MarketTicker, status: MarketStatus, at: Timestamp) -> list[ev.Event]:
        if status is not S.INACTIVE:
            return self._resume(ticker, at)
        if ticker in self.conditions.markets_paused:
            return []
        return [ev.VenuePaused(at=at, sentence=PAUSED, ticker=ticker)]

    def _resume(self, ticker: MarketTicker, at: Timestamp) -> list[ev.Event]:
        # A pause that an order's refusal told of is not ours to end: the list may lag behind it.
        paused = self.conditions.markets_paused.get(ticker)
        if paused is None or paused[0] != PAUSED:
            return []
        return [ev.VenueResumed(at=at, ticker=ticker)]

"""What each connection of the market data feed carries now, read from the view.

Owns: the number of connections there may be, and which market belongs to which.
Must not: connect, or decide what is followed.
"""

from __future__ import annotations

import math

import attrs
import trio

from traderd.config import Config
from traderd.core.universe import slot_of
from traderd.core.view import StateView
from traderd.errors import ConfigError
from traderd.model.ids import MarketTicker


@attrs.define(eq=False)
class MarketPlan:
    """Shared by everything that belongs to the market data stage."""

    view: StateView
    slots: int
    """How many connections there may be. It comes from the cap alone, so that no market changes its connection when
    others come or go."""
    known: trio.Event = attrs.Factory(trio.Event)
    """Set once it is known which markets there are."""
    problem: str = "nothing was tried yet"
    """Why there are no market data, for whoever waits for them."""

    def trades(self, slot: int) -> tuple[MarketTicker, ...]:
        """Return the markets of a connection whose trades are wanted: all that the exchange knows."""
        return tuple(ticker for ticker in self.markets(slot) if self.view.market(ticker))

    def books(self, slot: int) -> tuple[MarketTicker, ...]:
        """Return the markets of a connection whose books are wanted: those that were not shed."""
        wants_book = self.view.universe.wants_book
        return tuple(ticker for ticker in self.trades(slot) if wants_book(ticker))

    def markets(self, slot: int) -> tuple[MarketTicker, ...]:
        """Return every followed market of a connection."""
        if self.slots == 1:
            return self.view.followed
        return tuple(t for t in self.view.followed if slot_of(t, self.slots) == slot)

    def connections(self) -> int:
        """Return how many connections are needed now; the first always is, it brings the lifecycle."""
        used = {0} | {slot_of(ticker, self.slots) for ticker in self.view.followed}
        return len(used)


def make_plan(config: Config, view: StateView) -> MarketPlan:
    """Return the plan of a configuration."""
    markets_max = (
        config.market_data.discover.max_markets
        if config.discovers
        else len(configured_tickers(config))
    )
    per_connection = config.market_data.markets_per_connection
    return MarketPlan(view, slots=max(1, math.ceil(markets_max / per_connection)))


def configured_tickers(config: Config) -> tuple[MarketTicker, ...]:
    """Return the markets that are followed from the start: none when they are looked for.

    Without any named, the embedded exchange's own.

    Raises:
        ConfigError: none are named, none are looked for, and there is no embedded exchange.
    """
    if config.discovers:
        return ()
    if config.market_data.markets:
        return tuple(dict.fromkeys(MarketTicker(t) for t in config.market_data.markets))
    if not config.embedded:
        raise ConfigError(
            "market_data.markets is empty; name at least one ticker, or let market_data.discover "
            "look for markets"
        )
    from traderd.paper.scenario import default_scenario

    return tuple(MarketTicker(market.ticker) for market in default_scenario().markets)

"""The newest steps of each market's life, so that a reading which began before a step cannot take it back.

Owns: what a step changes of a market, which reading of it is the newest, and the steps that are kept, of markets that nobody follows too: one of them may
be taken in with what was read of it minutes ago.
Must not: decide what a step means for a book, a pause or the universe (`core/market_life.py`), or keep what our own
timers do: they do it again when a reading took it back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

import attrs

from traderd.model.events import LifeStep, MarketLifecycleChanged
from traderd.model.ids import MarketTicker
from traderd.model.market import Market, MarketStatus
from traderd.model.units import Timestamp

STATUS_AFTER: Final = {
    LifeStep.ACTIVATED: MarketStatus.ACTIVE,
    LifeStep.DEACTIVATED: MarketStatus.INACTIVE,
    LifeStep.DETERMINED: MarketStatus.DETERMINED,
    LifeStep.SETTLED: MarketStatus.FINALIZED,
}
TELL_NOTHING: Final = (LifeStep.CREATED, LifeStep.METADATA_UPDATED, LifeStep.UNKNOWN)
"""Whoever lists a market knows that it was created; what the others changed does not come with the step."""
MARKETS_KEPT: Final = 10_000
"""Bounds the markets whose steps are kept: many more than take one between two looks at the exchange's lists."""
STEPS_KEPT: Final = 8
"""Bounds the steps of one market: its whole life has about six."""


def changed_by(market: Market, step: MarketLifecycleChanged) -> Market:
    """Return a market after a step."""
    return attrs.evolve(
        market,
        status=STATUS_AFTER.get(step.step, market.status),
        open_time=step.open_time or market.open_time,
        close_time=step.close_time or market.close_time,
        grid=step.grid or market.grid,
    )


@attrs.define(eq=False)
class LifeSteps:
    """The steps, by market, those of the market that took one last at the end."""

    _kept: dict[MarketTicker, deque[MarketLifecycleChanged]] = attrs.Factory(dict)
    _read_at: dict[MarketTicker, Timestamp] = attrs.Factory(dict)
    """When the newest reading of each followed market began."""

    def note(self, step: MarketLifecycleChanged) -> None:
        """Keep a step."""
        if step.step in TELL_NOTHING:
            return
        steps = self._kept.pop(step.ticker, None) or deque(maxlen=STEPS_KEPT)
        steps.append(step)
        self._kept[step.ticker] = steps
        if len(self._kept) > MARKETS_KEPT:
            del self._kept[next(iter(self._kept))]

    def since(self, market: Market, read_at: Timestamp) -> Market:
        """Return a market as it was read, with every step that came since its reading began.

        A step that the reading knew already is taken again, which changes nothing.
        """
        for step in self._kept.get(market.ticker, ()):
            if step.at >= read_at:
                market = changed_by(market, step)
        return market

    def newest(self, markets: Iterable[Market], read_at: Timestamp) -> tuple[Market, ...]:
        """Return those markets as they are now of which no later reading is known."""
        taken = []
        for market in markets:
            if self._read_at.get(market.ticker, read_at) <= read_at:
                self._read_at[market.ticker] = read_at
                taken.append(self.since(market, read_at))
        return tuple(taken)

    def forget(self, ticker: MarketTicker) -> None:
        """Drop what is kept of the readings of a market that nobody follows any more."""
        self._read_at.pop(ticker, None)

"""The one place in the running daemon where observations are made: for strategies, screens and whoever asks.

Owns: that everybody sees a market the same way at the same moment.
Must not: hold logic of its own: `core/observe.py` makes observations, plugins add features.
"""

from __future__ import annotations

from traderd.core.observation import Observation
from traderd.core.observe import observe
from traderd.model.ids import MarketTicker, StrategyName
from traderd.services.context import Context
from traderd.services.features import with_features

NOBODY = StrategyName("")
"""Whose observation has no position and no orders: what anybody may see of a market."""


def get_observation(
    context: Context, ticker: MarketTicker, strategy: StrategyName = NOBODY
) -> Observation | None:
    """Return what a strategy sees of a market now, None while the market or its book is not known."""
    seen = observe(context.view, ticker, strategy, context.now())
    return None if seen is None else with_features(context.shared.extensions, seen)

"""Which markets and strategies a person may name.

Owns: the refusal of a name that nobody here has: a misspelled one must not look like one that had nothing to do.
Must not: carry out anything.
"""

from __future__ import annotations

from typing import Final

from traderd.core.strategy_books import label_of
from traderd.model.ids import MarketTicker, StrategyName
from traderd.model.orders import OrderOwner
from traderd.services.context import Context

TICKER_SHOWN_MAX: Final = 64
"""Bounds a name that is shown back: a real ticker is shorter."""


def unknown_scope(
    context: Context, ticker: MarketTicker | None, strategy: StrategyName | None
) -> str | None:
    """Return why this market or strategy cannot be meant, None when it can."""
    if ticker is not None and not _knows_market(context, ticker):
        return f"market {ticker[:TICKER_SHOWN_MAX]} is not known here"
    if strategy is not None and strategy not in known_strategies(context):
        known = ", ".join(known_strategies(context)) or "none"
        return f"strategy {strategy[:TICKER_SHOWN_MAX]} is not known here (known are: {known})"
    return None


def _knows_market(context: Context, ticker: MarketTicker) -> bool:
    # An order may be open in a market that is not followed any more.
    view = context.view
    return (
        view.market(ticker) is not None
        or bool(view.live_orders(ticker))
        or view.universe.left_because(ticker) is not None
    )


def known_strategies(context: Context) -> tuple[str, ...]:
    """Return the strategies that are loaded, those that have traded, and `person`: the orders of persons."""
    traded = (book.label for book in context.view.strategies())
    live = (label_of(order.attribution) for order in context.view.own_live_orders())
    names = (*context.shared.strategies, *traded, *live, OrderOwner.PERSON.value)
    return tuple(dict.fromkeys(names))

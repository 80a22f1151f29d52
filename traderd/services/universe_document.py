"""The universe as a JSON document: which markets are followed, why, and what changed lately.

Owns: its shape. Lists are bounded; what is left out is counted.
Must not: compute anything that the view does not tell.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from traderd.core.view import StateView
from traderd.model.units import format_time

Document: TypeAlias = dict[str, Any]

MARKETS_SHOWN: Final = 500
"""Bounds the markets that are listed; the rest is counted."""


def universe_document(view: StateView) -> Document:
    """Return the followed markets with their reasons, those whose books were given up, and the last changes."""
    universe, markets = view.universe, view.market_data.markets
    shown = list(universe.followed.items())[:MARKETS_SHOWN]
    return {
        "followed": len(universe.followed),
        "markets": [
            {
                "ticker": ticker,
                "why": why,
                "status": markets[ticker].status.value if ticker in markets else "unknown",
                "book_given_up": universe.shed.get(ticker),
            }
            for ticker, why in shown
        ],
        "not_listed": len(universe.followed) - len(shown),
        "books_given_up": len(universe.shed),
        "changes": [
            {
                "at": format_time(change.at),
                "ticker": change.ticker,
                "change": "added" if change.is_followed else "dropped",
                "why": change.reason,
            }
            for change in universe.changes
        ],
    }

"""A small scenario for tests, as the tables of its file."""

from __future__ import annotations

import itertools
from typing import Any

from tests.paper.venues import NOW
from traderd.paper.scenario import Scenario, build_venue
from traderd.paper.venue.venue import Venue


def tables(**market: Any) -> dict[str, Any]:
    """Return one series, one event, one market and one account; the market's keys can be changed."""
    return {
        "name": "small",
        "series": [{"ticker": "KX", "title": "Series", "fee_type": "quadratic"}],
        "events": [{"ticker": "KX-1", "series": "KX", "title": "Event"}],
        "markets": [
            {
                "ticker": "KX-1-A",
                "event": "KX-1",
                "title": "A",
                "outcome": "A",
                "closes_in_s": 60,
                "bids": [["0.46", "1"], ["0.47", "2"]],
                "asks": [["0.48", "3"]],
            }
            | market
        ],
        "accounts": [{"name": "ann"}],
    }


def build(scenario: Scenario, **more: Any) -> Venue:
    numbers = itertools.count(1)
    return build_venue(scenario, ids=lambda: f"id-{next(numbers)}", now=NOW, **more)

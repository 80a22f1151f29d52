"""Observations made by hand, for what decides on one."""

from typing import Any

import attrs

from traderd.core.observation import Observation, PriceSource
from traderd.model.book_events import BookGrade
from traderd.model.market import Market
from traderd.model.units import Count, Money, Timestamp


def plain_observation(market: Market, **changes: Any) -> Observation:
    """Return a look at a good book without a level, by a strategy that has no order, position or profit."""
    plain = Observation(
        at=Timestamp(0),
        market=market,
        source=PriceSource.LIVE,
        book_grade=BookGrade.A,
        book_causes=(),
        book_age_ns=0,
        bids=(),
        asks=(),
        last_trade=None,
        trades=(),
        orders=(),
        position=Count(0),
        account_position=Count(0),
        average_cost=None,
        realized_pnl=Money(0),
        unrealized_pnl=Money(0),
        fees_paid=Money(0),
        balance=None,
    )
    return attrs.evolve(plain, **changes)

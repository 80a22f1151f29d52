"""Facts of money: positions, complete readings of the account, and what was new in them.

Owns: the events of the account.
Must not: compare or compute (see `core/reconcile.py` and `core/ledger.py`).
"""

from __future__ import annotations

import attrs

from traderd.model.ids import MarketTicker
from traderd.model.orders import (
    BalanceRecord,
    PositionRecord,
)
from traderd.model.units import Count, Money, Price, Timestamp


@attrs.frozen(kw_only=True)
class PositionChanged:
    """Follows from a fill or an adoption: the market's position is new."""

    at: Timestamp
    ticker: MarketTicker
    count: Count
    average_cost: Price | None
    realized_pnl: Money
    fees_paid: Money


@attrs.frozen(kw_only=True)
class Difference:
    """One thing in which the exchange and we disagreed."""

    kind: str
    """`fill_missed`, `order_adopted`, `order_found`, `order_ended`, `order_amended`, `order_filled`,
    `position`, `position_gone`, `position_agrees`, `carried_in`."""
    subject: str
    ours: str
    theirs: str


@attrs.frozen(kw_only=True)
class AccountSynced:
    """A complete reading of the account; a failed or partial one never becomes this event."""

    at: Timestamp
    started_at: Timestamp
    """Facts observed after this moment may be missing from the reading."""
    sync_type: str
    """`initial` or `update`."""
    positions: tuple[PositionRecord, ...]
    balance: BalanceRecord
    differences: tuple[Difference, ...] = ()
    """What the reading's fills and orders told that was new; they are events of their own."""


@attrs.frozen(kw_only=True)
class TradingStateUpdated:
    """Follows from AccountSynced: where the account stands and what was new in it."""

    at: Timestamp
    sync_type: str
    version: int
    balance: Money
    balance_change: Money
    portfolio_value: Money
    position_count: int
    position_count_change: int
    order_count: int
    order_count_change: int
    differences: tuple[Difference, ...]

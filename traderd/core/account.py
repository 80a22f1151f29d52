"""The exchange's own words about our money, and how far they are proved.

Owns: what the last complete reading said and what a replay needs to judge the next one.
Must not: compare (see `account_sync`) or hold entries (see `ledger`).
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Final

import attrs

from traderd.core.balance_proof import BalanceProof
from traderd.model.account_events import TradingStateUpdated
from traderd.model.ids import MarketTicker
from traderd.model.rows import UnreadableRow
from traderd.model.units import Count, Money, Timestamp

READINGS_KEPT: Final = 50
"""Bounds the readings whose differences can be asked for: who asked for one finds it although others followed."""


@attrs.frozen
class Mismatch:
    """A position that our fills do not explain."""

    ours: Count
    theirs: Count

    @property
    def amount(self) -> int:
        """What the exchange has more than we have."""
        return self.theirs - self.ours


@attrs.define(eq=False)
class Account:
    """The exchange's own words about our money, from the last complete reading."""

    first_reading: bool = True
    """The first reading of this run is still to come."""
    known_before: dict[MarketTicker, None] = attrs.Factory(dict)
    """Markets that had a fill or a carried-in position before this run began: nothing overwrites those."""
    may_carry_in: dict[MarketTicker, None] = attrs.Factory(dict)
    """Markets whose position the next reading that can judge them may take over, known before or not."""
    balance: Money | None = None
    portfolio_value: Money | None = None
    balance_by_engine: tuple[tuple[int, Money], ...] = ()
    """The cash of each matching engine, where the exchange tells of several."""
    read_at: Timestamp | None = None
    first_read_at: Timestamp | None = None
    """When the first reading in the journal began: no order of ours is older."""
    fills_read_from: Timestamp | None = None
    """When the last complete reading began, by the exchange's clock: every fill before it is booked, so the next one
    starts here."""
    version: int = 0
    position_count: int = 0
    order_count: int = 0
    proof: BalanceProof = attrs.Factory(BalanceProof)
    settling_since: dict[MarketTicker, Timestamp] = attrs.Factory(dict)
    """Markets whose position is gone but not settled yet, and since when."""
    unreadable: tuple[UnreadableRow, ...] = ()
    """Rows of the last complete reading, and of looks since then, that could not be read."""
    hidden_since: Timestamp | None = None
    """When the first row came that could not be read, while there was no other that stopped anything."""
    mismatches: dict[MarketTicker, Mismatch] = attrs.Factory(dict)
    """Positions of the last reading that our fills do not explain, ignored ones too."""
    ignored: dict[str, int] = attrs.Factory(dict)
    """Differences that a person noted, by item: the exchange's figure less ours at that time, and no other."""
    differences: Counter[str] = attrs.Factory(Counter)
    """What readings found to differ from what we knew, by kind."""
    readings: deque[TradingStateUpdated] = attrs.Factory(lambda: deque(maxlen=READINGS_KEPT))
    """The newest readings, oldest first."""

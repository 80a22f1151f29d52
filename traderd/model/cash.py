"""What moves cash without a trade: the end of a market, and the world outside.

Owns: settlements and cash movements as values.
Must not: book them (see `core/ledger.py`), or know how they travel.
"""

from __future__ import annotations

import enum

import attrs

from traderd.model.ids import MarketTicker
from traderd.model.units import Count, Money, Price, Timestamp


@attrs.frozen(kw_only=True)
class Settlement:
    """What the exchange paid for a position when its market ended (Kalshi: settlements)."""

    ticker: MarketTicker
    result: str
    """`yes`, `no`, `scalar` or, in 2025, `void`."""
    yes_count: Count
    no_count: Count
    cost: Money
    """What the position had cost, as the exchange counts it."""
    revenue: Money
    """What was paid for it."""
    fees_paid: Money
    """Trading fees of the market, all paid before; there is none for settling."""
    settled_at: Timestamp
    value: Price | None = None
    """What one YES contract was worth; None where the exchange does not say."""

    @property
    def count(self) -> Count:
        """The signed position that was settled."""
        return Count(self.yes_count - self.no_count)


class MoveKind(enum.Enum):
    """How cash came or went."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    TRANSFER = "transfer"
    """From or to another subaccount."""


@attrs.frozen(kw_only=True)
class CashMove:
    """Cash that came from outside, or went there."""

    move_id: str
    kind: MoveKind
    amount: Money
    """Signed: above 0 it came in."""
    fee: Money
    """What was taken on top."""
    moved_at: Timestamp
    """When it was in the balance, to the second."""

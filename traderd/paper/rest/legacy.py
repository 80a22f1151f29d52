"""The numbers of December 2025: whole cents and whole contracts.

Owns: how exact amounts become the integers of the legacy dialect (Kalshi: prices to the nearest cent, counts cut).
Must not: know a body; those say themselves which fields they have twice.
"""

from __future__ import annotations

from typing import Final

from traderd.model.units import ONE_CONTRACT, Count, Money, Price

PRICE_PER_CENT: Final = 100
MONEY_PER_CENT: Final = 10_000


def cents(price: Price) -> int:
    """Return a price in cents, half up."""
    return (price + PRICE_PER_CENT // 2) // PRICE_PER_CENT


def money_cents(money: Money) -> int:
    """Return money in cents, half up."""
    return (money + MONEY_PER_CENT // 2) // MONEY_PER_CENT


def whole(count: Count) -> int:
    """Return whole contracts toward 0: a part of a contract is none."""
    return count // ONE_CONTRACT if count >= 0 else -(-count // ONE_CONTRACT)

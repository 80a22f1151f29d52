"""How one exchange behaves where its operator may choose.

Owns: the choices of a served exchange that are not a scenario: dialect, tier, what `balance` means, how much is kept
live.
Must not: hold what the venue decides by itself (`choices`).
"""

from __future__ import annotations

import enum

import attrs

from traderd.paper import choices


class Dialect(enum.Enum):
    """Which of Kalshi's languages is spoken."""

    V2 = "v2"
    """Today's: V1 order writes answer 410."""
    LEGACY = "legacy"
    """Today's and that of December 2025 beside it: V1 writes are served, and bodies carry the fields of both."""


class Tier(enum.Enum):
    """Kalshi: the usage tiers, and one of our own without limits."""

    BASIC = "basic"
    ADVANCED = "advanced"
    EXPERT = "expert"
    PREMIER = "premier"
    PARAGON = "paragon"
    PRIME = "prime"
    PRESTIGE = "prestige"
    UNLIMITED = "unlimited"


@attrs.frozen(kw_only=True)
class ExchangeSettings:
    """What an operator may choose."""

    dialect: Dialect = Dialect.V2
    tier: Tier = Tier.UNLIMITED
    """Of every account. A served exchange takes `basic` by default, as Kalshi does."""
    balance_is_available: bool = choices.BALANCE_IS_AVAILABLE
    historical_after_s: int = choices.HISTORICAL_AFTER_S

    @property
    def is_legacy(self) -> bool:
        """Tell whether bodies carry the fields of December 2025 too."""
        return self.dialect is Dialect.LEGACY


DEFAULT_SETTINGS = ExchangeSettings()

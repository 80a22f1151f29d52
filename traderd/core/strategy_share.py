"""One strategy's share of the account: how much of it that strategy may use, whatever the account has left.

Owns: what a percentage and absolute bounds come to together.
Must not: judge by it (see `share_rules`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from traderd.model.ids import StrategyName
from traderd.model.units import Count, Money

if TYPE_CHECKING:
    from traderd.core.risk_limits import RiskLimits

UNBOUNDED: Final = 0
PERCENT: Final = 100


@attrs.frozen(kw_only=True)
class StrategyShare:
    """What one strategy may use; 0 sets no bound."""

    strategy: StrategyName
    max_exposure: Money = Money(UNBOUNDED)
    max_open_orders: int = UNBOUNDED
    max_position: Count = Count(UNBOUNDED)

    @property
    def is_bound(self) -> bool:
        """Tell whether it sets any bound."""
        return bool(self.max_exposure or self.max_open_orders or self.max_position)


def share_of(
    limits: RiskLimits,
    strategy: StrategyName,
    percent: int | None,
    absolute: StrategyShare,
) -> StrategyShare:
    """Return a strategy's share: so many percent of the account's limits, and of the absolute bounds the narrower.

    Rounded down, but never to nothing.
    """

    def part(account: int, bound: int) -> int:
        parts = [bound] if bound else []
        if percent is not None and account:
            parts.append(max(1, account * percent // PERCENT))
        return min(parts, default=UNBOUNDED)

    return StrategyShare(
        strategy=strategy,
        max_exposure=Money(part(limits.max_exposure, absolute.max_exposure)),
        max_open_orders=part(limits.max_open_orders, absolute.max_open_orders),
        max_position=Count(part(limits.max_account_position, absolute.max_position)),
    )

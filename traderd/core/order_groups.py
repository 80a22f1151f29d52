"""The order groups that we have at the exchange, and the strategies that they stopped.

Owns: which group counts for which strategy on which shard, and that a strategy stays stopped until a person resets it,
whatever becomes of its group. Kalshi: order groups bound the contracts that trade within 15 seconds.
Must not: count fills; the exchange does.
"""

from __future__ import annotations

import attrs

from traderd.model.group_events import (
    OrderGroupEnded,
    OrderGroupOpened,
    OrderGroupReset,
    OrderGroupTriggered,
)
from traderd.model.ids import StrategyName
from traderd.model.units import Count


@attrs.frozen(kw_only=True)
class OrderGroup:
    """One group at the exchange."""

    group_id: str
    strategy: StrategyName
    exchange_index: int
    limit: Count


@attrs.define(eq=False)
class OrderGroups:
    """All groups of ours that exist, as far as we know."""

    by_id: dict[str, OrderGroup] = attrs.Factory(dict)
    stopped: dict[StrategyName, str] = attrs.Factory(dict)
    """Strategies that a group stopped, with the sentence that says so."""

    def find(self, strategy: StrategyName, exchange_index: int) -> OrderGroup | None:
        """Return the group of a strategy on a shard, None while there is none."""
        for group in self.by_id.values():
            if (group.strategy, group.exchange_index) == (strategy, exchange_index):
                return group
        return None

    def of_strategy(self, strategy: StrategyName) -> tuple[OrderGroup, ...]:
        """Return all groups of a strategy."""
        return tuple(group for group in self.by_id.values() if group.strategy == strategy)

    def open(self, event: OrderGroupOpened) -> None:
        """Note a group; one that is told of again has another limit."""
        self.by_id[event.group_id] = OrderGroup(
            group_id=event.group_id,
            strategy=event.strategy,
            exchange_index=event.exchange_index,
            limit=event.limit,
        )

    def trigger(self, event: OrderGroupTriggered) -> None:
        """Stop the group's strategy; the first sentence stays readable."""
        self.stopped.setdefault(event.strategy, event.sentence)

    def reset(self, event: OrderGroupReset) -> None:
        """Let the strategy go on."""
        self.stopped.pop(event.strategy, None)

    def end(self, event: OrderGroupEnded) -> None:
        """Forget a group; its strategy stays stopped if it was."""
        self.by_id.pop(event.group_id, None)

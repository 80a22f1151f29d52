"""The order groups that we have at the exchange, and the strategies that they stopped.

Owns: which group counts for which strategy on which shard, and that a strategy stays stopped until a person resets it,
whatever becomes of its group. Kalshi: order groups bound the contracts that trade within 15 seconds.
Must not: count fills; the exchange does.
"""

from __future__ import annotations

from typing import Any

import attrs

from traderd.model.group_events import (
    GroupNews,
    OrderGroupEnded,
    OrderGroupOpened,
    OrderGroupReported,
    OrderGroupReset,
    OrderGroupTriggered,
)
from traderd.model.ids import StrategyName
from traderd.model.units import Count, Timestamp


@attrs.frozen(kw_only=True)
class OrderGroup:
    """One group at the exchange."""

    group_id: str
    strategy: StrategyName
    exchange_index: int
    limit: Count
    """As we asked for it."""
    limit_told: Count | None = None
    """As the exchange told it last, None before it did."""
    triggered_at: Timestamp | None = None
    """Since when the exchange takes its orders off the book and refuses new ones, as far as is known."""


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
        known = self.by_id.get(event.group_id)
        self.by_id[event.group_id] = OrderGroup(
            group_id=event.group_id,
            strategy=event.strategy,
            exchange_index=event.exchange_index,
            limit=event.limit,
            triggered_at=None if known is None else known.triggered_at,
        )

    def trigger(self, event: OrderGroupTriggered) -> None:
        """Stop the group's strategy; the first sentence stays readable."""
        self.stopped.setdefault(event.strategy, event.sentence)
        if not event.is_over:
            self._evolve(event.group_id, triggered_at=event.at)

    def reset(self, event: OrderGroupReset) -> None:
        """Let the strategy go on."""
        self.stopped.pop(event.strategy, None)
        for group in self.of_strategy(event.strategy):
            self._evolve(group.group_id, triggered_at=None)

    def end(self, event: OrderGroupEnded) -> None:
        """Forget a group; its strategy stays stopped if it was."""
        self.by_id.pop(event.group_id, None)

    def report(self, event: OrderGroupReported) -> None:
        """Take over what the exchange tells of a group of ours; that of others is none of our business."""
        if event.news is GroupNews.TRIGGERED:
            self._evolve(event.group_id, triggered_at=event.at)
        elif event.news is GroupNews.RESET:
            self._evolve(event.group_id, triggered_at=None)
        elif event.limit is not None:
            self._evolve(event.group_id, limit_told=event.limit)

    def _evolve(self, group_id: str, **changes: Any) -> None:
        if (group := self.by_id.get(group_id)) is not None:
            self.by_id[group_id] = attrs.evolve(group, **changes)

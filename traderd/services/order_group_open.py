"""Opening order groups: a write that is never made twice.

Owns: finding out about a create whose answer never came before another one is made.
Must not: decide which strategy needs a group.
"""

from __future__ import annotations

import attrs
import trio

from traderd.core.order_groups import OrderGroup
from traderd.errors import ExchangeError, ExchangeUnavailable, OutcomeUnknown
from traderd.model import events as ev
from traderd.model.ids import StrategyName
from traderd.model.units import Count, show_count
from traderd.services.context import Context


class GroupUnavailable(ExchangeError):
    """A strategy's order needs a group and there is none now: it is not sent."""


@attrs.frozen(kw_only=True)
class Doubt:
    """A create whose answer never came: the group is one that the list shows and did not show before, or none."""

    before: frozenset[str]
    """Ids of the groups that the account had."""
    began_at: float
    """On Trio's clock."""


class GroupOpener:
    """Opens groups, one at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._opening = trio.Lock()
        self._doubts: dict[tuple[StrategyName, int], Doubt] = {}

    async def open(self, strategy: StrategyName, shard: int, limit: Count) -> OrderGroup:
        """Return the group of a strategy on a shard, made if it is not there.  Cancelling is safe.

        Raises:
            GroupUnavailable: it could not be opened.
        """
        # One at a time: two orders of a strategy that start together share one group.
        async with self._opening:
            known = self._context.view.order_groups.find(strategy, shard)
            return known or await self._open(strategy, shard, limit)

    async def _open(self, strategy: StrategyName, shard: int, limit: Count) -> OrderGroup:
        try:
            group_id = await self._found(strategy, shard, limit) or await self._create(
                strategy, shard, limit
            )
        except ExchangeError as exc:
            raise GroupUnavailable(
                f"the order group of strategy {strategy} could not be opened: {exc}"
            ) from exc
        group = OrderGroup(group_id=group_id, strategy=strategy, exchange_index=shard, limit=limit)
        tell_opened(self._context, group)
        return group

    async def _create(self, strategy: StrategyName, shard: int, limit: Count) -> str:
        rest = self._context.venue.rest
        before = frozenset(line.group_id for line in await rest.order_groups())
        try:
            return await rest.create_order_group(limit, shard)
        except OutcomeUnknown:
            self._doubts[strategy, shard] = Doubt(before=before, began_at=trio.current_time())
            raise

    async def _found(self, strategy: StrategyName, shard: int, limit: Count) -> str | None:
        """Return the group of a create that got no answer; None when there was none, or it is sure not to have happened.

        Raises:
            ExchangeError: that is not known yet: to create another now would be to write twice.
        """
        if (doubt := self._doubts.get((strategy, shard))) is None:
            return None
        asked_at = trio.current_time()
        known = self._context.view.order_groups.by_id
        for line in await self._context.venue.rest.order_groups():
            is_new = line.group_id not in doubt.before and line.group_id not in known
            if is_new and (line.limit, line.exchange_index) == (limit, shard):
                del self._doubts[strategy, shard]
                return line.group_id
        if asked_at - doubt.began_at < self._context.config.trading.unknown_quarantine_s:
            raise ExchangeUnavailable("whether it was opened is not known yet")
        del self._doubts[strategy, shard]
        return None


def tell_opened(context: Context, group: OrderGroup) -> None:
    """Publish and log that the exchange counts for a strategy, by this limit."""
    context.publish(
        ev.OrderGroupOpened(
            at=context.now(),
            group_id=group.group_id,
            strategy=group.strategy,
            exchange_index=group.exchange_index,
            limit=group.limit,
        )
    )
    context.log.info(
        f"order group of strategy {group.strategy}: {show_count(group.limit)} contracts in 15 s",
        strategy=group.strategy,
        group=group.group_id,
    )

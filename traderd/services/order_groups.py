"""Order groups: the exchange's own lock on a burst of fills of one strategy.

Owns: one group for each strategy and shard, made before the first order that needs it, adopted at start, ended at the
stop; and that a triggered group stops its strategy until a person resets it. Kalshi: a triggered group's orders are
canceled and new ones refused until it is reset.
Must not: count fills, or let an order of a limited strategy leave without its group.
"""

from __future__ import annotations

from typing import Any, Final

import attrs
import trio

from traderd.core.order import Order
from traderd.core.order_groups import OrderGroup
from traderd.core.view import StateView
from traderd.errors import ExchangeError
from traderd.model import events as ev
from traderd.model.commands import Answer, Outcome, denied, done
from traderd.model.ids import MarketTicker, StrategyName
from traderd.model.orders import Attribution, OrderStatus
from traderd.model.units import Count, show_count
from traderd.runtime.inbox import Inbox
from traderd.services.context import Context
from traderd.services.order_group_open import GroupOpener, tell_opened
from traderd.services.order_policies import group_limit

TRIGGERED_CODES: Final = frozenset({"exceeded_order_group_risk_limit", "order_group_cancel"})
"""Refusals that say that the group was triggered (Kalshi: FIX reject reasons)."""
UNKNOWN_CODES: Final = frozenset({"order_group_not_found"})


class GroupKeeper:
    """Keeps the groups of all strategies."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._opener = GroupOpener(context)
        self._checking: dict[str, bool] = {}
        """Groups that are being asked about, with whether there is news since the question."""
        self._ours: dict[str, None] = {}
        """Groups that are being changed from here, so that what the exchange tells of them is no surprise."""

    def must_open(self, attribution: Attribution, ticker: MarketTicker) -> bool:
        """Tell whether an order needs a group that is not there yet, so that asking for it is a write."""
        needed = self._needed(attribution, ticker)
        return needed is not None and self._find(needed[0], needed[1]) is None

    async def group_for(self, attribution: Attribution, ticker: MarketTicker) -> str | None:
        """Return the group that an order must carry, None when it needs none.  Cancelling is safe.

        Raises:
            GroupUnavailable: it could not be opened.
        """
        needed = self._needed(attribution, ticker)
        if needed is None:
            return None
        strategy, shard, limit = needed
        group = self._find(strategy, shard) or await self._opener.open(strategy, shard, limit)
        return group.group_id

    def _needed(
        self, attribution: Attribution, ticker: MarketTicker
    ) -> tuple[StrategyName, int, Count] | None:
        strategy = attribution.strategy
        limit = None if strategy is None else group_limit(self._context.config, strategy)
        if strategy is None or limit is None:
            return None
        market = self._context.view.market(ticker)
        return strategy, 0 if market is None else market.exchange_index, limit

    def _find(self, strategy: StrategyName, shard: int) -> OrderGroup | None:
        return self._context.view.order_groups.find(strategy, shard)

    async def check_all(self) -> None:
        """Ask about every group that we know: it may have been triggered, ended, or be of an older limit."""
        for group in tuple(self._context.view.order_groups.by_id.values()):
            await self.check(group)

    async def check_after(self, readings: Inbox[Any]) -> None:
        """Ask about the groups whenever the account was read, until cancelled; the first time adopts them."""
        async for _ in readings:
            await self.check_all()

    async def check(self, group: OrderGroup) -> None:
        """Ask about one group; a failure is logged, and it is asked about again.  Cancelling is safe."""
        context = self._context
        try:
            state = await context.venue.rest.order_group(group.group_id)
        except ExchangeError as exc:
            context.log.warning(f"could not read the order group of {group.strategy}: {exc}")
            return
        if state is None:
            self.ended(group.group_id)
        elif state.is_triggered:
            self.triggered(group)
        else:
            await self._set_limit(group, group_limit(context.config, group.strategy))

    async def _set_limit(self, group: OrderGroup, limit: Count | None) -> None:
        # Of a strategy that is limited no more the group stays until the stop: to end it would cancel its orders.
        context = self._context
        if limit is None or limit == group.limit:
            return
        try:
            await self._write_limit(group, limit)
        except ExchangeError as exc:
            context.log.warning(f"could not change the limit of {group.strategy}: {exc}")
            return
        tell_opened(context, attrs.evolve(group, limit=limit))

    async def _write_limit(self, group: OrderGroup, limit: Count) -> None:
        # The exchange tells of it before it answers: that is no news.
        self._ours[group.group_id] = None
        try:
            await self._context.venue.rest.limit_order_group(
                group.group_id, group.exchange_index, limit
            )
        finally:
            self._ours.pop(group.group_id, None)

    def triggered(self, group: OrderGroup, *, is_over: bool = False) -> None:
        """Stop the strategy of a group that the exchange has triggered; once.  `is_over`: it has reset it since."""
        context = self._context
        if group.strategy in context.view.order_groups.stopped:
            return
        sentence = (
            f"strategy {group.strategy} is stopped: its orders traded more than {show_count(group.limit)} "
            f"contracts within 15 s, so the exchange took them down; look at its fills, then "
            f"`traderd reset-strategy {group.strategy}`"
        )
        context.publish(
            ev.OrderGroupTriggered(
                at=context.now(),
                group_id=group.group_id,
                strategy=group.strategy,
                sentence=sentence,
                is_over=is_over,
            )
        )
        context.log.error(sentence, strategy=group.strategy, group=group.group_id)

    def ended(self, group_id: str) -> None:
        """Note that the exchange knows a group no more: the next order opens another."""
        if group_id in self._context.view.order_groups.by_id:
            self._context.publish(ev.OrderGroupEnded(at=self._context.now(), group_id=group_id))

    def refused(self, group_id: str | None, code: str) -> None:
        """Learn from the refusal of an order of a group."""
        group = self._context.view.order_groups.by_id.get(group_id or "")
        if group is None:
            return
        if code.lower() in TRIGGERED_CODES:
            self.triggered(group)
        elif code.lower() in UNKNOWN_CODES:
            self.ended(group.group_id)

    async def follow(self, news: Inbox[Any]) -> None:
        """Do what the exchange's own word about our groups calls for, until cancelled."""
        async with trio.open_nursery() as nursery:
            async for batch in news:
                for event in batch:
                    group = self._context.view.order_groups.by_id.get(event.group_id)
                    if group is not None and self._told(group, event):
                        nursery.start_soon(self._set_back, group)

    def _told(self, group: OrderGroup, event: ev.OrderGroupReported) -> bool:
        """Take one piece of news; returns whether the limit must be set back."""
        context, strategy = self._context, group.strategy
        if event.news is ev.GroupNews.TRIGGERED:
            # The state has heard of this and of all that was told since.
            self.triggered(group, is_over=group.triggered_at is None)
        elif event.news is ev.GroupNews.DELETED:
            self.ended(group.group_id)
        elif group.group_id in self._ours:
            return False
        elif event.news is ev.GroupNews.RESET and strategy in context.view.order_groups.stopped:
            context.log.warning(
                f"the order group of strategy {strategy} was reset at the exchange, not from here; the strategy stays "
                f"stopped until `traderd reset-strategy {strategy}`",
                strategy=strategy,
            )
        elif event.limit is not None and event.limit != group.limit:
            return self._limit_told(group, event.limit)
        return False

    def _limit_told(self, group: OrderGroup, told: Count) -> bool:
        is_looser = told > group.limit
        do = "it is set back" if is_looser else "the tighter one holds until the next start"
        self._context.log.warning(
            f"the limit of the order group of strategy {group.strategy} was set to {show_count(told)} contracts in 15 s "
            f"at the exchange, not from here, and the settings say {show_count(group.limit)}; {do}",
            strategy=group.strategy,
        )
        return is_looser

    async def _set_back(self, group: OrderGroup) -> None:
        try:
            await self._write_limit(group, group.limit)
        except ExchangeError as exc:
            self._context.log.error(
                f"the limit of the order group of strategy {group.strategy} could not be set back: {exc}"
            )

    async def watch(self, changes: Inbox[Any]) -> None:
        """Ask about a group when an order of it ended that nobody cancelled, until cancelled."""
        async with trio.open_nursery() as nursery:
            # The questions run beside the news: an exchange that is slow must not fill the inbox.
            async for batch in changes:
                for group in filter(None, map(self._group_of_lost, batch)):
                    if group.group_id not in self._checking:
                        nursery.start_soon(self._check_lost, group)
                    self._checking[group.group_id] = True

    async def _check_lost(self, group: OrderGroup) -> None:
        try:
            while self._checking[group.group_id]:
                self._checking[group.group_id] = False
                await self.check(group)
        finally:
            del self._checking[group.group_id]

    def _group_of_lost(self, change: ev.OrderChanged) -> OrderGroup | None:
        if change.status is not OrderStatus.CANCELED or change.previous is not OrderStatus.RESTING:
            return None
        group = group_of(self._context.view, self._context.view.order(change.key))
        # Of a group that was triggered every order ends, and that is known.
        return None if group is None or group.triggered_at is not None else group

    async def reset(self, strategy: StrategyName) -> Outcome:
        """Let a stopped strategy go on; nothing is changed when the exchange does not reset its groups."""
        context, groups = self._context, self._context.view.order_groups
        if strategy not in groups.stopped:
            stopped = ", ".join(groups.stopped) or "none"
            return denied(f"strategy {strategy!r} is not stopped; stopped are: {stopped}")
        for group in groups.of_strategy(strategy):
            self._ours[group.group_id] = None
            try:
                await context.venue.rest.reset_order_group(group.group_id, group.exchange_index)
            except ExchangeError as exc:
                if getattr(exc, "status", None) == 404:
                    self.ended(group.group_id)
                    continue
                # A reset that did happen is safe as well: here the strategy stays stopped.
                return Outcome(
                    answer=Answer.UNAVAILABLE,
                    sentence=f"strategy {strategy} stays stopped, its order group was not reset: {exc}",
                )
            finally:
                self._ours.pop(group.group_id, None)
        context.publish(ev.OrderGroupReset(at=context.now(), strategy=strategy))
        return done(f"strategy {strategy} goes on")

    async def end_all(self) -> None:
        """End the groups that no order rests in; the others are adopted by the next run.  Cancelling gives up."""
        view = self._context.view
        in_use = {
            order.terms.order_group_id
            for order in view.own_live_orders()
            if order.terms is not None
        }
        for group in tuple(view.order_groups.by_id.values()):
            # A triggered one stays, and with it the exchange's own refusal of what its strategy may send.
            if group.group_id not in in_use and group.strategy not in view.order_groups.stopped:
                await self._end(group)

    async def _end(self, group: OrderGroup) -> None:
        context = self._context
        try:
            await context.venue.rest.delete_order_group(group.group_id, group.exchange_index)
        except ExchangeError as exc:
            context.log.warning(f"could not end the order group of {group.strategy}: {exc}")
            return
        self.ended(group.group_id)


def group_of(view: StateView, order: Order | None) -> OrderGroup | None:
    """Return the group that an order of ours is in, None when it has none or the group is not known."""
    if order is None or order.terms is None or order.terms.order_group_id is None:
        return None
    return view.order_groups.by_id.get(order.terms.order_group_id)

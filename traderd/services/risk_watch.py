"""Watches over what the risk gate goes by, and gives it a voice.

Owns: the regular mark for the loss limits and their starting points on the disk; the log of refusals; taking down the orders of a strategy that was stopped; and
asking the exchange which events are exclusive.
Must not: judge orders, or clear anything.
"""

from __future__ import annotations

from typing import Any, Final

import attrs
import trio

from traderd.config import Config
from traderd.core.conditions import EXECUTIONS_HALT
from traderd.errors import ExchangeError
from traderd.model import events as ev
from traderd.model.commands import CancelOrders
from traderd.model.ids import EventTicker
from traderd.model.orders import OrderOwner
from traderd.model.units import Money
from traderd.plugin_api import OnCrash, Service, hookimpl
from traderd.runtime.inbox import Inbox, Policy
from traderd.services.context import Context
from traderd.services.limits_confirmation import begin_limits

MARK_INTERVAL_S: Final = 5.0
"""How often the profit is looked at without a fill: prices alone can lose money too."""
EVENT_INTERVAL_S: Final = 5.0
"""How often events that orders or positions are in and that nobody described are asked for."""
EVENTS_PER_ROUND: Final = 5
"""Bounds the reads of one round: they are cheap, and until they are answered the sum of the markets counts."""
TOLD_AGAIN_S: Final = 60.0
"""How often the same refusal of the same strategy is told; in between it is only counted."""


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the watch when trading is on."""
    if not config.trading_enabled:
        return []
    return [Service(name="risk_watch", run=run, after=("risk",), on_crash=OnCrash.HALT)]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Watch until cancelled."""
    with (
        context.subscribe(ev.OrderDenied, policy=Policy.DROP_OLDEST) as denials,
        context.subscribe(ev.HaltRaised, policy=Policy.LOSSLESS) as halts,
    ):
        async with trio.open_nursery() as nursery:
            begin_limits(context)
            nursery.start_soon(Refusals(context).follow, denials)
            nursery.start_soon(_take_down, context, halts)
            nursery.start_soon(_mark, context)
            nursery.start_soon(_describe_events, context)
            task_status.started()


@attrs.define(eq=False)
class Refusals:
    """Tells refusals: each of a person, of a strategy the first and then one a minute."""

    context: Context
    _told_at: dict[tuple[str, str], float] = attrs.Factory(dict)

    async def follow(self, denials: Inbox[Any]) -> None:
        """Tell until cancelled."""
        async for batch in denials:
            for event in batch:
                self.tell(event)

    def tell(self, event: ev.OrderDenied) -> None:
        """Tell one refusal, or leave it to the counters."""
        owner = event.attribution.strategy or event.attribution.owner.value
        now, key = trio.current_time(), (owner, event.rule)
        is_person = event.attribution.owner is OrderOwner.PERSON
        if not is_person and now < self._told_at.get(key, -TOLD_AGAIN_S) + TOLD_AGAIN_S:
            return
        self._told_at[key] = now
        control = f" [{event.control}]" if event.control else ""
        self.context.log.info(
            f"order of {owner} denied by rule {event.rule}: {event.sentence}{control}",
            rule=event.rule,
            control=event.control,
            owner=owner,
            ticker=event.terms.ticker,
        )


async def _take_down(context: Context, halts: Inbox[Any]) -> None:
    async for batch in halts:
        for event in batch:
            if event.strategy is not None and event.halt_id.startswith(EXECUTIONS_HALT):
                outcome = await context.send(CancelOrders(strategy=event.strategy))
                context.log.error(
                    f"strategy {event.strategy} is stopped until `traderd clear-halt {event.halt_id}`; "
                    f"its orders: {outcome.sentence}",
                    strategy=event.strategy,
                )


async def _mark(context: Context) -> None:
    kept: tuple[str, Money, Money] | None = None
    while True:
        if context.view.working:
            context.publish(ev.ProfitMarked(at=context.now()))
            loss = context.view.risk.loss
            standing = (loss.day, loss.day_start, loss.peak)
            if loss.day and standing != kept:
                kept = standing
                context.publish(
                    ev.LossBaselineMoved(
                        at=context.now(), day=loss.day, day_start=loss.day_start, peak=loss.peak
                    )
                )
        await trio.sleep(MARK_INTERVAL_S)


async def _describe_events(context: Context) -> None:
    refused: dict[EventTicker, None] = {}
    while True:
        await trio.sleep(EVENT_INTERVAL_S)
        if not context.view.working:
            continue
        unknown = [event for event in undescribed(context) if event not in refused]
        for event in unknown[:EVENTS_PER_ROUND]:
            try:
                exclusive = await context.venue.rest.lists.is_exclusive(event)
            except ExchangeError as exc:
                # Its markets are added until then, which is never too little.
                refused[event] = None
                context.log.warning(f"event {event} is taken as not exclusive: {exc}")
            else:
                context.publish(
                    ev.EventsDescribed(at=context.now(), exclusive=((event, exclusive),))
                )


def undescribed(context: Context) -> list[EventTicker]:
    """Return the events in which something is held or may fill, and of which nobody knows whether they are exclusive."""
    view = context.view
    found: dict[EventTicker, None] = {}
    for ticker in view.held_markets():
        market = view.market(ticker)
        if market is not None and not view.risk.knows_event(market.event_ticker):
            found[market.event_ticker] = None
    return list(found)

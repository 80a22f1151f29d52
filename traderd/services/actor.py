"""The actor: shows strategies what changed and sends what they decide.

Owns: when a strategy is asked. Markets are news at most once per interval and never while its last commands for that
market are under way (book news is conflated); its own fills reach it every one, in order; trades and timers as they come.
Must not: know what any strategy thinks. How one is asked is in `actor_ask`, what it wants is sent by `actor_send`, and it
is changed, stopped and replaced by `actor_verbs`; how much of the loop each may take is kept by `actor_pace`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from typing import Any, Final

import trio

from traderd.config import Config
from traderd.core.tick_outcome import Ending
from traderd.model import events as ev
from traderd.model.commands import Command, Outcome
from traderd.model.ids import MarketTicker, StrategyName
from traderd.model.strategy_events import TenantStatus, TickCause
from traderd.plugin_api import OnCrash, Service, hookimpl
from traderd.runtime.commands import CommandRequest
from traderd.runtime.inbox import Inbox, Policy
from traderd.services.actor_ask import BUSY, Asker, Callback, Tick
from traderd.services.actor_pace import PaceKeeper, put_off
from traderd.services.actor_send import Sender
from traderd.services.actor_verbs import COMMANDS, TenantKeeper
from traderd.services.context import Context
from traderd.services.order_policies import degraded_part
from traderd.services.tenant import Tenant
from traderd.services.tenant_make import make_tenants
from traderd.services.tenant_share import Pace

DECISION_INTERVAL_S: Final = 1.0
"""Bounds how often one strategy decides about one market: Kalshi's basic tier writes ten orders a second."""
TIMER_STEP_S: Final = 0.1
"""How soon after the last look timers are looked at again, whatever was asked for."""

BREATH_EVERY: Final = 5_000
"""After so many markets that need no look yet (about a millisecond) the rest of the daemon gets its turn: 50 strategies that
follow 10,000 markets have half a million of them. Looks themselves count by their time, see `actor_pace`."""


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the actor when trading is on."""
    if not config.trading_enabled:
        return []
    return [Service(name="actor", run=run, after=("orders",), on_crash=OnCrash.HALT)]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Ask strategies until cancelled; their commands in flight go on without them."""
    made = make_tenants(
        context.config,
        context.shared.strategies,
        tuned=context.view.ticks.tuned,
        log=context.log,
        notes=context.strategy_notes,
        all_known=False,
    )
    tenants = {tenant.name: tenant for tenant in made}
    for tenant in made:
        reason = context.view.conditions.degraded.get(degraded_part(tenant.name))
        if reason is not None:
            # A quarantine is for a person to end, and not for a crash of this service.
            tenant.status, tenant.reason = TenantStatus.QUARANTINED, reason
    if not tenants:
        context.log.info("no strategy is enabled; set strategies.<name>.enabled = true")
    with (
        context.shared.commands.serve(*COMMANDS) as requests,
        context.subscribe(
            ev.BookChanged, ev.PositionChanged, policy=Policy.LATEST, key=_ticker_of
        ) as changes,
        context.subscribe(ev.OrderFilled, policy=Policy.LOSSLESS) as fills,
        context.subscribe(ev.TradePrinted, policy=Policy.DROP_OLDEST) as trades,
    ):
        async with trio.open_nursery() as nursery:
            keeper = TenantKeeper(context, tenants, nursery)
            actor = Actor(context, keeper)
            await keeper.start_all()
            nursery.start_soon(context.shared.settings.tune_by, keeper.tuning)
            nursery.start_soon(actor.wake_periodically)
            nursery.start_soon(actor.wake_timers)
            nursery.start_soon(actor.give_turns)
            nursery.start_soon(actor.follow_fills, fills)
            nursery.start_soon(actor.follow_trades, trades)
            nursery.start_soon(actor.follow, changes)
            keeper.report()
            task_status.started()
            async for request in requests:
                nursery.start_soon(_serve, keeper, request)


async def _serve(keeper: TenantKeeper, request: CommandRequest[Command, Outcome]) -> None:
    await request.carry_out(keeper.carry_out)


class Actor:
    """Asks each tenant about each market that changed, and hands it its own fills, trades and timers."""

    def __init__(self, context: Context, keeper: TenantKeeper) -> None:
        """`keeper` has the tenants, of which some may come and go."""
        self._context, self._keeper = context, keeper
        self._pace = PaceKeeper(context, keeper.tenants)
        self._asker = Asker(
            context,
            carry_out=self._send,
            quarantine=keeper.quarantine,
            charge=self._pace.charge,
        )
        self._sender = Sender(context, end=self._asker.end)
        self._timer_set = trio.Event()
        """Set when a strategy may have asked for a timer that is due before the others."""

    async def follow(self, changes: Inbox[Any]) -> None:
        """React to changed markets until cancelled."""
        async for batch in changes:
            await self._consider_all([event.ticker for event in batch])

    async def follow_fills(self, fills: Inbox[Any]) -> None:
        """Hand each strategy its own fills until cancelled."""
        async for batch in fills:
            for event in batch:
                tenant = self._tenants.get(StrategyName(self._context.view.owner_of(event.fill)))
                if tenant is not None:
                    tenant.fills_held.append(event.fill)
                    self._hand_fills(tenant)
                    if tenant.fills_held:
                        self._timer_set.set()
                    await self._pace.breathe()

    async def follow_trades(self, trades: Inbox[Any]) -> None:
        """Hand every strategy that wants them the public trades until cancelled."""
        async for batch in trades:
            for event in batch:
                for tenant in tuple(self._tenants.values()):
                    self._hand(tenant, event.ticker, TickCause.TRADE, event)
                    await self._pace.breathe()

    async def wake_periodically(self) -> None:
        """Ask about every market once an interval: time passing is news as well."""
        while True:
            await trio.sleep(DECISION_INTERVAL_S)
            books = self._context.view.market_data.books
            await self._consider_all(tuple(books))
            for tenant in self._tenants.values():
                tenant.forget_markets(books)
            self._keeper.report()

    async def wake_timers(self) -> None:
        """Hand strategies their timers as they fall due, and the fills that waited for them."""
        while True:
            self._timer_set = trio.Event()
            with trio.move_on_after(self._timers_wait_s()):
                await self._timer_set.wait()
            for tenant in tuple(self._tenants.values()):
                self._hand_fills(tenant)
            if not self._context.view.working:
                continue
            for tenant in tuple(self._tenants.values()):
                if not tenant.runs or not tenant.timers:
                    continue
                await self._hand_timers(tenant)

    async def give_turns(self) -> None:
        """Let strategies that are slowed down look at their markets in turn until cancelled."""
        await self._pace.give_turns(self._look_late)

    async def _hand_timers(self, tenant: Tenant) -> None:
        now = self._context.env.monotonic()
        for ticker, name in tenant.due_timers(now):
            may_act = self._context.view.working and tenant.runs
            if not may_act or not tenant.share.may_run(self._context.env.monotonic()):
                # The rest stays due, and comes when it may act and its share allows.
                return
            if tenant.take_timer(ticker, name, now):
                self._hand(tenant, ticker, TickCause.TIMER, name)
                await self._pace.breathe()

    def _timers_wait_s(self) -> float:
        tenants = self._tenants.values()
        if any(tenant.fills_held for tenant in tenants):
            return TIMER_STEP_S
        due = min((at for tenant in tenants for at in tenant.timers.values()), default=math.inf)
        return max(TIMER_STEP_S, due - self._context.env.monotonic())

    def _ask(self, tick: Tick, callback: Callback) -> None:
        self._asker.ask(tick, callback)
        if tick.tenant.timers:
            self._timer_set.set()

    async def _consider_all(self, tickers: Sequence[MarketTicker]) -> None:
        """Show markets to every tenant that is due to see them."""
        pairs = product(tickers, tuple(self._tenants.values()))
        while self._consider(pairs):
            await self._pace.breathe(now=True)

    def _consider(self, pairs: Iterator[tuple[MarketTicker, Tenant]]) -> bool:
        """Go on until the others must have their turn; returns whether there may be more."""
        if not self._context.view.working:
            return False
        now = trio.current_time()
        # One number for all of them, because each keeps it.
        again_at = now + DECISION_INTERVAL_S
        with self._asker.together():
            for number, (ticker, tenant) in enumerate(pairs, 1):
                is_due = now >= tenant.due_at.get(ticker, 0.0)
                if is_due and tenant.runs and tenant.share.pace is Pace.FULL:
                    self._look(tenant, ticker, now, again_at)
                if number >= BREATH_EVERY or self._pace.is_out_of_breath:
                    return True
        return False

    def _look(self, tenant: Tenant, ticker: MarketTicker, now: float, again_at: float) -> None:
        callback = tenant.on_book()
        if callback is None:
            return
        tick = Tick(tenant=tenant, ticker=ticker, cause=TickCause.BOOK)
        if ticker not in tenant.busy:
            tenant.due_at[ticker] = again_at
            self._ask(tick, callback)
        elif now >= tenant.busy_told_at.get(ticker, 0.0):
            # It stays due, so it is asked as soon as its commands are answered.
            tenant.busy_told_at[ticker] = again_at
            self._asker.skip(tick, BUSY)

    def _look_late(self, tenant: Tenant, ticker: MarketTicker) -> None:
        """Look for a strategy that is slowed down; a look that it had to miss is a tick too."""
        now, due_at = trio.current_time(), tenant.due_at.get(ticker, math.inf)
        if now >= due_at + DECISION_INTERVAL_S and ticker not in tenant.busy:
            tick = Tick(tenant=tenant, ticker=ticker, cause=TickCause.BOOK)
            self._asker.skip(tick, put_off(tenant, now - due_at))
        self._look(tenant, ticker, now, now + DECISION_INTERVAL_S)

    def _hand_fills(self, tenant: Tenant) -> None:
        # One that is drained or quarantined gets them when it runs again; a new form gets those of the one before.
        while tenant.fills_held and tenant.runs:
            fill = tenant.fills_held.popleft()
            self._hand(tenant, fill.ticker, TickCause.FILL, fill)

    def _hand(self, tenant: Tenant, ticker: MarketTicker, cause: TickCause, fact: Any) -> None:
        callback = tenant.callback(f"on_{cause.value}")
        if callback is None or not tenant.runs:
            return
        if cause is not TickCause.FILL and not self._context.view.working:
            # What was filled is told all the same: it is true whether we may trade or not.
            return
        tick = Tick(tenant=tenant, ticker=ticker, cause=cause)
        now = self._context.env.monotonic()
        if cause is TickCause.TRADE and not tenant.share.may_run(now, to_spare=True):
            # A trade is news of this moment, and the next look shows it; a fill is always told, and timers wait.
            self._asker.skip(tick, put_off(tenant, 0.0))
            return
        self._ask(tick, _with(callback, fact))

    def _send(self, tick: Tick, commands: Sequence[Command], held_back: Sequence[Ending]) -> None:
        self._sender.start(tick, commands, held_back)

    @property
    def _tenants(self) -> dict[StrategyName, Tenant]:
        return self._keeper.tenants


def _with(callback: Any, fact: Any) -> Callback:
    handed: Any = partial(_call, callback, fact)
    handed.__name__ = getattr(callback, "__name__", "callback")
    return handed  # type: ignore[no-any-return]


def _call(callback: Any, fact: Any, seen: Any) -> Any:
    return callback(seen, fact)


def _ticker_of(event: Any) -> MarketTicker:
    ticker: MarketTicker = event.ticker
    return ticker

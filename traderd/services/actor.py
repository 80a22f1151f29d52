"""The actor: shows strategies what changed and sends what they decide.

Owns: when a strategy is asked (its market changed, at most once per interval, never while its last commands
for that market are under way) and that one strategy's failure stays its own.
Must not: know what any strategy thinks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs
import msgspec
import trio

from traderd.config import Config
from traderd.config_orders import check_group_limit
from traderd.core.observation import Observation, observe
from traderd.errors import BadInput, ConfigError
from traderd.model import events as ev
from traderd.model.book_events import BookGrade
from traderd.model.commands import (
    AmendOrder,
    Answer,
    CancelOrder,
    CancelOrders,
    Command,
    DecreaseOrder,
    PlaceOrder,
)
from traderd.model.ids import MarketTicker, StrategyName
from traderd.model.orders import Attribution, OrderOwner
from traderd.plugin_api import OnCrash, Service, Strategy, StrategySpec, hookimpl
from traderd.runtime.inbox import Inbox, Policy
from traderd.services.context import Context
from traderd.services.order_policies import GROUP_KEY, degraded_part

DECISION_INTERVAL_S: Final = 1.0
"""Bounds how often one strategy decides about one market: Kalshi's basic tier writes ten orders a second."""
FAILURES_MAX: Final = 5
"""A strategy that raises this often in a row on one market is switched off until the daemon restarts."""
BELOW_GRADE: Final = "book_grade"
"""The outcome of an order that the strategy's own demand on the book kept back."""
ENABLED_KEY: Final = "enabled"
ENABLED_WORDS: Final = {
    **dict.fromkeys(("true", "1", "yes"), True),
    **dict.fromkeys(("false", "0", "no"), False),
}


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the actor when trading is on."""
    if not config.trading_enabled:
        return []
    return [Service(name="actor", run=run, after=("orders",), on_crash=OnCrash.HALT)]


@attrs.define(eq=False)
class Tenant:
    """One running strategy."""

    name: StrategyName
    strategy: Strategy
    min_book_grade: BookGrade = BookGrade.F
    """The worst book on which its new orders are sent on."""
    failures: dict[MarketTicker, int] = attrs.Factory(dict)
    """Failures in a row, per market: success in another one proves nothing."""
    failures_everywhere: int = 0
    """Failures in a row over all markets."""
    is_off: bool = False
    busy: dict[MarketTicker, None] = attrs.Factory(dict)
    """Markets whose last commands are under way."""
    due_at: dict[MarketTicker, float] = attrs.Factory(dict)
    """When each market may be decided about again, on the monotonic clock."""
    outcomes: dict[str, int] = attrs.Factory(dict)
    """What became of its commands: an answer's word, or BELOW_GRADE for an order that was not sent on."""


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Ask strategies until cancelled; their commands in flight go on without them."""
    tenants = make_tenants(context.config, context.shared.strategies)
    for tenant in tenants:
        context.log.info(f"strategy {tenant.name} runs", strategy=tenant.name)
        if degraded_part(tenant.name) in context.view.conditions.degraded:
            # It begins anew with this service, so what it places may rest again.
            context.publish(ev.DegradedCleared(at=context.now(), part=degraded_part(tenant.name)))
    if not tenants:
        context.log.info("no strategy is enabled; set strategies.<name>.enabled = true")
    with context.subscribe(
        ev.BookChanged,
        ev.PositionChanged,
        policy=Policy.LATEST,
        key=_ticker_of,
    ) as changes:
        async with trio.open_nursery() as nursery:
            actor = Actor(context, tenants, nursery)
            nursery.start_soon(actor.wake_periodically)
            task_status.started()
            await actor.follow(changes)


class Actor:
    """Asks each tenant about each market that changed."""

    def __init__(self, context: Context, tenants: list[Tenant], nursery: trio.Nursery) -> None:
        """`nursery` is the service's: commands run in it, beside the next decisions."""
        self._context, self._tenants, self._nursery = context, tenants, nursery

    async def follow(self, changes: Inbox[Any]) -> None:
        """React to changed markets until cancelled."""
        async for batch in changes:
            for event in batch:
                self.consider(event.ticker)

    async def wake_periodically(self) -> None:
        """Ask about every market once an interval: time passing is news as well."""
        while True:
            await trio.sleep(DECISION_INTERVAL_S)
            for ticker in tuple(self._context.view.market_data.books):
                self.consider(ticker)

    def consider(self, ticker: MarketTicker) -> None:
        """Ask every tenant that may act on this market now."""
        if not self._context.view.working:
            return
        for tenant in self._tenants:
            if self._may_decide(tenant, ticker):
                self._ask(tenant, ticker)

    def _may_decide(self, tenant: Tenant, ticker: MarketTicker) -> bool:
        return (
            not tenant.is_off
            and ticker not in tenant.busy
            and trio.current_time() >= tenant.due_at.get(ticker, 0.0)
        )

    def _ask(self, tenant: Tenant, ticker: MarketTicker) -> None:
        observation = observe(self._context.view, ticker, tenant.name, self._context.now())
        if observation is None:
            return
        tenant.due_at[ticker] = trio.current_time() + DECISION_INTERVAL_S
        try:
            commands = tuple(tenant.strategy.decide(observation) or ())
            self._check(tenant, commands)
        except Exception as exc:  # noqa: BLE001 - a strategy may fail in any way; the others go on
            self._failed(tenant, ticker, exc)
            return
        tenant.failures.pop(ticker, None)
        tenant.failures_everywhere = 0
        commands = self._above_grade(tenant, observation, commands)
        if commands:
            tenant.busy[ticker] = None
            self._nursery.start_soon(self._carry_out, tenant, ticker, commands)

    def _check(self, tenant: Tenant, commands: Sequence[Command]) -> None:
        """Refuse what a strategy may not ask for: verbs of people, and other people's orders."""
        for command in commands:
            if isinstance(command, PlaceOrder):
                continue
            if not isinstance(command, CancelOrder | AmendOrder | DecreaseOrder):
                raise BadInput(
                    f"a strategy places, changes and cancels orders, {command!r} is neither of them"
                )
            order = self._context.view.order(command.key)
            if order is None or order.attribution.strategy != tenant.name:
                raise BadInput(f"{command.key} is no order of strategy {tenant.name}")

    def _above_grade(
        self, tenant: Tenant, seen: Observation, commands: Sequence[Command]
    ) -> tuple[Command, ...]:
        """Leave out new orders and amends on a book that is worse than the strategy demands; the rest passes."""
        if seen.book_grade.is_at_least(tenant.min_book_grade):
            return tuple(commands)
        passing = tuple(
            command for command in commands if not isinstance(command, PlaceOrder | AmendOrder)
        )
        left_out = len(commands) - len(passing)
        if left_out:
            tenant.outcomes[BELOW_GRADE] = tenant.outcomes.get(BELOW_GRADE, 0) + left_out
            self._context.log.debug(
                f"strategy {tenant.name}: {left_out} orders left out, book grade {seen.book_grade.value} of "
                f"{seen.ticker}, minimum {tenant.min_book_grade.value}: {'; '.join(seen.book_causes)}",
                strategy=tenant.name,
            )
        return passing

    async def _carry_out(
        self, tenant: Tenant, ticker: MarketTicker, commands: Sequence[Command]
    ) -> None:
        try:
            # Cancels go first and end first: what they free is what the new orders may need.
            places = [command for command in commands if isinstance(command, PlaceOrder)]
            others = [command for command in commands if not isinstance(command, PlaceOrder)]
            for group in (others, places):
                async with trio.open_nursery() as nursery:
                    for command in group:
                        nursery.start_soon(self._send, tenant, command)
        finally:
            tenant.busy.pop(ticker, None)

    async def _send(self, tenant: Tenant, command: Command) -> None:
        if isinstance(command, PlaceOrder):
            command = attrs.evolve(
                command,
                attribution=Attribution(owner=OrderOwner.STRATEGY, strategy=tenant.name),
            )
        outcome = await self._context.send(command)
        word = outcome.answer.value
        tenant.outcomes[word] = tenant.outcomes.get(word, 0) + 1
        if outcome.answer is not Answer.DONE:
            self._context.log.debug(
                f"strategy {tenant.name}: {outcome.sentence}", strategy=tenant.name, answer=word
            )

    def _failed(self, tenant: Tenant, ticker: MarketTicker, error: Exception) -> None:
        tenant.failures_everywhere += 1
        here = tenant.failures[ticker] = tenant.failures.get(ticker, 0) + 1
        self._context.log.error(
            f"strategy {tenant.name} failed on {ticker}: {type(error).__name__}: {error}",
            strategy=tenant.name,
            exc_info=error,
        )
        if max(here, tenant.failures_everywhere) >= FAILURES_MAX and not tenant.is_off:
            tenant.is_off = True
            self._nursery.start_soon(self._switch_off, tenant, f"{type(error).__name__}: {error}")

    async def _switch_off(self, tenant: Tenant, error: str) -> None:
        """Take a failing strategy's orders down: nobody watches over them any more."""
        context = self._context
        reason = f"switched off after {FAILURES_MAX} failures in a row: {error}"
        context.publish(
            ev.DegradedRaised(at=context.now(), part=degraded_part(tenant.name), reason=reason)
        )
        outcome = await context.send(CancelOrders(strategy=tenant.name))
        context.log.error(
            f"strategy {tenant.name} is {reason}; its orders: {outcome.sentence}",
            strategy=tenant.name,
        )


def make_tenants(config: Config, specs: dict[str, StrategySpec]) -> list[Tenant]:
    """Return the enabled strategies with their parameters.

    Raises:
        ConfigError: a section names no strategy, or a parameter is unknown or of the wrong type.
    """
    for name in config.strategies:
        if name not in specs:
            known = ", ".join(specs) or "none, because no plugin was found"
            raise ConfigError(
                f"strategies.{name} is not a strategy; known are: {known}. Plugins are looked for in "
                "plugins/ here, ~/.config/traderd/plugins and /etc/traderd/plugins"
            )
    tenants = []
    for name, spec in specs.items():
        settings = dict(config.strategies.get(name, {}))
        check_group_limit(f"strategies.{name}.{GROUP_KEY}", str(settings.pop(GROUP_KEY, "0")))
        by_default = spec.enabled_in_sim and config.environment == "sim"
        enabled = settings.pop(ENABLED_KEY, by_default)
        if str(enabled).lower() not in ENABLED_WORDS:
            raise ConfigError(f"strategies.{name}.enabled must be true or false, not {enabled!r}")
        if not ENABLED_WORDS[str(enabled).lower()]:
            continue
        tenants.append(
            Tenant(StrategyName(name), _make(spec, settings), min_book_grade=spec.min_book_grade)
        )
    return tenants


def _make(spec: StrategySpec, settings: dict[str, Any]) -> Strategy:
    known = [field.name for field in attrs.fields(spec.parameters)]
    for key in settings:
        if key not in known:
            raise ConfigError(
                f"strategies.{spec.name}.{key} does not exist; known are: {', '.join(known)}"
            )
    try:
        return spec.make(msgspec.convert(settings, spec.parameters, strict=False))
    except (msgspec.ValidationError, BadInput) as exc:
        raise ConfigError(f"strategies.{spec.name}: {exc}") from exc


def _ticker_of(event: Any) -> MarketTicker:
    ticker: MarketTicker = event.ticker
    return ticker

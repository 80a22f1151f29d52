"""One running strategy and everything that is kept of it.

Owns: a strategy's own part of the actor: its object, its budgets, its failures in a row, its timers, its markets that are
under way. Nothing of one tenant is shared with another.
Must not: call the strategy (`actor_ask`) or send anything (`actor_send`).
"""

from __future__ import annotations

import math
import traceback
from collections import deque
from collections.abc import Callable, Container
from typing import Any, Final

import attrs
import trio

from traderd.config_secrets import is_secret, secret_parameters, secret_texts
from traderd.config_strategies import StrategySettings
from traderd.core.strategy_context import StrategyContext, Timer
from traderd.core.strategy_parameters import doc_of, tunable_names
from traderd.model.ids import MarketTicker, StrategyName
from traderd.model.orders import Fill
from traderd.model.strategy_events import ParameterReport, StrategyReport, TenantStatus
from traderd.model.units import NS_PER_S
from traderd.plugin_api import StrategySpec
from traderd.runtime.log_text import MASK, mask_texts
from traderd.services.tenant_clock import CallbackTimes, CommandBudget
from traderd.services.tenant_share import LoopShare

FAILURES_MAX: Final = 5
"""A strategy that raises this often in a row, on one market or over all of them, is quarantined."""
CALLBACKS: Final = ("on_book", "on_trade", "on_fill", "on_timer")
TIMERS_MAX: Final = 1_000
"""Bounds the timers of one strategy that run at a time."""
FILLS_HELD_MAX: Final = 1_000
"""Bounds the fills that wait while a strategy is drained or quarantined; its orders are few by then. Past it the oldest go:
the position of its observations is true all the same."""
VALUE_CHARACTERS_MAX: Final = 200
"""Bounds a parameter's value on screens."""


@attrs.define(eq=False)
class Tenant:
    """One running strategy."""

    name: StrategyName
    spec: StrategySpec
    strategy: Any
    parameters: Any
    context: StrategyContext
    settings: StrategySettings
    times: CallbackTimes
    budget: CommandBudget
    share: LoopShare
    status: TenantStatus = TenantStatus.RUNNING
    reason: str = ""
    """Why it is not running, and the cure."""
    failures: dict[MarketTicker, int] = attrs.Factory(dict)
    """Failures in a row, per market: success in another one proves nothing."""
    failures_everywhere: int = 0
    """Failures in a row over all markets."""
    busy: dict[MarketTicker, int] = attrs.Factory(dict)
    """How many ticks of each market have commands under way."""
    due_at: dict[MarketTicker, float] = attrs.Factory(dict)
    """When each market may be looked at again, on the monotonic clock."""
    busy_told_at: dict[MarketTicker, float] = attrs.Factory(dict)
    """When a market that is under way is counted as busy again."""
    line: deque[MarketTicker] = attrs.Factory(deque)
    """The markets in the order in which a slowed strategy looks at them, the next one first."""
    fills_held: deque[Fill] = attrs.Factory(lambda: deque(maxlen=FILLS_HELD_MAX))
    """Its own fills of a time in which it was not asked, until it is asked again."""
    timers: dict[tuple[MarketTicker, str], float] = attrs.Factory(dict)
    """When each timer is due."""
    ticks_begun: int = 0
    idle: trio.Event = attrs.Factory(trio.Event)
    """Set while nothing is under way; made anew when something is."""
    scope: trio.CancelScope | None = None
    nursery: trio.Nursery | None = None

    def __attrs_post_init__(self) -> None:
        self.idle.set()

    @property
    def runs(self) -> bool:
        """Tell whether it may be asked."""
        return self.status is TenantStatus.RUNNING

    @property
    def live_names(self) -> tuple[str, ...]:
        """Which parameters may be changed while it runs: no secret, for every change goes into the journal."""
        cls = type(self.parameters)
        secret = secret_parameters(cls)
        return tuple(name for name in tunable_names(cls) if name not in secret)

    def shown(self, parameters: Any) -> dict[str, str]:
        """Return parameters of its class as people and the journal see them, by name: secrets masked."""
        values = attrs.asdict(parameters, recurse=False)
        hidden = list(secret_texts(self.section, values))
        return {
            name: MASK
            if is_secret(f"{self.section}.{name}", value)
            else mask_texts(str(value), hidden)
            for name, value in values.items()
        }

    def hidden(self, parameters: Any) -> tuple[str, ...]:
        """Return which parameters are not shown as they are: every secret, and what has one in it."""
        secret = secret_parameters(type(parameters))
        return tuple(
            name
            for name, text in self.shown(parameters).items()
            if name in secret or text != str(getattr(parameters, name))
        )

    def masked(self, words: str) -> str:
        """Return words of its own, such as those of an error, with its secrets masked."""
        values = attrs.asdict(self.parameters, recurse=False)
        return mask_texts(words, secret_texts(self.section, values))

    def traceback_of(self, error: BaseException) -> str:
        """Return where its code failed, for the log: the words of an error stand there too."""
        return self.masked("".join(traceback.format_exception(error)).rstrip())

    @property
    def section(self) -> str:
        """The name of its section of the configuration."""
        return f"strategies.{self.name}"

    def on_book(self) -> Callable[..., Any] | None:
        """Return what is called when a market changed or a second passed."""
        found: Callable[..., Any] | None = getattr(self.strategy, "decide", None)
        return found or getattr(self.strategy, "on_book", None)

    def callback(self, name: str) -> Callable[..., Any] | None:
        """Return one of CALLBACKS, None when the strategy does not have it."""
        found: Callable[..., Any] | None = getattr(self.strategy, name, None)
        return found

    def begin(self, ticker: MarketTicker) -> None:
        """Note that commands of a market are under way."""
        self.busy[ticker] = self.busy.get(ticker, 0) + 1
        if self.idle.is_set():
            self.idle = trio.Event()

    def end(self, ticker: MarketTicker) -> None:
        """Note that the commands of one tick are answered."""
        left = self.busy.pop(ticker) - 1
        if left:
            self.busy[ticker] = left
        if not self.busy:
            self.idle.set()

    def forget_markets(self, followed: Container[MarketTicker]) -> None:
        """Forget when markets are due that are followed no longer: they come and go for as long as the daemon runs."""
        for times in (self.due_at, self.busy_told_at):
            for ticker in [ticker for ticker in times if ticker not in followed]:
                del times[ticker]

    def take_timers(self, now: float) -> Timer | None:
        """Start the timers that the last callback asked for; returns the first that was one too many."""
        left_out: Timer | None = None
        for timer in self.context.take_timers():
            key = (timer.ticker, timer.name)
            self.timers.pop(key, None)
            if timer.after_s is None:
                continue
            if len(self.timers) >= TIMERS_MAX:
                left_out = left_out or timer
                continue
            self.timers[key] = now + timer.after_s
        return left_out

    def due_timers(self, now: float) -> list[tuple[MarketTicker, str]]:
        """Return the timers that are due, the earliest first."""
        due = sorted((at, *key) for key, at in self.timers.items() if at <= now)
        return [(ticker, name) for _, ticker, name in due]

    def take_timer(self, ticker: MarketTicker, name: str, now: float) -> bool:
        """Take one timer that was due; returns whether it is there still: another callback may have stopped or renewed it."""
        if self.timers.get((ticker, name), math.inf) > now:
            return False
        del self.timers[ticker, name]
        return True

    def report(self, now: float) -> StrategyReport:
        """Return how it does at `now`, on the monotonic clock."""
        times, shown, live = self.times, self.shown(self.parameters), self.live_names
        return StrategyReport(
            strategy=self.name,
            status=self.status,
            reason=self.reason,
            callbacks=times.callbacks,
            p50_ns=_ns(times.quantile(0.5)),
            p99_ns=_ns(times.quantile(0.99)),
            max_ns=_ns(times.longest_s),
            budget_ns=_ns(times.budget_s),
            over_budget=times.over_budget,
            loop_percent=round(self.share.used(now) * 100),
            loop_percent_max=self.share.percent,
            failures=self.failures_everywhere,
            commands_per_s=self.budget.per_s,
            commands=self.budget.sent,
            in_flight=sum(self.busy.values()),
            parameters=tuple(
                ParameterReport(
                    name=field.name,
                    value=shown[field.name][:VALUE_CHARACTERS_MAX],
                    tunable=field.name in live,
                    doc=doc_of(field),
                )
                for field in attrs.fields(type(self.parameters))
            ),
        )


def _ns(seconds: float) -> int:
    return round(seconds * NS_PER_S)

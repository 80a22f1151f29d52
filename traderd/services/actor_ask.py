"""Asking strategies: one tick at a time, each ending in exactly one outcome.

Owns: the call of a strategy's method, its containment (exceptions, time, what it may ask for) and what is held back before
anything is sent: a book below its own demand, more commands than its budget.
Must not: decide when to ask (`actor`), or send (`actor_send`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

import attrs

from traderd.core.observation import Observation
from traderd.core.tick_outcome import NOTHING_WANTED, Ending
from traderd.errors import FOREIGN_FAILURES, BadInput
from traderd.model import events as ev
from traderd.model.commands import AmendOrder, CancelOrder, Command, DecreaseOrder, PlaceOrder
from traderd.model.ids import MarketTicker
from traderd.model.strategy_events import TickCause, TickOutcome
from traderd.model.units import Timestamp
from traderd.services.context import Context
from traderd.services.observing import get_observation
from traderd.services.tenant import FAILURES_MAX, Tenant
from traderd.services.tenant_clock import SLOW_MAX, SLOW_WINDOW_S

GRADE_RULE: Final = "min_book_grade"
BUDGET_RULE: Final = "commands_per_s"
TIME_RULE: Final = "callback_budget_ms"
BUSY: Final = Ending(TickOutcome.BUSY, sentence="its last commands for this market are under way")
NO_BOOK: Final = "the market or its book is not known yet"
SENTENCE_MAX: Final = 300
"""Bounds the reason that is kept of a tick: the error of a strategy may be a whole file."""

Callback = Callable[[Observation], Sequence[Command] | None]


@attrs.frozen(kw_only=True)
class Tick:
    """One look of one strategy at one market."""

    tenant: Tenant
    ticker: MarketTicker
    cause: TickCause


class CarryOut(Protocol):
    """Sends what a strategy wants, and ends the tick when all of it is answered; does not wait."""

    def __call__(
        self, tick: Tick, commands: Sequence[Command], held_back: Sequence[Ending]
    ) -> None:
        """Start sending."""


class Asker:
    """Shows strategies a market and takes their commands."""

    def __init__(
        self,
        context: Context,
        *,
        carry_out: CarryOut,
        quarantine: Callable[[Tenant, str], None],
        charge: Callable[[Tenant, float, float], None],
    ) -> None:
        """`quarantine` takes a strategy out of service for a reason; it does not wait.

        `charge` is told what each look of whom took of the loop, in seconds, and when it ended, on the monotonic clock.
        """
        self._context, self._carry_out, self._quarantine = context, carry_out, quarantine
        self._charge = charge
        self._endings: list[tuple[Tick, Ending]] | None = None
        """Of ticks that are published together; None: each by itself."""

    @contextmanager
    def together(self) -> Iterator[None]:
        """Publish the ticks that end within the block as one batch: most end without a word, and there may be thousands.

        They ended when the block did: the time of each market's last tick is kept, and so they share one.
        """
        endings: list[tuple[Tick, Ending]] = []
        self._endings = endings
        try:
            yield
        finally:
            self._endings = None
            if endings:
                at = self._context.now()
                self._context.publish_batch([_ended(at, *each) for each in endings])

    def skip(self, tick: Tick, ending: Ending) -> None:
        """End a tick whose strategy is not asked."""
        tick.tenant.ticks_begun += 1
        self.end(tick, ending)

    def ask(self, tick: Tick, callback: Callback) -> None:
        """Show the market and act on the answer."""
        tenant, ticker = tick.tenant, tick.ticker
        tenant.ticks_begun += 1
        begun = self._context.env.monotonic()
        seen = get_observation(self._context, ticker, tenant.name)
        if seen is None:
            self.end(tick, Ending(TickOutcome.NO_BOOK, sentence=NO_BOOK))
            return
        try:
            commands = self._call(tenant, ticker, callback, seen, begun)
        except FOREIGN_FAILURES as exc:  # a strategy may fail in any way; the others go on
            self._failed(tick, exc)
            return
        if not tenant.runs:
            # It took too long once too often: what it wants now is nobody's to watch over.
            self.end(tick, Ending(TickOutcome.BUDGET, TIME_RULE, tenant.reason))
            return
        tenant.failures.pop(ticker, None)
        tenant.failures_everywhere = 0
        passing, below = self._above_grade(tenant, seen, commands)
        passing, over = self._within_budget(tenant, passing)
        held_back = [*below, *over]
        if passing:
            self._carry_out(tick, passing, held_back)
        else:
            self.end(tick, held_back[0] if held_back else NOTHING_WANTED)

    def end(self, tick: Tick, ending: Ending) -> None:
        """Count how a tick ended."""
        if self._endings is None:
            self._context.publish(_ended(self._context.now(), tick, ending))
        else:
            self._endings.append((tick, ending))

    def _call(
        self,
        tenant: Tenant,
        ticker: MarketTicker,
        callback: Callback,
        seen: Observation,
        looked_at: float,
    ) -> tuple[Command, ...]:
        env = self._context.env
        begun = env.monotonic()
        try:
            commands = tuple(callback(seen) or ())
        finally:
            now = env.monotonic()
            self._note_time(tenant, ticker, callback, now - begun, now)
            # With the observation, which is most of a quick strategy's look.
            self._charge(tenant, now - looked_at, now)
            left_out = tenant.take_timers(now)
            if left_out is not None:
                self._context.log.warning(
                    f"strategy {tenant.name} has too many timers; {left_out.name!r} of {left_out.ticker} was not set",
                    strategy=tenant.name,
                )
        self._check(tenant, commands)
        return _each_once(commands)

    def _note_time(
        self, tenant: Tenant, ticker: MarketTicker, callback: Any, duration_s: float, now: float
    ) -> None:
        name = getattr(callback, "__name__", "callback")
        if tenant.times.note(duration_s, now):
            self._context.log.warning(
                f"strategy {tenant.name}: {name} took {duration_s * 1_000:.0f} ms on {ticker}, its budget is "
                f"{tenant.times.budget_s * 1_000:.0f} ms; nothing else of the daemon ran meanwhile",
                strategy=tenant.name,
            )
        if tenant.times.is_overdrawn(now):
            self._quarantine(
                tenant,
                f"{SLOW_MAX} callbacks within {SLOW_WINDOW_S:g} s took longer than its budget of "
                f"{tenant.times.budget_s * 1_000:.0f} ms, the last ({name}) {duration_s * 1_000:.0f} ms",
            )

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
    ) -> tuple[Sequence[Command], list[Ending]]:
        """Leave out new orders and amends on a book that is worse than the strategy demands; the rest passes."""
        minimum = tenant.spec.min_book_grade
        if seen.book_grade.is_at_least(minimum):
            return commands, []
        passing = [c for c in commands if not isinstance(c, PlaceOrder | AmendOrder)]
        left_out = len(commands) - len(passing)
        if not left_out:
            return commands, []
        sentence = (
            f"{left_out} orders left out, book grade {seen.book_grade.value} of {seen.ticker}, minimum "
            f"{minimum.value}: {'; '.join(seen.book_causes)}"
        )
        self._context.log.debug(f"strategy {tenant.name}: {sentence}", strategy=tenant.name)
        return passing, [Ending(TickOutcome.GRADE, GRADE_RULE, sentence)]

    def _within_budget(
        self, tenant: Tenant, commands: Sequence[Command]
    ) -> tuple[Sequence[Command], list[Ending]]:
        """Leave out what is more than the strategy's commands per second; cancels always pass."""
        cancels = [one for one in commands if isinstance(one, CancelOrder)]
        others = [one for one in commands if not isinstance(one, CancelOrder)]
        granted = tenant.budget.take(len(others), self._context.env.monotonic())
        left_out = len(others) - granted
        if not left_out:
            return commands, []
        sentence = f"{left_out} commands left out: strategies.{tenant.name}.{BUDGET_RULE} = {tenant.budget.per_s}"
        self._context.log.debug(f"strategy {tenant.name}: {sentence}", strategy=tenant.name)
        ending = Ending(TickOutcome.BUDGET, BUDGET_RULE, sentence)
        return [*cancels, *others[:granted]], [ending]

    def _failed(self, tick: Tick, error: BaseException) -> None:
        tenant, ticker = tick.tenant, tick.ticker
        words = tenant.masked(f"{type(error).__name__}: {error}")
        tenant.failures_everywhere += 1
        here = tenant.failures[ticker] = tenant.failures.get(ticker, 0) + 1
        self._context.log.error(
            f"strategy {tenant.name} failed on {ticker}: {words}",
            strategy=tenant.name,
            exception=tenant.traceback_of(error),
        )
        self.end(tick, Ending(TickOutcome.FAILED, type(error).__name__, words))
        if max(here, tenant.failures_everywhere) >= FAILURES_MAX:
            self._quarantine(
                tenant, f"switched off after {FAILURES_MAX} failures in a row: {words}"
            )


def _ended(at: Timestamp, tick: Tick, ending: Ending) -> ev.TickEnded:
    return ev.TickEnded(
        at=at,
        strategy=tick.tenant.name,
        ticker=tick.ticker,
        cause=tick.cause,
        outcome=ending.outcome,
        rule=ending.rule,
        sentence=ending.sentence[:SENTENCE_MAX],
    )


def _each_once(commands: tuple[Command, ...]) -> tuple[Command, ...]:
    """Return the commands without a second cancel of the same order, which would only fail."""
    seen: dict[str, None] = {}
    kept = []
    for command in commands:
        if isinstance(command, CancelOrder):
            if command.key in seen:
                continue
            seen[command.key] = None
        kept.append(command)
    return tuple(kept)

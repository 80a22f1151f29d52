"""Conditions that hold beside the state: halts, pause, venue pause, degraded parts, the error breaker.

Owns: what stops new risk, in which scope (account, market, strategy) and who may clear it. A person's halt and the
breaker's are cleared only by a person, a plugin's also by a plugin.
Must not: decide to raise anything but the breaker's own halt.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import attrs

from traderd.model.events import (
    Author,
    DegradedCleared,
    DegradedRaised,
    HaltCleared,
    HaltRaised,
    TradingPaused,
    TradingResumed,
    VenuePaused,
    VenueResumed,
)
from traderd.model.ids import MarketTicker, StrategyName
from traderd.model.units import Timestamp

BREAKER_HALT: Final = "breaker"
"""Halt id of the error breaker: there is one, however often it trips."""
KILL_HALT: Final = "kill"
"""Halt id of the kill switch: while it stands nothing but cancels leaves, reductions included."""
EXECUTIONS_HALT: Final = "executions:"
"""How the halt id of a strategy that executed too often begins; its name follows."""
PERSON_ONLY: Final = frozenset({BREAKER_HALT, KILL_HALT, "daily_loss", "drawdown"})
"""Halts that no machine and no plugin may clear; neither may they an EXECUTIONS_HALT."""
Scope: TypeAlias = tuple[MarketTicker | None, StrategyName | None]
"""Of a pause: a market, a strategy, or with neither the account."""


@attrs.define(eq=False)
class Conditions:
    """Everything orthogonal to the state."""

    breaker_limit: int
    """Consecutive order errors that trip the breaker."""
    halts: dict[str, HaltRaised] = attrs.Factory(dict)
    pauses: dict[Scope, TradingPaused] = attrs.Factory(dict)
    """What a person paused."""
    venue_paused: str | None = None
    """Why the whole exchange takes no orders, None when it does."""
    markets_paused: dict[MarketTicker, tuple[str, Timestamp]] = attrs.Factory(dict)
    """Markets that the exchange paused by themselves: why, and when that was last told."""
    degraded: dict[str, str] = attrs.Factory(dict)
    consecutive_errors: int = 0

    @property
    def paused(self) -> str | None:
        """Why a person paused the account, None when they did not."""
        pause = self.pauses.get((None, None))
        return None if pause is None else pause.reason

    @property
    def killed(self) -> HaltRaised | None:
        """The kill switch's halt while it stands."""
        return self.halts.get(KILL_HALT)

    def raise_halt(self, halt: HaltRaised) -> None:
        """Add a halt; the same id again changes nothing, so the first reason stays readable."""
        self.halts.setdefault(halt.halt_id, halt)

    def clear_halt(self, cleared: HaltCleared) -> bool:
        """Remove a halt; returns False when it does not exist or only a person may clear it."""
        halt = self.halts.get(cleared.halt_id)
        if halt is None:
            return False
        if not self.may_clear(halt, cleared.author):
            return False
        del self.halts[cleared.halt_id]
        if cleared.halt_id == BREAKER_HALT:
            self.consecutive_errors = 0
        return True

    def may_clear(self, halt: HaltRaised, author: Author) -> bool:
        """Tell whether this kind of author may end a halt."""
        if author is Author.PERSON:
            return True
        if halt.halt_id in PERSON_ONLY or halt.halt_id.startswith(EXECUTIONS_HALT):
            return False
        # Each may take back what its own kind said; the machine never overrules a plugin, nor a plugin the machine.
        return halt.author is author

    def count_order_error(self, at: Timestamp, sentence: str) -> HaltRaised | None:
        """Count an error of the exchange or the network; returns the breaker's halt when it trips."""
        self.consecutive_errors += 1
        if self.consecutive_errors < self.breaker_limit or BREAKER_HALT in self.halts:
            return None
        return HaltRaised(
            at=at,
            halt_id=BREAKER_HALT,
            author=Author.MACHINE,
            reason=f"{self.consecutive_errors} order errors in a row, the last: {sentence}",
        )

    def count_order_success(self) -> None:
        """End a row of errors."""
        self.consecutive_errors = 0

    def pause(self, event: TradingPaused) -> None:
        """Note that a person wants no new risk; the same scope again takes the newer reason."""
        self.pauses[event.ticker, event.strategy] = event

    def resume(self, event: TradingResumed) -> None:
        """Note that a person wants to go on; pauses of other scopes stand."""
        self.pauses.pop((event.ticker, event.strategy), None)

    def pause_venue(self, event: VenuePaused) -> None:
        """Note that the exchange, or one market of it, takes no orders."""
        if event.ticker is None:
            self.venue_paused = event.sentence
        else:
            self.markets_paused[event.ticker] = (event.sentence, event.at)

    def resume_venue(self, event: VenueResumed) -> None:
        """Note that it takes them again; a market's own pause does not end with the exchange's."""
        if event.ticker is None:
            self.venue_paused = None
        else:
            self.markets_paused.pop(event.ticker, None)

    def degrade(self, event: DegradedRaised) -> None:
        """Note that a part is not well."""
        self.degraded[event.part] = event.reason

    def recover(self, event: DegradedCleared) -> None:
        """Note that a part is well again."""
        self.degraded.pop(event.part, None)

    def halt_for(
        self, ticker: MarketTicker, strategy: StrategyName | None = None
    ) -> HaltRaised | None:
        """Return a halt that covers this market or this strategy, if any; the kill switch comes first."""
        if self.killed is not None:
            return self.killed
        for halt in self.halts.values():
            if _covers(halt, ticker, strategy):
                return halt
        return None

    def pause_for(
        self, ticker: MarketTicker, strategy: StrategyName | None = None
    ) -> TradingPaused | None:
        """Return a pause that covers this market or this strategy, if any."""
        for pause in self.pauses.values():
            if _covers(pause, ticker, strategy):
                return pause
        return None


def _covers(
    condition: HaltRaised | TradingPaused, ticker: MarketTicker, strategy: StrategyName | None
) -> bool:
    in_market = condition.ticker is None or condition.ticker == ticker
    return in_market and (condition.strategy is None or condition.strategy == strategy)


def venue_pause_words(what: str, why: str) -> str:
    """Return that the exchange paused something, once: its own reason often says nothing else."""
    return f"{what} is paused" if why.endswith("is paused") else f"{what} is paused: {why}"


def scope_words(ticker: MarketTicker | None, strategy: StrategyName | None) -> str:
    """Return a scope for people: `the account`, `market T`, `strategy S`."""
    words = [
        f"market {ticker}" if ticker is not None else "",
        f"strategy {strategy}" if strategy is not None else "",
    ]
    return " of ".join(filter(None, words)) or "the account"

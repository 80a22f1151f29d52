"""Conditions that hold beside the state: halts, pause, venue pause, degraded parts, the error breaker.

Owns: what stops new risk and who may clear it. A person's halt and the breaker's are cleared only by a
person.
Must not: decide to raise anything but the breaker's own halt.
"""

from __future__ import annotations

from typing import Final

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
from traderd.model.ids import MarketTicker
from traderd.model.units import Timestamp

BREAKER_HALT: Final = "breaker"
"""Halt id of the error breaker: there is one, however often it trips."""


@attrs.define(eq=False)
class Conditions:
    """Everything orthogonal to the state."""

    breaker_limit: int
    """Consecutive order errors that trip the breaker."""
    halts: dict[str, HaltRaised] = attrs.Factory(dict)
    paused: str | None = None
    """Why a person paused trading, None when they did not."""
    venue_paused: str | None = None
    """Why the whole exchange takes no orders, None when it does."""
    markets_paused: dict[MarketTicker, tuple[str, Timestamp]] = attrs.Factory(dict)
    """Markets that the exchange paused by themselves: why, and when that was last told."""
    degraded: dict[str, str] = attrs.Factory(dict)
    consecutive_errors: int = 0

    def raise_halt(self, halt: HaltRaised) -> None:
        """Add a halt; the same id again changes nothing, so the first reason stays readable."""
        self.halts.setdefault(halt.halt_id, halt)

    def clear_halt(self, cleared: HaltCleared) -> bool:
        """Remove a halt; returns False when it does not exist or only a person may clear it."""
        halt = self.halts.get(cleared.halt_id)
        if halt is None:
            return False
        needs_person = halt.author is Author.PERSON or halt.halt_id == BREAKER_HALT
        if needs_person and cleared.author is not Author.PERSON:
            return False
        del self.halts[cleared.halt_id]
        if cleared.halt_id == BREAKER_HALT:
            self.consecutive_errors = 0
        return True

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
        """Note that a person wants no new risk."""
        self.paused = event.reason

    def resume(self, _: TradingResumed) -> None:
        """Note that a person wants to go on."""
        self.paused = None

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

    def halt_for(self, ticker: MarketTicker) -> HaltRaised | None:
        """Return a halt that covers this market, if any."""
        for halt in self.halts.values():
            if halt.ticker is None or halt.ticker == ticker:
                return halt
        return None

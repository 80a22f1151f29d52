"""Asks from people and strategies, and the one answer each of them gets.

Owns: the one list of command types. A command is not a fact: it may be refused.
Must not: hold events (see `events.py`).
"""

from __future__ import annotations

import enum
from typing import TypeAlias

import attrs

from traderd.model.ids import MarketTicker, StrategyName
from traderd.model.orders import Attribution, OrderOwner, OrderTerms


@attrs.frozen(kw_only=True)
class PlaceOrder:
    """Place one order; answered when the exchange's word is known, or known to be unknown."""

    terms: OrderTerms
    attribution: Attribution


@attrs.frozen(kw_only=True)
class CancelOrder:
    """Cancel one order by its key (client order id, or order id)."""

    key: str


@attrs.frozen(kw_only=True)
class CancelOrders:
    """Cancel the live orders that this daemon placed; external orders are never touched."""

    ticker: MarketTicker | None = None
    """None: of every market."""
    owner: OrderOwner | None = None
    """None: whoever asked for them."""
    strategy: StrategyName | None = None
    """None: of every strategy."""


@attrs.frozen(kw_only=True)
class Pause:
    """Take no new risk; orders rest."""

    reason: str


@attrs.frozen(kw_only=True)
class Resume:
    """Undo Pause."""


@attrs.frozen(kw_only=True)
class Halt:
    """Stop new risk durably, for the account or one market; only a person clears it."""

    reason: str
    ticker: MarketTicker | None = None


@attrs.frozen(kw_only=True)
class ClearHalt:
    """Clear one halt by its id."""

    halt_id: str


@attrs.frozen(kw_only=True)
class Calibrate:
    """Compare the account with the exchange now."""


Command: TypeAlias = (
    PlaceOrder | CancelOrder | CancelOrders | Pause | Resume | Halt | ClearHalt | Calibrate
)


class Answer(enum.Enum):
    """How a command ended."""

    DONE = "done"
    DENIED = "denied"
    """We said no; nothing was sent."""
    REJECTED = "rejected"
    """The exchange said no."""
    UNKNOWN = "unknown"
    """It may or may not have happened; the daemon is finding out."""
    UNAVAILABLE = "unavailable"
    """It could not be tried now; nothing was sent."""


@attrs.frozen(kw_only=True)
class Outcome:
    """The answer to one command: a word for programs and a sentence for people."""

    answer: Answer
    sentence: str
    key: str | None = None
    """The order it is about."""

    @property
    def ok(self) -> bool:
        """Tell whether what was asked for happened."""
        return self.answer is Answer.DONE

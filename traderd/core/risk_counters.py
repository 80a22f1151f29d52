"""Why no trade: what the gate refused, by rule and by who asked.

Owns: the counters with the last sentence and moment of each.
Must not: decide anything by them.
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.core.strategy_books import label_of
from traderd.model.order_events import OrderDenied
from traderd.model.units import Timestamp

PAIRS_KEPT_MAX: Final = 1_000
"""Bounds the pairs of who asked and rule; strategies are named by configuration, so there are far fewer."""


@attrs.define
class Refusals:
    """What one rule refused to one strategy or person."""

    owner: str
    """A strategy, or `person`."""
    rule: str
    control: str
    count: int = 0
    sentence: str = ""
    """The last one."""
    number: str = ""
    limit: str = ""
    at: Timestamp = Timestamp(0)


@attrs.define(eq=False)
class WhyNoTrade:
    """All refusals of this run."""

    _pairs: dict[tuple[str, str], Refusals] = attrs.Factory(dict)

    def note(self, event: OrderDenied) -> Refusals:
        """Count one refusal and return its counter."""
        owner = label_of(event.attribution)
        key = (owner, event.rule)
        found = self._pairs.pop(key, None) or Refusals(owner, event.rule, event.control)
        self._pairs[key] = found
        found.count += 1
        found.sentence, found.at = event.sentence, event.at
        found.number, found.limit = event.number, event.limit
        if len(self._pairs) > PAIRS_KEPT_MAX:
            del self._pairs[next(iter(self._pairs))]
        return found

    def all(self) -> tuple[Refusals, ...]:
        """Return all counters, the newest refusal first."""
        return tuple(reversed(self._pairs.values()))

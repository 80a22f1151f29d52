"""What the street will do and when: actions, and a heap of them.

Owns: the kinds of actions, and their order; equal times keep the order in which they were planned.
Must not: carry anything out.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from typing import TypeAlias

import attrs

from traderd.model.ids import MarketTicker
from traderd.model.units import Timestamp


@attrs.frozen
class Quote:
    """A maker adds to a level or takes from it."""

    ticker: MarketTicker


@attrs.frozen
class Take:
    """A taker hits the touch."""

    ticker: MarketTicker


@attrs.frozen
class Cluster:
    """One of several quotes and takes that follow news."""

    ticker: MarketTicker
    left: int
    """How many come after it."""


@attrs.frozen
class FairMove:
    """A fair value moves; two markets of which one wins both move, in opposite directions."""

    group: int


@attrs.frozen
class Mend:
    """Makers and takers bring one book one step nearer to its fair value."""

    ticker: MarketTicker


@attrs.frozen
class Open:
    """A market opens, and its opening book with it."""

    ticker: MarketTicker


@attrs.frozen
class Decide:
    """A closed market gets its result."""

    ticker: MarketTicker


@attrs.frozen
class Look:
    """The street looks around: for new markets, wiped books, early closes."""


Action: TypeAlias = Quote | Take | Cluster | FairMove | Mend | Open | Decide | Look


@attrs.define(eq=False)
class Agenda:
    """Planned actions, soonest first."""

    _heap: list[tuple[Timestamp, int, Action]] = attrs.field(factory=list)
    _numbers: Iterator[int] = attrs.field(factory=itertools.count)

    def plan(self, due: int, action: Action) -> None:
        """Add an action."""
        heapq.heappush(self._heap, (Timestamp(due), next(self._numbers), action))

    def next(self) -> tuple[Timestamp, Action] | None:
        """Return the next action and when it is due."""
        if not self._heap:
            return None
        due, _, action = self._heap[0]
        return due, action

    def take(self, action: Action) -> None:
        """Take the next action off; raises ValueError if it is another one."""
        if not self._heap or self._heap[0][2] is not action:
            raise ValueError(f"{action} is not the next action")
        heapq.heappop(self._heap)

"""How much older news is than the youngest there was lately, by the exchange's stamps and our clock.

Owns: the smallest distance of the two clocks within the last minutes. Measured against it an age needs no offset of the clocks,
and a way to the exchange that is long all the time costs nothing.
Must not: read a clock, or say whose fault an age is.
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.model.units import NS_PER_S, Timestamp

PERIOD_NS: Final = 300 * NS_PER_S
"""The smallest distance is that of this period and the one before: clocks drift by some 0.01 s in so long, and a step of
one of them is forgotten after two."""


@attrs.define(eq=False)
class NewsAge:
    """The age of the newest news of one connection, beyond that of its youngest."""

    ns: int = 0
    """0 until there is any."""
    _began_at: Timestamp | None = None
    """When the present period began."""
    _least_ns: int = 0
    """The smallest distance of the present period."""
    _least_before_ns: int | None = None

    def take(self, apart_ns: int, at: Timestamp) -> None:
        """Take one piece of news in.

        Args:
            apart_ns: our time of it minus the exchange's, whatever the offset of the clocks.
            at: our time of it.
        """
        began = self._began_at
        if began is None or not 0 <= at - began < PERIOD_NS:
            is_next = began is not None and 0 <= at - began < 2 * PERIOD_NS
            self._least_before_ns = self._least_ns if is_next else None
            self._began_at, self._least_ns = at, apart_ns
        self._least_ns = min(self._least_ns, apart_ns)
        before = self._least_before_ns
        self.ns = apart_ns - (self._least_ns if before is None else min(self._least_ns, before))

"""The last so many lags, and what they say together.

Owns: a ring of a fixed size, in nanoseconds.
Must not: know whose lags they are.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import attrs


@attrs.define(eq=False, weakref_slot=False)  # there may be ten thousand
class LagWindow:
    """A ring of lags; percentiles are exact over what it holds, and computed when asked for."""

    size: int
    _ring: array[int] = attrs.Factory(lambda: array("q"))
    _next: int = 0

    def __len__(self) -> int:
        return len(self._ring)

    def add(self, lag_ns: int) -> None:
        """Take one lag in, in place of the oldest when the ring is full."""
        if len(self._ring) < self.size:
            self._ring.append(lag_ns)
        else:
            self._ring[self._next] = lag_ns
        self._next = (self._next + 1) % self.size

    def percentile(self, percent: int) -> int | None:
        """Return the smallest lag that `percent` of the lags do not exceed, None when there are none."""
        return self.percentiles(percent)[0]

    def percentiles(self, *percents: int) -> tuple[int | None, ...]:
        """Return `percentile` of each of these, from one look at the ring."""
        ordered = sorted(self._ring)
        return tuple(_at(ordered, percent) for percent in percents)

    def values(self) -> tuple[int, ...]:
        """Return the lags that it holds, in no order."""
        return tuple(self._ring)

    def steady(self, count: int) -> int | None:
        """Return the middle one of the newest `count` lags (the lower of two), None when there are none."""
        held = len(self._ring)
        if held == 0:
            return None
        end = self._next or held
        begin = end - min(count, held)
        # Asked for at every look at a book, so the ring is cut and not walked.
        newest = self._ring[begin:end] if begin >= 0 else self._ring[begin:] + self._ring[:end]
        return sorted(newest)[(len(newest) - 1) // 2]


def percentile_of(windows: Iterable[LagWindow], percent: int) -> int | None:
    """Return the smallest lag that `percent` of all lags in these windows do not exceed, None when there are none."""
    return _at(sorted(lag for window in windows for lag in window.values()), percent)


def _at(ordered: list[int], percent: int) -> int | None:
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else None

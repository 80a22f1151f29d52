"""The last so many lags, and what they say together.

Owns: how they are kept, in nanoseconds, and their percentiles.
Must not: know whose lags they are.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Final, NewType

Lags = NewType("Lags", bytes)
"""Lags in ns, the oldest first, in LAG_BYTES each. There may be ten thousand of them with a single lag in each, and then an object
with an array in it would take a megabyte more."""
LAG_BYTES: Final = 8
NO_LAGS: Final = Lags(b"")


def with_lag(lags: Lags, lag_ns: int, *, at_most: int) -> Lags:
    """Return the lags with one more as the newest, without the oldest when that is one too many."""
    grown = lags + lag_ns.to_bytes(LAG_BYTES, sys.byteorder, signed=True)
    return Lags(grown[-LAG_BYTES * at_most :])


def count_of(lags: Lags) -> int:
    """Return how many there are."""
    return len(lags) // LAG_BYTES


def percentile(lags: Lags, percent: int) -> int | None:
    """Return the smallest lag that `percent` of the lags do not exceed, None when there are none."""
    return percentiles(lags, percent)[0]


def percentiles(lags: Lags, *percents: int) -> tuple[int | None, ...]:
    """Return `percentile` of each of these, from one look at the lags."""
    ordered = sorted(_values(lags))
    return tuple(_at(ordered, percent) for percent in percents)


def percentile_of(windows: Iterable[Lags], percent: int) -> int | None:
    """Return the smallest lag that `percent` of all lags in these windows do not exceed, None when there are none."""
    return _at(sorted(lag for lags in windows for lag in _values(lags)), percent)


def steady(lags: Lags, count: int) -> int | None:
    """Return the middle one of the newest `count` lags (the lower of two), None when there are none."""
    if not lags:
        return None
    newest = sorted(_values(Lags(lags[-LAG_BYTES * count :])))
    return newest[(len(newest) - 1) // 2]


def _values(lags: Lags) -> memoryview[int]:
    return memoryview(lags).cast("q")


def _at(ordered: list[int], percent: int) -> int | None:
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else None

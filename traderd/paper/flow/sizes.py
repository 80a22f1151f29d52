"""How large the street's changes are and how far behind the touch: drawn from what was recorded.

Owns: the distributions of the recording of 2026-08-07 (245 changes of twelve markets).
Must not: know a market.
"""

from __future__ import annotations

import itertools
from random import Random
from typing import Final

from traderd.model.units import ONE_CONTRACT, Count

DISTANCE_WEIGHTS: Final = (33, 46, 55, 41, 19, 19, 14, 12, 6)
"""How often the recorded changes were 0, 1, ... 8 ticks behind the touch."""
_DISTANCES: Final = range(len(DISTANCE_WEIGHTS))
_CUMULATIVE: Final = tuple(itertools.accumulate(DISTANCE_WEIGHTS))
_SIZE_DECILES: Final = (100, 300, 500, 1_375, 2_000, 2_500, 2_750, 8_500, 12_500, 52_300)
"""Deciles of the recorded changes' sizes in 1/100 contract; the last one opens the heavy tail."""
_SIZE_MAX: Final = 3_000_000
"""Bounds a single change: the largest recorded one is 29 986.84 contracts."""
_FRACTIONAL_SHARE: Final = 0.3
"""How many sizes are not whole contracts."""


def draw_distance(rng: Random) -> int:
    """Return how many ticks behind its touch a change is."""
    return rng.choices(_DISTANCES, cum_weights=_CUMULATIVE)[0]


def draw_size(rng: Random) -> Count:
    """Return the size of a change."""
    # Between two deciles evenly; above the last one each doubling is half as likely.
    decile = rng.randrange(len(_SIZE_DECILES))
    low = _SIZE_DECILES[decile]
    if decile + 1 < len(_SIZE_DECILES):
        size = rng.randint(low, _SIZE_DECILES[decile + 1])
    else:
        while rng.random() < 0.5 and low < _SIZE_MAX:
            low *= 2
        size = min(_SIZE_MAX, rng.randrange(low, 2 * low))
    if rng.random() >= _FRACTIONAL_SHARE:
        size -= size % ONE_CONTRACT
    return Count(size)

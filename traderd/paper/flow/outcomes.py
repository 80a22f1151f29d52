"""How events end: drawn from the seed, by the odds that prices show, and without contradictions.

Owns: who wins. In a mutually exclusive event at most one market ends YES; in any other one draw decides all, so that
"above 100" never ends NO beside "above 110" that ends YES.
Must not: know a venue.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

import attrs

from traderd.model.ids import MarketTicker
from traderd.model.units import ONE_DOLLAR, Price

COMPLETE_FROM: Final = 8_000
"""A mutually exclusive event whose prices add up to this much has its winner among them; in 1/10 000 $."""
_LESS: Final = ("less", "less_or_equal")


@attrs.frozen(kw_only=True)
class Candidate:
    """One market of an event, as far as its end is concerned."""

    ticker: MarketTicker
    chance: Price
    """Of YES."""
    strike_type: str | None = None
    fixed: bool | None = None
    """How the scenario says it ends."""


def draw_outcomes(
    candidates: Sequence[Candidate], *, exclusive: bool, rng: Random
) -> dict[MarketTicker, bool]:
    """Return whether each market of one event ends YES; draws exactly once."""
    point = rng.random()
    if exclusive:
        return _exclusive(candidates, point)
    outcomes = {}
    for each in candidates:
        # A market that pays below a strike is as likely as the one above it is not.
        mirrored = 1 - point if each.strike_type in _LESS else point
        ends_yes = mirrored * ONE_DOLLAR < each.chance
        outcomes[each.ticker] = ends_yes if each.fixed is None else each.fixed
    return outcomes


def _exclusive(candidates: Sequence[Candidate], point: float) -> dict[MarketTicker, bool]:
    outcomes = {each.ticker: bool(each.fixed) for each in candidates}
    free = [each for each in candidates if each.fixed is None]
    if any(outcomes.values()) or not free:
        return outcomes
    total = sum(each.chance for each in free)
    # Less than nearly everything leaves room for an outcome that has no market.
    complete = total >= COMPLETE_FROM and len(free) > 1
    left = point * (total if complete else max(total, ONE_DOLLAR))
    for each in free:
        left -= each.chance
        if left < 0:
            outcomes[each.ticker] = True
            break
    return outcomes

"""Whether the exchange's own book contradicts ours: the arithmetic of an audit.

Owns: which levels can be compared at all. The exchange's book was taken at an unknown moment between two looks at ours,
so only levels that were the same at both looks are compared; what moved meanwhile says nothing. A level may have gone
and come back between the looks, and the exchange's REST books lag behind by some tenths of a second, so one
contradiction is no proof: the same level must contradict twice in a row (`again`).
Must not: read books or ask the exchange; `services/book_audit.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from traderd.core.book import Book
from traderd.model.events import DifferingLevel, Levels
from traderd.model.orders import Side
from traderd.model.units import Count, Price


@attrs.frozen(kw_only=True)
class Look:
    """Our book at one moment."""

    snapshots: int
    """How often it had been replaced: looks across a replacement cannot be compared."""
    bids: Mapping[Price, Count]
    asks: Mapping[Price, Count]


def look_at(book: Book) -> Look:
    """Return a book as it is now; raises BookUnavailable when it cannot be trusted."""
    return Look(snapshots=book.snapshots, bids=book.levels(Side.BID), asks=book.levels(Side.ASK))


def differing_levels(
    before: Look, after: Look, bids: Levels, asks: Levels
) -> tuple[DifferingLevel, ...] | None:
    """Return the levels that stood still in ours and are others in theirs, best known first.

    Args:
        before: ours when the request left.
        after: ours when the answer was here.
        bids: theirs, in YES prices.
        asks: theirs.

    Returns None when our book was replaced meanwhile, so that nothing can be compared.
    """
    if before.snapshots != after.snapshots:
        return None
    return (
        *_differing(Side.BID, before.bids, after.bids, dict(bids)),
        *_differing(Side.ASK, before.asks, after.asks, dict(asks)),
    )


def again(
    first: tuple[DifferingLevel, ...], second: tuple[DifferingLevel, ...]
) -> tuple[DifferingLevel, ...]:
    """Return the levels of the second audit that contradicted in the first one too, ours being the same in both."""
    earlier = {(level.side, level.price): level.ours for level in first}
    return tuple(level for level in second if earlier.get((level.side, level.price)) == level.ours)


def _differing(
    side: Side,
    before: Mapping[Price, Count],
    after: Mapping[Price, Count],
    theirs: Mapping[Price, Count],
) -> list[DifferingLevel]:
    none = Count(0)
    found = []
    for price in sorted({**before, **after, **theirs}, reverse=side is Side.BID):
        ours = after.get(price, none)
        if ours == before.get(price, none) and ours != theirs.get(price, none):
            found.append(
                DifferingLevel(side=side, price=price, ours=ours, theirs=theirs.get(price, none))
            )
    return found

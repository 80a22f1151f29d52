"""Whether the exchange's own book contradicts ours: the arithmetic of an audit.

Owns: which levels can be compared at all. The exchange's book was taken at an unknown moment between two looks at ours,
so a level that was the same at both looks must be the same in theirs, and one that moved must be what it was at one of
them, or nothing can be said of it. A level may have gone and come back between the looks, and the exchange's REST books
lag behind by some tenths of a second, so one contradiction is no proof: the same level must contradict twice in a row
(`again`). Nor is it an acquittal when a level that contradicted has moved since: then the audit is inconclusive.
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


@attrs.frozen(kw_only=True)
class Comparison:
    """What one look said."""

    differing: tuple[DifferingLevel, ...] = ()
    """Levels that stood still in ours and are others in theirs, best known first."""
    is_clear: bool = True
    """False: a level moved in a way of which nothing can be said."""

    @property
    def agrees(self) -> bool:
        """Tell whether every level agrees, as far as it can be known at all."""
        return self.is_clear and not self.differing


def compare(before: Look, after: Look, bids: Levels, asks: Levels) -> Comparison | None:
    """Return what a look at the exchange's book says of ours.

    Args:
        before: ours when the request left.
        after: ours when the answer was here.
        bids: theirs, in YES prices.
        asks: theirs.

    Returns None when our book was replaced meanwhile, so that nothing can be compared.
    """
    if before.snapshots != after.snapshots:
        return None
    bid = _compared(Side.BID, before.bids, after.bids, dict(bids))
    ask = _compared(Side.ASK, before.asks, after.asks, dict(asks))
    return Comparison(
        differing=(*bid.differing, *ask.differing), is_clear=bid.is_clear and ask.is_clear
    )


def again(
    first: tuple[DifferingLevel, ...], second: tuple[DifferingLevel, ...]
) -> tuple[DifferingLevel, ...]:
    """Return the levels of the second audit that contradicted in the first one too, ours being the same in both."""
    earlier = {(level.side, level.price): level.ours for level in first}
    return tuple(level for level in second if earlier.get((level.side, level.price)) == level.ours)


def _compared(
    side: Side,
    before: Mapping[Price, Count],
    after: Mapping[Price, Count],
    theirs: Mapping[Price, Count],
) -> Comparison:
    none = Count(0)
    found, is_clear = [], True
    for price in sorted({**before, **after, **theirs}, reverse=side is Side.BID):
        was, ours, other = (each.get(price, none) for each in (before, after, theirs))
        if other in (was, ours):
            continue
        if ours == was:
            found.append(DifferingLevel(side=side, price=price, ours=ours, theirs=other))
        else:
            is_clear = False
    return Comparison(differing=tuple(found), is_clear=is_clear)

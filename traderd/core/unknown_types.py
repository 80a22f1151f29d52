"""Types of messages that nobody knows: whether the books go on without them is tried, not guessed.

Owns: the trial. A frame of an unknown type puts the books that it may have told of in doubt; if the snapshots that follow
are just what those books hold without it, the frame changed none. A type of which that was so for several frames is
harmless from then on: counted, and no more. One that changed a book once is never taken for harmless, and when an audit
convicts a book all types have to prove themselves anew.
Must not: doubt a book itself, or hold levels.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from traderd.model.ids import MarketTicker

PROOFS: Final = 3
"""So many frames in a row must have changed no book: one may have come when there was nothing to change."""
TYPES_MAX: Final = 64
"""Bounds the types that are remembered: their names come from the exchange. The others are doubted each time."""
HARMFUL: Final = -1
"""Stands in the place of the number of proofs."""


@attrs.define(eq=False)
class _Trial:
    """One frame, and how many of the books that it put in doubt have not been proven the same yet."""

    kind: str
    left: int


@attrs.define(eq=False)
class UnknownTypes:
    """What was found out since the start."""

    _proofs: dict[str, int] = attrs.Factory(dict)
    """For each type how many frames in a row changed no book, or HARMFUL."""
    _trials: dict[MarketTicker, _Trial] = attrs.Factory(dict)

    def is_harmless(self, kind: str) -> bool:
        """Tell whether frames of a type need no doubt."""
        return self._proofs.get(kind, 0) >= PROOFS

    def on_trial(self, ticker: MarketTicker) -> bool:
        """Tell whether the next snapshot of a book proves something."""
        return ticker in self._trials

    def begin(self, kind: str, tickers: Iterable[MarketTicker]) -> None:
        """Note that a frame has just put these books in doubt, which were good; without any nothing can be proven."""
        doubted = tuple(tickers)
        if doubted and (kind in self._proofs or len(self._proofs) < TYPES_MAX):
            self._proofs.setdefault(kind, 0)
            self._trials.update(dict.fromkeys(doubted, _Trial(kind, len(doubted))))

    def spoil(self, tickers: Iterable[MarketTicker], *, but: str) -> None:
        """Note that something else may have changed these books as well, so that they prove nothing of a type `but` that."""
        if not self._trials:
            return
        for ticker in tickers:
            trial = self._trials.get(ticker)
            if trial is not None and trial.kind != but:
                del self._trials[ticker]

    def judge(self, ticker: MarketTicker, *, is_same: bool) -> None:
        """Note whether the snapshot of a book on trial is what the book held."""
        trial = self._trials.pop(ticker)
        if not is_same:
            self._proofs[trial.kind] = HARMFUL
            return
        trial.left -= 1
        if trial.left == 0 and self._proofs[trial.kind] != HARMFUL:
            self._proofs[trial.kind] += 1

    def forget_proofs(self) -> None:
        """Let every type prove itself anew, because a book was wrong that seemed good."""
        self._proofs = {kind: min(count, 0) for kind, count in self._proofs.items()}

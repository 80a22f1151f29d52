"""Sequence numbers of one subscription: what proves that no frame was lost.

Owns: the rule of Kalshi's `seq`, which counts per subscription from 1 and is used up by replies too (seen in
recorded production sessions). Data must be exactly last + 1. A reply may repeat a number without harm, but
one that jumps ahead proves a loss as well as data does. Numbers that begin anew without a new subscription prove that
nothing more can be concluded from them.
Must not: know what the frames hold.
"""

from __future__ import annotations

import enum
from typing import Final

import attrs

NEVER: Final = 1 << 62
"""The last number of a sequence that ended: no number of an exchange comes after it."""


class Verdict(enum.Enum):
    """What a sequence number says about the frame that carries it."""

    IN_ORDER = "in_order"
    GAP = "gap"
    """Frames before this one are missing: every book of the subscription is in doubt."""
    STALE = "stale"
    """A copy, late, or the first of a new count: the frame must not be applied."""
    RESTARTED = "restarted"
    """Old numbers go up again: they are counted anew, and no frame of the subscription can be trusted any more."""


@attrs.define(eq=False)
class SequenceTracker:
    """The last number of one subscription and how often the rule was broken."""

    last: int = 0
    stale: int = 0
    _stray: int = 0
    """The newest old number since `last` was reached."""
    _stray_after: int = -1
    """What `last` was when it came."""

    def observe(self, seq: int) -> Verdict:
        """Judge one frame with data (levels, a trade, a market's step), and remember its number."""
        if seq == self.last + 1:
            self.last = seq
            return Verdict.IN_ORDER
        if seq > self.last:
            self.last = seq
            return Verdict.GAP
        self.stale += 1
        if self.last == NEVER:
            return Verdict.STALE
        # Two old numbers in a row, going up, are a new count (or two late frames: then nothing is lost by doubting).
        restarted = self._stray_after == self.last and seq > self._stray
        self._stray, self._stray_after = seq, self.last
        if restarted:
            self.end()
            return Verdict.RESTARTED
        return Verdict.STALE

    def observe_reply(self, seq: int) -> Verdict:
        """Judge a reply without data: it may repeat the last number, and older ones are no sign of a new count."""
        if seq > self.last:
            return self.observe(seq)
        self.stale += 1
        return Verdict.STALE

    def end(self) -> None:
        """Let no later number be in order any more."""
        self.last = NEVER

"""Sequence numbers of one subscription: what proves that no frame was lost.

Owns: the rule of Kalshi's `seq`, which counts per subscription from 1 and is used up by replies too (seen in
recorded production sessions). Data must be exactly last + 1. A reply may repeat a number without harm, but
one that jumps ahead proves a loss as well as data does.
Must not: know what the frames hold.
"""

from __future__ import annotations

import enum

import attrs


class Verdict(enum.Enum):
    """What a sequence number says about the frame that carries it."""

    IN_ORDER = "in_order"
    GAP = "gap"
    """Frames before this one are missing: every book of the subscription is in doubt."""
    STALE = "stale"
    """Seen before, or overtaken: the frame must not be applied."""


@attrs.define(eq=False)
class SequenceTracker:
    """The last number of one subscription and how often the rule was broken."""

    last: int = 0
    gaps: int = 0
    stale: int = 0

    def observe(self, seq: int) -> Verdict:
        """Judge one frame, data or reply, and remember its number."""
        if seq <= self.last:
            self.stale += 1
            return Verdict.STALE
        in_order = seq == self.last + 1
        self.last = seq
        if in_order:
            return Verdict.IN_ORDER
        self.gaps += 1
        return Verdict.GAP

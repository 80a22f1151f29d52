"""Frames that were not understood: counted by kind, and new risk stopped when one may have told of our own money.

Owns: the counts, their bound, and the sentence of the halt. A market data frame that is missing shows as a gap, so its
book is repaired and nothing else follows; a private frame has no number, so nothing but this tells that it is missing.
Must not: repair; the account is read again by `services/sync.py`, which hears of the same frames.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final

import attrs

from traderd.model.events import Author, Drift, FeedName, FrameRefused, HaltRaised

KINDS_MAX: Final = 64
"""Bounds the kinds that are told apart: the names come from the exchange."""
KIND_CHARACTERS_MAX: Final = 80
OTHERS: Final = "others"
MONEY_FRAMES: Final = frozenset({"fill", "user_order", Drift.UNREADABLE.value})
"""Private frames that tell of orders and money, and those that may: nobody can say what an unreadable one told.

An unknown type does not halt: Kalshi adds message types, and these two channels are named in the subscription."""
HALT_PREFIX: Final = "drift:"


@attrs.define(eq=False)
class FrameDrift:
    """What was refused since the start."""

    refused: int = 0
    """All refused frames, also those that only say no to a command."""
    counts: dict[str, int] = attrs.Factory(dict)
    """How often each kind of departure was seen, for example `missing_field fill.msg.trade_id`."""

    def note(self, event: FrameRefused, halts: Container[str]) -> list[HaltRaised]:
        """Count a refused frame; returns the halt that follows unless it stands among `halts` already."""
        self.refused += 1
        if event.drift is None:
            return []
        kind = kind_of(event)
        if kind not in self.counts and len(self.counts) >= KINDS_MAX:
            kind = OTHERS
        self.counts[kind] = self.counts.get(kind, 0) + 1
        halt_id = f"{HALT_PREFIX}{event.kind}"
        if (
            event.feed is not FeedName.PRIVATE
            or event.kind not in MONEY_FRAMES
            or event.drift is Drift.UNKNOWN_TYPE
            or halt_id in halts
        ):
            return []
        return [
            HaltRaised(
                at=event.at,
                halt_id=halt_id,
                author=Author.MACHINE,
                reason=f"a private frame ({event.kind}) could not be understood: {event.reason}; it may have told "
                "of a trade or an order, so the account is read again; compare positions and fills with the "
                f"exchange, update traderd if its messages changed, then `traderd clear-halt {halt_id}`",
            )
        ]


def kind_of(event: FrameRefused) -> str:
    """Return the name under which a refused frame is counted."""
    assert event.drift is not None
    field = f".{event.where}" if event.where else ""
    return f"{event.drift.value} {event.kind}{field}"[:KIND_CHARACTERS_MAX]

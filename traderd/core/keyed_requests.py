"""Requests with a key of the asker's own: what was asked by which key, and how it was answered.

Owns: how many keys are remembered, and for how long.
Must not: know HTTP, verbs or how to carry one out.
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.core.folding import Fold, quiet
from traderd.model.events import RequestAnswered, RequestTaken
from traderd.model.units import NS_PER_S, Timestamp

KEYS_KEPT: Final = 1_000
"""Bounds the keys, some 500 bytes each: who asks again does so within minutes."""
KEY_AGE_S: Final = 86_400
"""How long a key is known: a client that was down for a night asks again in the morning."""


@attrs.frozen(kw_only=True)
class KeyedRequest:
    """One request and, once it is known, its answer."""

    key: str
    verb: str
    digest: str
    taken_at: Timestamp
    status: int | None = None
    """Of HTTP; None: nobody knows how it ended, or it is under way."""
    answer: str = ""
    """JSON."""


@attrs.define(eq=False)
class KeyedRequests:
    """The newest requests with a key."""

    kept: dict[str, KeyedRequest] = attrs.Factory(dict)
    """Oldest first."""

    def folds(self) -> dict[type, Fold]:
        """Return which events this folds."""
        return {RequestTaken: quiet(self.take), RequestAnswered: quiet(self.answer)}

    def take(self, event: RequestTaken) -> None:
        """Note a request, and let go of the oldest ones."""
        self.kept.pop(event.key, None)
        self.kept[event.key] = KeyedRequest(
            key=event.key, verb=event.verb, digest=event.digest, taken_at=event.at
        )
        while len(self.kept) > KEYS_KEPT or _is_old(next(iter(self.kept.values())), event.at):
            del self.kept[next(iter(self.kept))]

    def answer(self, event: RequestAnswered) -> None:
        """Note an answer; that of a request which was let go of meanwhile is nobody's."""
        if (known := self.kept.get(event.key)) is not None:
            self.kept[event.key] = attrs.evolve(known, status=event.status, answer=event.answer)

    def get(self, key: str, now: Timestamp) -> KeyedRequest | None:
        """Return what was asked by a key, None when that is not known or too long ago."""
        known = self.kept.get(key)
        return None if known is None or _is_old(known, now) else known


def _is_old(request: KeyedRequest, now: Timestamp) -> bool:
    return now - request.taken_at >= KEY_AGE_S * NS_PER_S

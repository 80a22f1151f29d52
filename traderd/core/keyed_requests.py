"""Requests with a key of the asker's own: what was asked by which key, and how it was answered.

Owns: how many keys are remembered, and for how long. One whose answer is awaited is not let go of, or it could be done twice.
Must not: know HTTP, verbs or how to carry one out.
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.core.folding import Fold, quiet
from traderd.model.events import RequestAnswered, RequestTaken
from traderd.model.units import NS_PER_S, Timestamp

KEYS_KEPT: Final = 1_000
"""Bounds the keys: who asks again does so within minutes."""
ANSWERS_CHARACTERS_MAX: Final = 4_000_000
"""Bounds all answers together: one is some 300 characters, that to a batch of 100 orders 30,000."""
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
    """The one of which there was news last as the last one."""

    def folds(self) -> dict[type, Fold]:
        """Return which events this folds."""
        return {RequestTaken: quiet(self.take), RequestAnswered: quiet(self.answer)}

    def take(self, event: RequestTaken) -> None:
        """Note a request, and let go of the oldest ones."""
        self.kept.pop(event.key, None)
        while self.kept and _is_old(oldest := next(iter(self.kept.values())), event.at):
            del self.kept[oldest.key]
        self.kept[event.key] = KeyedRequest(
            key=event.key, verb=event.verb, digest=event.digest, taken_at=event.at
        )
        if len(self.kept) > KEYS_KEPT:
            self._let_go()

    def answer(self, event: RequestAnswered) -> None:
        """Note an answer, and let go of the oldest ones when there are too many."""
        known = self.kept.pop(event.key, None)
        if known is None:
            return
        characters = len(event.answer) + sum(len(one.answer) for one in self.kept.values())
        while characters > ANSWERS_CHARACTERS_MAX and (gone := self._let_go()) is not None:
            characters -= len(gone.answer)
        self.kept[event.key] = attrs.evolve(known, status=event.status, answer=event.answer)

    def _let_go(self) -> KeyedRequest | None:
        # The oldest whose answer is there; the oldest of all only where no answer is.
        found = next((one for one in self.kept.values() if one.status is not None), None)
        if found is None and len(self.kept) > KEYS_KEPT:
            found = next(iter(self.kept.values()))
        if found is not None:
            del self.kept[found.key]
        return found

    def get(self, key: str, now: Timestamp) -> KeyedRequest | None:
        """Return what was asked by a key, None when that is not known or too long ago."""
        known = self.kept.get(key)
        return None if known is None or _is_old(known, now) else known


def _is_old(request: KeyedRequest, now: Timestamp) -> bool:
    return now - request.taken_at >= KEY_AGE_S * NS_PER_S

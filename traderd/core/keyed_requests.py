"""Requests with a key of the asker's own: what was asked by which key, and how it was answered.

Owns: how many keys are remembered. One whose answer is awaited is not let go of, or it could be done twice.
Must not: know HTTP, verbs or how to carry one out; nor how old a key is: a stamp tells that only while nobody sets the clock.
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.core.folding import Fold, quiet
from traderd.model.events import RequestAnswered, RequestTaken
from traderd.model.units import Timestamp

KEYS_KEPT: Final = 1_000
"""Bounds the keys: who asks again does so within minutes."""
ANSWERS_CHARACTERS_MAX: Final = 4_000_000
"""Bounds all answers together: one is some 300 characters, that to a batch of 100 orders 30,000."""


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
        """Note a request, and let go of those that are too old, or too many."""
        for key in (event.key, *event.forgotten):
            self.kept.pop(key, None)
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

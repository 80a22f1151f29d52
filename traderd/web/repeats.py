"""One answer for each `Idempotency-Key`: a request that is sent again is answered again, and done once.

Owns: what is under way, by key; what is over, also in an earlier run, the notes remember.
Must not: know HTTP, verbs, or who may ask.

A client whose line broke before the answer came cannot know whether its order was placed. With a key it may ask again:
the first request goes on without it, and the second one waits for that outcome.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Final

import attrs
import trio

from traderd.errors import BadInput
from traderd.web.source import Answer, EarlierRequest, RequestNotes

KEY: Final = re.compile(r"[!-~]{1,64}")
"""A key is 1 to 64 printable characters without a blank: a UUID, or a number of the client's own."""


class KeyReused(Exception):
    """The key was used for another request."""


class OutcomeLost(Exception):
    """The request was taken on before, and nobody knows how it ended; `taken_at` says when."""

    def __init__(self, taken_at: str) -> None:
        super().__init__(taken_at)
        self.taken_at = taken_at


@attrs.define(eq=False)
class _UnderWay:
    asked: tuple[str, str]
    answer: Answer | None = None
    is_over: trio.Event = attrs.Factory(trio.Event)


class Repeats:
    """The requests with a key."""

    def __init__(self, notes: RequestNotes) -> None:
        self._notes = notes
        # No more than there are connections.
        self._under_way: dict[str, _UnderWay] = {}

    async def once(
        self, key: str, asked: tuple[str, str], run: Callable[[], Awaitable[Answer]]
    ) -> tuple[Answer, bool]:
        """Return the answer to `asked` (a verb and a digest of its body), and whether it was given before; run it unless it was.

        What `run` raises goes to who asked first; for who asks again its outcome is lost. Cancelling one that waits is
        safe, and one that runs is not broken off: `run` must be bounded.

        Raises:
            BadInput: the key is no key.
            KeyReused: it was used for something else.
            OutcomeLost: it was taken on, and traderd ended or failed before it knew the outcome.
        """
        if KEY.fullmatch(key) is None:
            raise BadInput(
                "an Idempotency-Key has 1 to 64 printable ASCII characters without blanks"
            )
        while (first := self._under_way.get(key)) is not None:
            if first.asked != asked:
                raise KeyReused
            await first.is_over.wait()
            if first.answer is not None:
                return first.answer, True
        if (earlier := self._notes.earlier(key)) is not None:
            return _answer_of(earlier, asked), True
        under_way = self._under_way[key] = _UnderWay(asked)
        try:
            # Between the note and the end nothing may come in between: it would be a request that nobody knows the end of.
            with trio.CancelScope(shield=True):
                await self._notes.take(key, asked)
                answer = under_way.answer = await run()
                await self._notes.answer(key, answer)
        finally:
            del self._under_way[key]
            under_way.is_over.set()
        return answer, False


def _answer_of(earlier: EarlierRequest, asked: tuple[str, str]) -> Answer:
    if earlier.asked != asked:
        raise KeyReused
    if earlier.answer is None:
        raise OutcomeLost(earlier.taken_at)
    return earlier.answer

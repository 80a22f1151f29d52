"""One answer for each `Idempotency-Key`: a request that is sent again is answered again, and done once.

Owns: the answers that are kept, by key, and for how many.
Must not: know HTTP, verbs, or who may ask.

A client whose line broke before the answer came cannot know whether its order was placed. With a key it may ask again:
the first request goes on without it, and the second one waits for that outcome.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import attrs
import trio

from traderd.errors import BadInput

KEPT: Final = 1_000
"""Bounds the answers that are kept, some 300 bytes each; a client that asks again does so within minutes."""

KEY: Final = re.compile(r"[!-~]{1,64}")
"""A key is 1 to 64 printable characters without a blank: a UUID, or a number of the client's own."""

Answer: TypeAlias = tuple[int, dict[str, Any]]
"""An HTTP status and the outcome."""


class KeyReused(Exception):
    """The key was used for another request."""


@attrs.define(eq=False)
class _Kept:
    asked: tuple[str, bytes]
    is_over: trio.Event = attrs.Factory(trio.Event)
    answer: Answer | None = None
    failure: Exception | None = None


class Repeats:
    """The requests with a key, as far back as they are kept."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    async def once(
        self, key: str, asked: tuple[str, bytes], run: Callable[[], Awaitable[Answer]]
    ) -> tuple[Answer, bool]:
        """Return the answer to `asked` (a verb and a digest of its body), and whether it was given before; run it unless it was.

        What `run` raises is kept and raised again like an answer. Cancelling one that waits is safe; `run` decides about itself.

        Raises:
            BadInput: the key is no key.
            KeyReused: it was used for something else.
        """
        if KEY.fullmatch(key) is None:
            raise BadInput(
                "an Idempotency-Key has 1 to 64 printable ASCII characters without blanks"
            )
        known = self._kept.get(key)
        if known is not None:
            if known.asked != asked:
                raise KeyReused
            await known.is_over.wait()
            return self._answer(known), True
        kept = self._kept[key] = _Kept(asked)
        self._forget_oldest()
        try:
            kept.answer = await run()
        except Exception as failure:
            kept.failure = failure
            raise
        finally:
            kept.is_over.set()
            if kept.answer is None and kept.failure is None:
                # It was cancelled before it began, so it may be asked anew.
                del self._kept[key]
        return self._answer(kept), False

    def _forget_oldest(self) -> None:
        if len(self._kept) <= KEPT:
            return
        # Of those that are over: one that runs must not be done a second time. Of these there are few.
        over = (key for key, kept in self._kept.items() if kept.is_over.is_set())
        if (oldest := next(over, None)) is not None:
            del self._kept[oldest]

    @staticmethod
    def _answer(kept: _Kept) -> Answer:
        if kept.failure is not None:
            # Each raise adds the frames that it passes, with the body of that request in them; only the last ones are kept.
            raise kept.failure.with_traceback(None)
        assert kept.answer is not None, "a request that waits for another one is told its outcome"
        return kept.answer

"""Requests with a key: noted in the journal, so that a restart does none of them a second time.

Owns: when a note counts as kept.
Must not: carry out anything, or know HTTP beyond a status number.
"""

from __future__ import annotations

from typing import Final

import msgspec
import trio

from traderd.errors import StoreError
from traderd.model.events import Event, RequestAnswered, RequestTaken
from traderd.model.units import format_time
from traderd.services.context import Context
from traderd.web.source import Answer, EarlierRequest

ON_DISK_S: Final = 2.0
"""Bounds the wait for the disk. A kill must not hang on a disk that does; and what needs one waits for its own row
in the journal, which comes after this one."""


class RequestLog:
    """Implements `web.source.RequestNotes`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def earlier(self, key: str) -> EarlierRequest | None:
        """Return what came with this key in the last day, in this run or before."""
        known = self._context.view.request(key, self._context.now())
        if known is None:
            return None
        answer = None if known.status is None else (known.status, msgspec.json.decode(known.answer))
        return EarlierRequest(
            asked=(known.verb, known.digest), taken_at=format_time(known.taken_at), answer=answer
        )

    async def take(self, key: str, asked: tuple[str, str]) -> None:
        """Note that this is about to be done, and wait for the disk; cancelling leaves the note."""
        verb, digest = asked
        now = self._context.now()
        await self._keep(RequestTaken(at=now, key=key, verb=verb, digest=digest), verb)

    async def answer(self, key: str, answer: Answer) -> None:
        """Note how it ended, and wait for the disk; cancelling leaves the note."""
        status, document = answer
        text = msgspec.json.encode(document).decode()
        now = self._context.now()
        await self._keep(RequestAnswered(at=now, key=key, status=status, answer=text), "the answer")

    async def _keep(self, fact: Event, what: str) -> None:
        self._context.publish(fact)
        journal = self._context.shared.journal
        why = f"the disk took longer than {ON_DISK_S:g} s"
        with trio.move_on_after(ON_DISK_S):
            try:
                await journal.wait_durable(journal.position)
            except StoreError as exc:
                why = str(exc)
            else:
                return
        self._context.log.warning(
            f"a restart may not know the Idempotency-Key of {what}: {why}", why=why
        )

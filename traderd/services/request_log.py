"""Requests with a key: noted in the journal, so that a restart does none of them a second time.

Owns: when a note counts as kept, and how long a key is known. While the daemon runs it ages by the clock that nobody can set;
only the time between two runs is told by the wall clock, and one that was put back in between makes no key younger than new.
Must not: carry out anything, or know HTTP beyond a status number.
"""

from __future__ import annotations

from itertools import islice
from typing import Final

import msgspec
import trio

from traderd.errors import StoreError
from traderd.model.events import Event, RequestAnswered, RequestTaken
from traderd.model.units import NS_PER_S, format_time
from traderd.services.context import Context
from traderd.web.source import Answer, EarlierRequest

KEY_AGE_S: Final = 86_400
"""How long a key is known: a client that was down for a night asks again in the morning."""
FORGOTTEN_MAX: Final = 100
"""Bounds the keys of which one note lets go; what is left goes with the next."""
ON_DISK_S: Final = 2.0
"""Bounds the wait for the disk. A kill must not hang on a disk that does; and what needs one waits for its own row
in the journal, which comes after this one."""


class RequestLog:
    """Implements `web.source.RequestNotes`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._since = context.shared.keys_since
        now, monotonic = context.now(), context.env.monotonic()
        for key, known in context.view.keyed_requests.items():
            # Of those of an earlier run; the others are there, also when this service is started anew.
            age_s = max(0, now - known.taken_at) / NS_PER_S
            self._since.setdefault(key, monotonic - age_s)

    def earlier(self, key: str) -> EarlierRequest | None:
        """Return what came with this key in the last day, in this run or before."""
        known = self._context.view.keyed_requests.get(key)
        if known is None or self._is_old(key):
            return None
        answer = None if known.status is None else (known.status, msgspec.json.decode(known.answer))
        return EarlierRequest(
            asked=(known.verb, known.digest), taken_at=format_time(known.taken_at), answer=answer
        )

    async def take(self, key: str, asked: tuple[str, str]) -> None:
        """Note that this is about to be done, and wait for the disk; cancelling leaves the note."""
        verb, digest = asked
        kept = self._context.view.keyed_requests
        old = tuple(islice((one for one in kept if self._is_old(one)), FORGOTTEN_MAX))
        self._since[key] = self._context.env.monotonic()
        now = self._context.now()
        fact = RequestTaken(at=now, key=key, verb=verb, digest=digest, forgotten=old)
        await self._keep(fact, verb)
        for gone in [one for one in self._since if one not in kept]:
            del self._since[gone]

    async def answer(self, key: str, answer: Answer) -> None:
        """Note how it ended, and wait for the disk; cancelling leaves the note."""
        status, document = answer
        text = msgspec.json.encode(document).decode()
        now = self._context.now()
        await self._keep(RequestAnswered(at=now, key=key, status=status, answer=text), "the answer")

    def _is_old(self, key: str) -> bool:
        return self._context.env.monotonic() - self._since[key] >= KEY_AGE_S

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

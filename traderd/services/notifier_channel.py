"""One channel on its way: a bounded queue, and the tries of the message at its head.

Owns: the queue (policy: the oldest that is not critical is dropped and counted), the back-off between tries, and what is known of
the channel's fate. A receiver that asks for a pause gets it.
Must not: let a notifier's failure out, or a secret of its be seen.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import attrs
import structlog
import trio

from traderd.errors import FOREIGN_FAILURES
from traderd.model.notices import NoticeMessage, Urgency
from traderd.model.units import Timestamp
from traderd.runtime.env import Env
from traderd.runtime.log_text import mask_texts
from traderd.runtime.retry import Backoff, show_wait
from traderd.services.extensions import Faults, NotDelivered, Notifier, Owned, Post

MESSAGES_MAX: Final = 100
"""Bounds the messages that wait for one channel: with joined messages that is thousands of notices."""
SEND_BUDGET_S: Final = 10.0
"""Bounds one call of a notifier."""
TRIES_MAX: Final = 8
"""Tries of one message: with the back-off that is about two minutes. An alert comes back anyhow until it is acknowledged."""
DEFECTS_MAX: Final = 3
"""Tries of a message at which the notifier itself fails: a defect seldom mends itself."""
BACKOFF_FIRST_S: Final = 1.0
BACKOFF_CAP_S: Final = 60.0
PAUSE_MAX_S: Final = 600.0
"""Bounds the pause that a receiver may ask for."""


@attrs.define(eq=False)
class Fate:
    """How a channel has done since the start."""

    delivered: int = 0
    failed: int = 0
    """Messages that were given up."""
    dropped: int = 0
    """Messages for which there was no room."""
    delivered_at: Timestamp | None = None
    last_error: str = ""
    """Of the last try; empty when it was delivered."""


class NotifierChannel:
    """A notifier with its queue."""

    def __init__(
        self,
        owned: Owned,
        *,
        env: Env,
        post: Post,
        faults: Faults,
        log: structlog.stdlib.BoundLogger,
        before: NotifierChannel | None = None,
    ) -> None:
        """`before` is the channel of the same name whose place this one takes, with what waits in it."""
        self.plugin = owned.plugin
        self.notifier: Notifier = owned.item
        self._in_use = owned.in_use
        self.fate: Fate = Fate() if before is None else before.fate
        self._env, self._post, self._faults, self._log = env, post, faults, log
        self._queue: deque[NoticeMessage] = deque(() if before is None else before._queue)
        self._wake = trio.Event()
        self._idle = trio.Event()
        if not self._queue:
            self._idle.set()
        self._not_before = 0.0

    @property
    def name(self) -> str:
        """The notifier's name."""
        return self.notifier.name

    @property
    def waiting(self) -> int:
        """How many messages wait, the one that is being sent included."""
        return len(self._queue)

    def offer(self, message: NoticeMessage) -> None:
        """Put a message into the queue; never waits."""
        self._queue.append(message)
        if len(self._queue) > MESSAGES_MAX:
            # The head may be half way out, so it stays.
            later = range(1, len(self._queue))
            ordinary = (at for at in later if self._queue[at].urgency is not Urgency.CRITICAL)
            del self._queue[next(ordinary, 1)]
            self.fate.dropped += 1
        self._idle = trio.Event() if self._idle.is_set() else self._idle
        self._wake.set()

    async def wait_idle(self) -> None:
        """Wait until nothing is left to send.  Cancelling is safe."""
        await self._idle.wait()

    async def run(self) -> None:
        """Send what comes until cancelled; what waits then stays in the queue."""
        while True:
            if not self._queue:
                self._idle.set()
                self._wake = trio.Event()
                await self._wake.wait()
            await self._send_head()

    async def try_once(self, message: NoticeMessage) -> str:
        """Send one message past the queue; returns what went wrong, an empty text when nothing did."""
        try:
            await self._send(message)
        except NotDelivered as exc:
            return self.masked(str(exc))
        except FOREIGN_FAILURES as exc:  # a foreign notifier may fail in any way; it is listed
            return self._note_defect(exc)
        return ""

    def masked(self, text: str) -> str:
        """Return a text without the notifier's secrets."""
        return mask_texts(text, self.notifier.secrets)

    # --- one message ------------------------------------------------------------------------------

    async def _send_head(self) -> None:
        message, backoff = self._queue[0], self._make_backoff()
        defects = 0
        while True:
            await trio.sleep(max(0.0, self._not_before - self._env.monotonic()))
            try:
                await self._send(message)
            except NotDelivered as exc:
                error, is_final = self.masked(str(exc)), exc.is_final
                pause_s = exc.retry_after_s
            except FOREIGN_FAILURES as exc:  # a foreign notifier may fail in any way; it is listed
                error, pause_s, defects = self._note_defect(exc), None, defects + 1
                is_final = defects >= DEFECTS_MAX
            else:
                self._delivered()
                break
            self.fate.last_error = error
            if is_final or backoff.tries + 1 >= TRIES_MAX:
                self.fate.failed += 1
                self._log.error(
                    f"notifier {self.name} gave up a message: {error}", notifier=self.name
                )
                break
            self._wait_for_next(backoff, pause_s, error)
        self._queue.popleft()

    def _wait_for_next(self, backoff: Backoff, pause_s: float | None, error: str) -> None:
        delay_s = backoff.next_delay()
        if pause_s is not None:
            delay_s = max(delay_s, min(pause_s, PAUSE_MAX_S))
        self._not_before = self._env.monotonic() + delay_s
        if backoff.tries == 1:
            self._log.warning(
                f"notifier {self.name}: {error}; next try {show_wait(delay_s)}", notifier=self.name
            )

    async def _send(self, message: NoticeMessage) -> None:
        if not self._in_use():
            raise NotDelivered(f"its plugin {self.plugin} is quarantined", is_final=True)
        with trio.move_on_after(SEND_BUDGET_S) as budget:
            await self.notifier.send(self._cleaned(message), self._post)
        if budget.cancelled_caught:
            raise NotDelivered(f"it took more than {SEND_BUDGET_S:g} s")

    def _cleaned(self, message: NoticeMessage) -> NoticeMessage:
        notices = tuple(
            attrs.evolve(one, title=self.masked(one.title), text=self.masked(one.text))
            for one in message.notices
        )
        return attrs.evolve(message, notices=notices)

    def _note_defect(self, error: BaseException) -> str:
        fault = self._faults.note(self.plugin, f"notifier {self.name}", error, masked=self.masked)
        return f"its plugin {self.plugin} failed: {fault.error}"

    def _delivered(self) -> None:
        if self.fate.last_error:
            self._log.info(f"notifier {self.name} delivers again", notifier=self.name)
        self.fate.delivered += 1
        self.fate.delivered_at = Timestamp(self._env.wall_ns())
        self.fate.last_error = ""

    def _make_backoff(self) -> Backoff:
        return Backoff(first_s=BACKOFF_FIRST_S, cap_s=BACKOFF_CAP_S, rng=self._env.rng)

"""What one channel is sent, and when: repeats are counted, small news is collected, nothing comes faster than wanted.

Owns: the deduplication, the digest, and the rate of one channel's messages. What a rate holds back is joined into the next
message, so that no limit loses a notice; only beyond WAITING_MAX the oldest that is not critical is dropped, and counted.
Must not: read a clock, send, or know what a notice is about.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import attrs

from traderd.model.notices import LINES_MAX, Notice, NoticeClass, NoticeMessage, Urgency
from traderd.model.units import NS_PER_S, Timestamp

WAITING_MAX: Final = 500
"""Bounds what waits for its turn in one channel: more than a person reads."""
BURST: Final = 3
"""Messages that may go at once after a quiet while: a halt, its cause and the recovery."""
ALERT_GAP_NS: Final = 3 * NS_PER_S
"""How soon after the message before an alert may go whatever the rate says: with the sending it must be with the person within
five seconds."""
TOLD_MAX: Final = 2_000
"""Bounds the memory of what was told a short while ago."""


@attrs.frozen(kw_only=True)
class ChannelRules:
    """What one channel wants."""

    classes: tuple[NoticeClass, ...] = tuple(NoticeClass)
    digest_s: float = 900.0
    """How long low urgency is collected."""
    repeat_s: float = 60.0
    """Within how long the same again is only counted."""
    messages_per_min: int = 20


_Key: TypeAlias = tuple[str, bool, bool]
"""What it is about, whether that is over, and whether it is critical: a worse turn is no repeat."""


@attrs.define
class _Told:
    until: int
    notice: Notice
    repeats: int = 0


@attrs.define(eq=False)
class Outbox:
    """The messages of one channel."""

    rules: ChannelRules
    environment: str
    dropped: int = 0
    """Notices for which there was no room; they are in the count of a later message as well."""
    _waiting: list[Notice] = attrs.Factory(list)
    _digest: list[Notice] = attrs.Factory(list)
    _digest_at: int | None = None
    _told: dict[_Key, _Told] = attrs.Factory(dict)
    _tokens: float = float(BURST)
    _tokens_at: int = 0
    _sent_at: int = -ALERT_GAP_NS
    _left_out: int = 0

    @property
    def waiting(self) -> int:
        """How many notices wait for their turn or for the digest."""
        return len(self._waiting) + len(self._digest)

    def take(self, notice: Notice, now: Timestamp, *, is_quiet: bool, always: bool = False) -> None:
        """Take a notice in; `always` tells a reminder, which is no repeat."""
        if notice.kind not in self.rules.classes:
            return
        if not always and self._is_repeat(notice, now):
            return
        if notice.urgency is Urgency.CRITICAL or (notice.urgency and not is_quiet):
            self._keep(self._waiting, notice)
        else:
            self._collect(notice, now)

    def due(self, now: Timestamp, *, is_quiet: bool) -> NoticeMessage | None:
        """Return the next message that may go now, and count it as gone; None when there is none."""
        self._tell_repeats(now)
        if not is_quiet and self._digest_at is not None and now >= self._digest_at:
            self._end_digest()
        if not self._waiting or not self._take_turn(now):
            return None
        return self._next_message()

    def next_at(self, now: Timestamp, *, is_quiet: bool) -> Timestamp | None:
        """Return when to ask again, None when nothing waits; the end of quiet hours is for the caller to know."""
        moments = [told.until for told in self._told.values() if told.repeats]
        if self._waiting:
            missing = max(0.0, 1.0 - self._tokens_now(now))
            moments.append(now + round(missing * self._gap_ns()))
            if self._has_alert():
                # A clock that was set back must not hold an alert up.
                moments.append(now + min(ALERT_GAP_NS, max(0, self._sent_at + ALERT_GAP_NS - now)))
        if self._digest_at is not None and not is_quiet:
            moments.append(self._digest_at)
        return Timestamp(max(now, min(moments))) if moments else None

    def forget(self, key: str) -> None:
        """Let what `key` is about be told anew: it was over in between."""
        for is_critical in (False, True):
            self._told.pop((key, False, is_critical), None)

    def flush(self) -> NoticeMessage | None:
        """Return everything that waits as one last message, whatever the rate says."""
        self._end_digest()
        if not self._waiting:
            return None
        message, rest = self._next_message(), len(self._waiting)
        self._waiting = []
        return attrs.evolve(message, left_out=message.left_out + rest)

    def _end_digest(self) -> None:
        self._waiting += self._digest
        self._digest, self._digest_at = [], None

    def _next_message(self) -> NoticeMessage:
        ordered = sorted(self._waiting, key=lambda notice: (-notice.urgency, notice.at))
        chosen, self._waiting = ordered[:LINES_MAX], ordered[LINES_MAX:]
        left_out, self._left_out = self._left_out, 0
        return NoticeMessage(environment=self.environment, notices=tuple(chosen), left_out=left_out)

    # --- repeats --------------------------------------------------------------------------------

    def _is_repeat(self, notice: Notice, now: Timestamp) -> bool:
        key = (notice.key, notice.ends, notice.urgency is Urgency.CRITICAL)
        told = self._told.get(key)
        if told is not None and now < told.until:
            told.repeats, told.notice = told.repeats + 1, notice
            return True
        if len(self._told) >= TOLD_MAX:
            # The oldest has said what it had to say, or nearly so.
            self._told.pop(next(iter(self._told)))
        self._told[key] = _Told(now + round(self.rules.repeat_s * NS_PER_S), notice)
        return False

    def _tell_repeats(self, now: Timestamp) -> None:
        for key, told in tuple(self._told.items()):
            if now < told.until:
                continue
            del self._told[key]
            if told.repeats:
                again = "once more" if told.repeats == 1 else f"{told.repeats} times more"
                self._collect(
                    attrs.evolve(
                        told.notice,
                        urgency=Urgency.LOW,
                        title=f"{told.notice.title}, {again} within {self.rules.repeat_s:g} s",
                    ),
                    now,
                )

    # --- room and rate ---------------------------------------------------------------------------

    def _collect(self, notice: Notice, now: Timestamp) -> None:
        if self._digest_at is None:
            self._digest_at = now + round(self.rules.digest_s * NS_PER_S)
        self._keep(self._digest, notice)

    def _keep(self, line: list[Notice], notice: Notice) -> None:
        line.append(notice)
        if len(line) <= WAITING_MAX:
            return
        ordinary = next((n for n in line if n.urgency is not Urgency.CRITICAL), line[0])
        line.remove(ordinary)
        self.dropped += 1
        self._left_out += 1

    def _gap_ns(self) -> float:
        return 60 * NS_PER_S / self.rules.messages_per_min

    def _tokens_now(self, now: Timestamp) -> float:
        gained = max(0, now - self._tokens_at) / self._gap_ns()
        return min(float(BURST), self._tokens + gained)

    def _has_alert(self) -> bool:
        return any(notice.urgency is Urgency.CRITICAL for notice in self._waiting)

    def _take_turn(self, now: Timestamp) -> bool:
        self._tokens, self._tokens_at = self._tokens_now(now), now
        # A hair less is enough: sums of floats may fall short of the moment.
        has_token = self._tokens >= 1.0 - 1e-6
        may_pass = self._has_alert() and not self._sent_at <= now < self._sent_at + ALERT_GAP_NS
        if not has_token and not may_pass:
            return False
        self._tokens, self._sent_at = max(0.0, self._tokens - 1.0), now
        return True

"""A subscriber's bounded queue: a memory channel of batches, for one reader, with one of three named policies.

Owns: what happens when a reader is slower than the news. `lossless` never drops: a full one is an incident,
and far beyond it the reader is cut off rather than memory filled: it gets what still waits and then an error,
never a quiet end. `drop_oldest` drops and counts. `latest` keeps only the newest event per key.
Batches, not events: one event an item lets a burst outrun its reader (measured: half were lost). The reader parks here and
not in Trio's own channel, which is made for any number of senders and receivers: a batch for three readers takes 3 us less.
Must not: know what the events mean.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Hashable
from types import TracebackType
from typing import Final, Generic, TypeVar

import attrs
import trio

from traderd.errors import InvariantViolation, describe_error

E = TypeVar("E")

DEFAULT_DEPTH: Final = 1_000
"""Bounds the events waiting in one inbox: several seconds of a busy feed."""
LOSSLESS_CUT_OFF: Final = 20
"""A lossless inbox in which this many times its depth waits gets nothing more; its reader is dead by then."""
HANDLER_TIMES_KEPT: Final = 256
"""Bounds the sample from which p50 and p99 of the handler are told."""
SLOW_HANDLER_S: Final = 5.0
"""A handler that takes longer than this is reported: at the next news, or when it comes back or says that it is done."""


class IncidentKind(enum.Enum):
    """What went wrong between an inbox and its reader."""

    OVERFLOW = "overflow"
    """A lossless inbox holds more than its bound; nothing is lost yet."""
    CUT_OFF = "cut_off"
    """The reader of a lossless inbox gets no more news."""
    BROKEN_KEY = "broken_key"
    """The reader of a `latest` inbox gets no more news, because its own key failed."""
    SLOW_HANDLER = "slow_handler"
    """One batch keeps the reader busy for too long."""


@attrs.frozen(kw_only=True)
class Incident:
    """Something that an inbox reports; what it means for the daemon is not for the runtime to judge."""

    kind: IncidentKind
    name: str
    """The inbox's."""
    sentence: str


class Policy(enum.Enum):
    """What a full inbox does."""

    LOSSLESS = "lossless"
    DROP_OLDEST = "drop_oldest"
    LATEST = "latest"


@attrs.frozen(kw_only=True)
class InboxStatistics:
    """How an inbox is doing."""

    name: str
    policy: str
    depth: int
    """Events waiting now."""
    depth_max: int
    peak: int
    received: int
    dropped: int
    conflated: int
    """Events that a newer one of the same key replaced before they were read: nothing is missing then."""
    handler_p50_ms: float
    handler_p99_ms: float
    busy_s: float = 0.0
    """For how long the reader has been busy with the batch that it has now; 0 while it waits for news."""

    def joined(self, other: InboxStatistics) -> InboxStatistics:
        """Return both as one: what waits and what went by is added up, of peaks and times the worse one counts."""
        policies = dict.fromkeys((*self.policy.split("+"), *other.policy.split("+")))
        return InboxStatistics(
            name=self.name,
            policy="+".join(policies),
            depth=self.depth + other.depth,
            depth_max=self.depth_max + other.depth_max,
            peak=max(self.peak, other.peak),
            received=self.received + other.received,
            dropped=self.dropped + other.dropped,
            conflated=self.conflated + other.conflated,
            handler_p50_ms=max(self.handler_p50_ms, other.handler_p50_ms),
            handler_p99_ms=max(self.handler_p99_ms, other.handler_p99_ms),
            busy_s=max(self.busy_s, other.busy_s),
        )


class Inbox(Generic[E]):
    """Read with `async for batch in inbox`; the time until the next batch is asked for is measured.

    Cancelling a read is safe: nothing is lost.  A reader that was cut off gets an InvariantViolation
    after the last batch that was kept.
    """

    def __init__(
        self,
        *,
        name: str,
        policy: Policy,
        depth: int,
        key: Callable[[E], Hashable] | None,
        on_incident: Callable[[Incident], None],
        on_close: Callable[[Inbox[E]], None],
    ) -> None:
        if (policy is Policy.LATEST) != (key is not None):
            raise ValueError("a key belongs to the policy `latest`, and only to it")
        self.name, self.policy, self.depth_max = name, policy, depth
        # Asked for every batch, and to look a member of an enum up costs as much as all the rest of the question.
        self._conflates, self._may_drop = policy is Policy.LATEST, policy is Policy.DROP_OLDEST
        self._key, self._on_incident, self._on_close = key, on_incident, on_close
        self._batches: deque[list[E]] = deque()
        self._latest: dict[Hashable, E] = {}
        self._parked: trio.lowlevel.Task | None = None
        self._is_closed = self._is_left = False
        self._waiting = self._peak = self._received = self._dropped = self._conflated = 0
        self._in_overflow = False
        self._cut_off_because = ""
        self._handed_out_at: float | None = None
        self._told_slow = False
        self._handler_s: deque[float] = deque(maxlen=HANDLER_TIMES_KEPT)

    def offer(self, batch: list[E]) -> None:
        """Take a batch of at least one event without waiting, as the policy says; the bus calls this."""
        self._received += len(batch)
        if self._handed_out_at is not None:
            # A handler that hangs never comes back to be measured.
            self._tell_slow_handler(trio.current_time() - self._handed_out_at)
        if self._conflates:
            self._offer_latest(batch)
        else:
            self._offer_batch(batch)
        if self._waiting > self._peak:
            self._peak = self._waiting

    def close(self) -> None:
        """End the subscription; what is waiting can still be read."""
        self._is_closed = True
        self._wake()
        self._on_close(self)

    def statistics(self) -> InboxStatistics:
        """Return how the inbox is doing."""
        times = sorted(self._handler_s)
        return InboxStatistics(
            name=self.name,
            policy=self.policy.value,
            depth=self._waiting,
            depth_max=self.depth_max,
            peak=self._peak,
            received=self._received,
            dropped=self._dropped,
            conflated=self._conflated,
            handler_p50_ms=_percentile_ms(times, 0.50),
            handler_p99_ms=_percentile_ms(times, 0.99),
            busy_s=0.0
            if self._handed_out_at is None
            else trio.current_time() - self._handed_out_at,
        )

    async def receive(self) -> list[E]:
        """Wait for the next batch; raises trio.EndOfChannel after `close`.

        Other readers may hold the same list, so it is never changed.

        Raises:
            InvariantViolation: the reader was cut off, and has had all that was kept for it.
            trio.BusyResourceError: somebody else reads it.
            trio.ClosedResourceError: its block was left.
        """
        try:
            return await self.__anext__()
        except StopAsyncIteration:
            raise trio.EndOfChannel from None

    def done(self) -> None:
        """Note that the batch is handled: until the next one is asked for the reader waits for somebody else.

        For readers that wait for an exchange or a moment on purpose: that is neither work nor a defect.
        """
        self._note_handler_time()

    def __aiter__(self) -> Inbox[E]:
        return self

    async def __anext__(self) -> list[E]:
        # Nearly every batch is read by `async for`, so this is the way with one call less.
        self._note_handler_time()
        if self._waiting or self._is_closed:
            if self._is_left:
                raise trio.ClosedResourceError(f"inbox {self.name} was left")
            await trio.lowlevel.checkpoint()
        else:
            if self._parked is not None:
                raise trio.BusyResourceError(f"somebody else reads inbox {self.name}")
            self._parked = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._unpark)
        if not self._waiting:
            raise self._nothing()
        if self._conflates:
            batch = list(self._latest.values())
            self._latest.clear()
        else:
            batch = self._batches.popleft()
        self._waiting -= len(batch)
        self._handed_out_at = trio.current_time()
        return batch

    def __enter__(self) -> Inbox[E]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._batches.clear()
        self._latest.clear()
        self._waiting, self._is_left = 0, True
        self.close()

    def _unpark(self, _: object) -> trio.lowlevel.Abort:
        # The reader is cancelled; what comes from now on waits for the next read.
        self._parked = None
        return trio.lowlevel.Abort.SUCCEEDED

    def _wake(self) -> None:
        reader = self._parked
        if reader is not None:
            self._parked = None
            trio.lowlevel.reschedule(reader)

    def _nothing(self) -> Exception:
        if not self._is_closed:
            return trio.BusyResourceError(f"somebody else has read from inbox {self.name}")
        if self._cut_off_because:
            return InvariantViolation(self._cut_off_because)
        return StopAsyncIteration()

    def _offer_batch(self, batch: list[E]) -> None:
        # Judged by what waited before: a reader is not to blame for the size of one batch.
        waited = self._waiting
        self._waiting += len(batch)
        if self._may_drop:
            self._drop_oldest()
        elif waited >= self.depth_max * LOSSLESS_CUT_OFF:
            self._waiting = waited
            why = f"{waited} events wait, its bound is {self.depth_max}"
            self._cut_off(IncidentKind.CUT_OFF, why, batch)
            return
        elif waited >= self.depth_max:
            self._overflow()
        elif self._in_overflow and self._waiting <= max(1, self.depth_max // 2):
            self._in_overflow = False
        self._batches.append(batch)
        self._wake()

    def _offer_latest(self, batch: list[E]) -> None:
        assert self._key is not None
        for at, event in enumerate(batch):
            try:
                key = self._key(event)
            except Exception as exc:  # noqa: BLE001
                # The key is the subscriber's own: its defect must not reach who publishes.
                why = f"its key failed: {describe_error(exc)}"
                self._waiting = len(self._latest)
                self._cut_off(IncidentKind.BROKEN_KEY, why, batch[at:])
                return
            if key in self._latest:
                self._conflated += 1
                # Keep the order of news: the newest of a key stands at the end.
                del self._latest[key]
            self._latest[key] = event
        self._waiting = len(self._latest)
        self._wake()

    def _drop_oldest(self) -> None:
        # One batch alone that is larger than the inbox is kept whole.
        while self._waiting > self.depth_max and self._batches:
            oldest = self._batches.popleft()
            self._waiting -= len(oldest)
            self._dropped += len(oldest)

    def _overflow(self) -> None:
        if not self._in_overflow:
            self._in_overflow = True
            self._report(
                IncidentKind.OVERFLOW,
                f"inbox {self.name} holds {self._waiting} events and its bound is {self.depth_max}",
            )

    def _cut_off(self, kind: IncidentKind, why: str, lost: list[E]) -> None:
        self._dropped += len(lost)
        self._cut_off_because = f"the reader of inbox {self.name} is cut off: {why}"
        self._report(kind, self._cut_off_because)
        self.close()

    def _report(self, kind: IncidentKind, sentence: str) -> None:
        self._on_incident(Incident(kind=kind, name=self.name, sentence=sentence))

    def _note_handler_time(self) -> None:
        if self._handed_out_at is None:
            return
        taken_s = trio.current_time() - self._handed_out_at
        self._tell_slow_handler(taken_s)
        self._handler_s.append(taken_s)
        self._handed_out_at = None
        self._told_slow = False

    def _tell_slow_handler(self, taken_s: float) -> None:
        if taken_s > SLOW_HANDLER_S and not self._told_slow:
            self._told_slow = True
            self._report(
                IncidentKind.SLOW_HANDLER,
                f"the handler of inbox {self.name} has been busy for {taken_s:.1f} s",
            )


def _percentile_ms(ordered: list[float], share: float) -> float:
    if not ordered:
        return 0.0
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1_000, 3)

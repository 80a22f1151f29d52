"""Waiting for one's turn at the exchange.

Owns: the two schedules of an account, who waits, the last question whether a request is still wanted, the figures.
Must not: send anything, or decide who is next (`limits` does).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

import attrs
import trio

from traderd.errors import NotSent, NoTurn
from traderd.kalshi.costs import CostTable
from traderd.kalshi.limits import (
    BASIC_READ,
    BASIC_WRITE,
    BucketSize,
    Schedule,
    Shares,
    Ticket,
    Traffic,
)
from traderd.model.units import NS_PER_S

StillWanted: TypeAlias = Callable[[], str | None]
"""Returns None while a request is still wanted, else the reason why not.  Must not block."""

WAIT_S_MAX: Final = {
    Traffic.KILL: float("inf"),
    Traffic.CANCEL: float("inf"),
    Traffic.RECONCILE: 60.0,
    Traffic.PLACE: 5.0,
    Traffic.DATA: 30.0,
    Traffic.BULK: 300.0,
}
"""Bounds the wait for a turn: an order decided seconds ago is another order; nobody gives up cancelling."""
QUEUE_MAX: Final = 1_000
"""Bounds each queue below cancels: ten seconds of the lowest tier's reads."""
WAITS_KEPT: Final = 1_000
"""Bounds the waits that the percentiles are taken of, a class and bucket."""
CLOCK_SLACK_NS: Final = 1_000
"""Added to a time to wake at: Trio's clock is a float, and must not ring a moment too early."""


@attrs.frozen(kw_only=True)
class ClassStatistics:
    """How one class fared in one bucket."""

    traffic: Traffic
    sent: int
    waiting: int
    unwanted: int
    """Lost their point while they waited."""
    gave_up: int
    """Found no turn within the longest wait, or the queue full."""
    waited_p50_s: float
    waited_p99_s: float


@attrs.frozen(kw_only=True)
class BucketStatistics:
    """How full a bucket is, and who drew on it."""

    size: BucketSize
    tokens: int
    reserve: int
    refused: int
    """Answers 429."""
    classes: tuple[ClassStatistics, ...]
    """Those that ever asked."""


@attrs.define(eq=False)
class _Tally:
    sent: int = 0
    unwanted: int = 0
    gave_up: int = 0
    waits_ns: deque[int] = attrs.Factory(lambda: deque(maxlen=WAITS_KEPT))

    def percentile_s(self, percent: int) -> float:
        ranked = sorted(self.waits_ns)
        return ranked[(len(ranked) - 1) * percent // 100] / NS_PER_S if ranked else 0.0


class Turn:
    """The right to send one request now; `end` it whatever happens."""

    def __init__(self, lane: _Lane, ticket: Ticket) -> None:
        self._lane, self._ticket = lane, ticket
        self._confirmed = False

    def confirm(self, still_wanted: StillWanted | None) -> None:
        """Ask for the last time, right before sending; raises NotSent with the reason why it is not wanted."""
        reason = None if still_wanted is None else still_wanted()
        if reason is not None:
            self._lane.tally(self._ticket.traffic).unwanted += 1
            self.nothing_sent()
            raise NotSent(reason)
        self._confirmed = True

    def nothing_sent(self) -> None:
        """Give the tokens back."""
        self._lane.give_back(self._ticket)

    def answered(self, *, too_many: bool, retry_after_s: float | None = None) -> None:
        """Note the answer: whether it was a 429, and what its Retry-After said."""
        self._lane.answered(too_many=too_many, retry_after_s=retry_after_s)

    def end(self) -> None:
        """Note that the request is not under way any more; a second time does nothing.

        What never got so far as to be confirmed was not sent, and costs nothing.
        """
        if self._confirmed:
            self._lane.end(self._ticket)
        else:
            self.nothing_sent()


class _Lane:
    """One bucket, and the tasks that wait for it."""

    def __init__(self, clock: Callable[[], float], schedule: Schedule, word: str) -> None:
        self._clock, self.schedule, self._word = clock, schedule, word
        self._waiters: dict[Ticket, trio.Event] = {}
        self._alarm: trio.CancelScope | None = None
        """Of the waiter that watches the clock for all."""
        self._tallies: dict[Traffic, _Tally] = {}
        self._refused = 0

    def tally(self, traffic: Traffic) -> _Tally:
        tally = self._tallies.get(traffic)
        if tally is None:
            tally = self._tallies[traffic] = _Tally()
        return tally

    def statistics(self) -> BucketStatistics:
        return BucketStatistics(
            size=self.schedule.size,
            tokens=self.schedule.tokens(self.now_ns()),
            reserve=self.schedule.reserve,
            refused=self._refused,
            classes=tuple(
                ClassStatistics(
                    traffic=traffic,
                    sent=tally.sent,
                    waiting=self.schedule.waiting(traffic),
                    unwanted=tally.unwanted,
                    gave_up=tally.gave_up,
                    waited_p50_s=tally.percentile_s(50),
                    waited_p99_s=tally.percentile_s(99),
                )
                for traffic, tally in sorted(self._tallies.items())
            ),
        )

    def now_ns(self) -> int:
        return int(self._clock() * NS_PER_S)

    async def wait(self, traffic: Traffic, cost: int) -> Turn:
        tally, schedule, now = self.tally(traffic), self.schedule, self.now_ns()
        self._check_size(traffic, cost, tally)
        ticket = schedule.ask_at_once(traffic, cost, now)
        if ticket is None:
            self._check_queue(traffic, tally)
            ticket = schedule.ask(traffic, cost, now)
            self.pump()
        if not ticket.granted:
            await self._stand_in_line(ticket, tally)
            now = self.now_ns()
        try:
            # Granted and cancelled at the same time: nothing was sent, so nothing is spent.
            await trio.lowlevel.checkpoint_if_cancelled()
        except trio.Cancelled:
            self.give_back(ticket)
            raise
        tally.waits_ns.append(now - ticket.asked_ns)
        return Turn(self, ticket)

    def _check_size(self, traffic: Traffic, cost: int, tally: _Tally) -> None:
        largest = self.schedule.largest(traffic)
        if cost > largest:
            tally.gave_up += 1
            raise NotSent(_too_large(cost, largest, traffic, self._word))

    def _check_queue(self, traffic: Traffic, tally: _Tally) -> None:
        if traffic > Traffic.CANCEL and self.schedule.waiting(traffic) >= QUEUE_MAX:
            tally.gave_up += 1
            raise NoTurn(f"{QUEUE_MAX} requests of class {traffic.label} wait already")

    async def _stand_in_line(self, ticket: Ticket, tally: _Tally) -> None:
        patience = WAIT_S_MAX[ticket.traffic]
        try:
            with trio.move_on_after(patience):
                while not ticket.granted and not ticket.over:
                    await self._watch(ticket)
        except trio.Cancelled:
            # Cancelled first, and granted before it could leave the queue.
            if ticket.granted:
                self.give_back(ticket)
            raise
        finally:
            self._waiters.pop(ticket, None)
            if not ticket.granted:
                self.schedule.withdraw(ticket)
                self.pump()
            self._pass_the_watch_on()
        if ticket.granted:
            return
        self._check_size(ticket.traffic, ticket.cost, tally)
        tally.gave_up += 1
        raise NoTurn(f"no turn for it within {patience:g} s: the {self._word} tokens are used up")

    async def _watch(self, ticket: Ticket) -> None:
        # Whoever comes first watches the clock for all, and hands the watch on when it goes.
        event = self._waiters[ticket] = trio.Event()
        if self._alarm is not None:
            await event.wait()
            return
        self._alarm = trio.CancelScope(deadline=self._next_deadline())
        try:
            with self._alarm:
                await event.wait()
        finally:
            self._alarm = None
        self.pump()

    def pump(self) -> None:
        """Let go whoever may go, and set the alarm anew."""
        for ticket in self.schedule.grant(self.now_ns()):
            self._wake(ticket)
        if self._alarm is not None:
            self._alarm.deadline = self._next_deadline()

    def _next_deadline(self) -> float:
        at = self.schedule.next_at(self.now_ns())
        return float("inf") if at is None else (at + CLOCK_SLACK_NS) / NS_PER_S

    def _wake(self, ticket: Ticket) -> None:
        event = self._waiters.pop(ticket, None)
        if event is not None:
            event.set()

    def _pass_the_watch_on(self) -> None:
        if self._alarm is None and self._waiters:
            self._wake(next(iter(self._waiters)))

    # --- what became of a turn --------------------------------------------------------------------

    def answered(self, *, too_many: bool, retry_after_s: float | None) -> None:
        if not too_many:
            self.schedule.welcomed()
            return
        self._refused += 1
        after_ns = None if retry_after_s is None else int(retry_after_s * NS_PER_S)
        self.schedule.refused(self.now_ns(), retry_after_ns=after_ns)
        self.pump()

    def give_back(self, ticket: Ticket) -> None:
        self.schedule.give_back(ticket, self.now_ns())
        self.pump()

    def end(self, ticket: Ticket) -> None:
        if ticket.over:
            return
        self.tally(ticket.traffic).sent += 1
        self.schedule.answered(ticket, self.now_ns())
        if self._waiters:
            self.pump()

    def resize(self, size: BucketSize) -> None:
        for ticket in self.schedule.resize(size, self.now_ns()):
            self._wake(ticket)
        self.pump()


class Throttle:
    """The two buckets of one account: whoever wants to send asks here first."""

    def __init__(self, clock: Callable[[], float], shares: Shares | None = None) -> None:
        """`clock` is monotonic, in seconds, and the one of Trio's deadlines."""
        shares = shares or Shares()
        now = int(clock() * NS_PER_S)
        self._read = _Lane(clock, Schedule(BASIC_READ, shares, now, places=False), "read")
        self._write = _Lane(clock, Schedule(BASIC_WRITE, shares, now, places=True), "write")
        self.costs = CostTable()
        """What requests cost; as documented until the exchange's own list was read."""

    def learn_sizes(self, read: BucketSize, write: BucketSize) -> None:
        """Take the sizes that the exchange told."""
        self._read.resize(read)
        self._write.resize(write)

    async def wait_turn(self, traffic: Traffic, cost: int, *, writes: bool) -> Turn:
        """Wait until a request may be sent, and take its tokens.

        Cancelling is safe: what was cancelled leaves the queue, and no token is lost.

        Args:
            traffic: what it is for; within a class, first come, first served.
            cost: in tokens.
            writes: it draws on the write bucket.

        Raises:
            NotSent: it costs more than there can ever be, or found no turn in time.
        """
        return await (self._write if writes else self._read).wait(traffic, cost)

    def largest_write(self, traffic: Traffic) -> int:
        """Return the cost of the largest write, a batch for example, that a class can send at once."""
        return self._write.schedule.largest(traffic)

    def statistics(self) -> tuple[BucketStatistics, BucketStatistics]:
        """Return the figures of the read and of the write bucket."""
        return self._read.statistics(), self._write.statistics()


def _too_large(cost: int, largest: int, traffic: Traffic, word: str) -> str:
    return (
        f"it costs {cost} tokens at once, and class {traffic.label} can have {largest} {word} tokens "
        "at most; send it in smaller parts"
    )

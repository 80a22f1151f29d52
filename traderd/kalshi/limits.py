"""One token bucket of the exchange, and who is next to draw on it.

Owns: a model of the bucket that is never fuller than the exchange's own, the order of classes, the reserve that only
cancels may touch, the allowance of placing, and what a 429 does. Whole numbers only: levels are tokens x nanoseconds.
Must not: wait, read a clock, or know what a request is. `throttle` does the waiting.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Final

import attrs

from traderd.errors import InvariantViolation
from traderd.model.units import NS_PER_MS, NS_PER_S


class Traffic(IntEnum):
    """What a request is for, most urgent first: while one waits for tokens, nothing below it goes."""

    KILL = 0
    CANCEL = 1
    RECONCILE = 2
    PLACE = 3
    DATA = 4
    BULK = 5

    @property
    def label(self) -> str:
        """The name for people."""
        return self.name.lower()

    @property
    def is_urgent(self) -> bool:
        """Tell whether the reserve is for this class too, and connections of its own."""
        return self <= Traffic.RECONCILE


URGENT_LINES: Final = 8
ORDINARY_LINES: Final = 6
"""Bound what is under way at once, a bucket: the transports have as many connections, so nobody waits for one."""
LINES_MAX: Final = {
    Traffic.KILL: URGENT_LINES,
    Traffic.CANCEL: URGENT_LINES - 2,
    Traffic.RECONCILE: URGENT_LINES - 2,
    Traffic.PLACE: ORDINARY_LINES,
    Traffic.DATA: ORDINARY_LINES,
    Traffic.BULK: ORDINARY_LINES - 2,
}
"""How many of its lane (urgent or ordinary) may be under way when one more of a class asks to go: hanging cancels
leave two connections to a kill, and no flood of orders or reads takes one from either."""
SMALLEST_COST: Final = 10
"""Shares never make a bucket too small for one request of the usual cost."""
PAUSE_STEP_NS: Final = 250 * NS_PER_MS
URGENT_PAUSE_NS_MAX: Final = NS_PER_S
"""Bounds how long a kill or a cancel stands still after a 429, whatever the exchange asks for."""
PAUSE_NS_MAX: Final = 8 * NS_PER_S
RETRY_AFTER_NS_MAX: Final = 30 * NS_PER_S
"""Bounds what a Retry-After header is obeyed for; Kalshi sends none."""


@attrs.frozen
class BucketSize:
    """How a bucket fills: tokens a second, and tokens at most; both at least 1."""

    refill_rate: int = attrs.field(validator=attrs.validators.ge(1))
    capacity: int = attrs.field(validator=attrs.validators.ge(1))


BASIC_READ: Final = BucketSize(200, 600)
BASIC_WRITE: Final = BucketSize(100, 100)
"""Kalshi: the lowest tier; assumed until the account's own limits were read."""


@attrs.frozen(kw_only=True)
class Shares:
    """How a bucket is divided, in percent of its size."""

    place: int = attrs.field(
        default=50, validator=[attrs.validators.ge(1), attrs.validators.le(100)]
    )
    """Of the write bucket, for creates and amends: a bucket of their own inside it, so much smaller and slower."""
    reserve: int = attrs.field(
        default=30, validator=[attrs.validators.ge(0), attrs.validators.le(95)]
    )
    """What placing, data and bulk leave in the bucket."""


@attrs.define(eq=False)
class Ticket:
    """One request's place in the queue, and its share of what is under way once it was granted."""

    traffic: Traffic
    cost: int
    asked_ns: int
    granted: bool = False
    over: bool = False
    """Answered, given back or withdrawn: it counts for nothing any more."""


@attrs.define(eq=False)
class Tank:
    """A level that rises with time up to its size; in tokens x nanoseconds, so that rising is exact."""

    size: BucketSize
    at: int
    level: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.level = self.size.capacity * NS_PER_S

    def rise(self, now: int, *, below: int = 0) -> None:
        """Fill up to `now`, and to `below` tokens under the rim at most; a clock that stepped back adds nothing."""
        risen = self.level + max(0, now - self.at) * self.size.refill_rate
        self.level = min(risen, (self.size.capacity - below) * NS_PER_S)
        self.at = max(self.at, now)

    def regauge(self, size: BucketSize) -> None:
        """Take another size, and leave missing what was missing."""
        self.level = max(0, self.level + (size.capacity - self.size.capacity) * NS_PER_S)
        self.size = size

    def full_enough_at(self, tokens: int, *, below: int = 0) -> int | None:
        """Return when there will be so many, None when the rim is lower than that."""
        if tokens > self.size.capacity - below:
            return None
        missing = tokens * NS_PER_S - self.level
        return self.at if missing <= 0 else self.at - (-missing // self.size.refill_rate)


class Schedule:
    """A bucket and its queues; every method takes the time in nanoseconds of one monotonic clock.

    What was granted and not yet answered may reach the exchange at any moment until its answer comes, so for so long
    the model's rim is lower by its cost. Hence the exchange's bucket is never emptier than the model, whatever the
    latency; only another client of the same account can bring a 429.
    """

    def __init__(self, size: BucketSize, shares: Shares, now: int, *, places: bool) -> None:
        """`places`: this is the bucket that orders draw on, so placing has an allowance."""
        self._shares, self._places = shares, places
        self._tank = Tank(size, now)
        self._allowance = Tank(self._allowance_size(size), now)
        self._queues: dict[Traffic, dict[Ticket, None]] = {traffic: {} for traffic in Traffic}
        self._under_way = 0
        self._lanes = {True: 0, False: 0}
        self._refusals = 0
        self._closed_until = {True: now, False: now}
        self._size_is_guess = True

    @property
    def size(self) -> BucketSize:
        """The bucket's size."""
        return self._tank.size

    @property
    def reserve(self) -> int:
        """The tokens that only kill, cancel and reconcile may take."""
        capacity = self._tank.size.capacity
        return min(capacity * self._shares.reserve // 100, max(0, capacity - SMALLEST_COST))

    def resize(self, size: BucketSize, now: int) -> list[Ticket]:
        """Take the size that the exchange told.

        Until then the size was a guess, and the level with it: all that is known is how much was drawn, so that is what
        is missing in the bucket of the true size. Later, or after a 429, what is in the bucket stays, as far as it fits.

        Returns those who wait for more than there can ever be now; they are withdrawn.
        """
        self._rise(now)
        allowance_size = self._allowance_size(size)
        if self._size_is_guess:
            self._tank.regauge(size)
            self._allowance.regauge(allowance_size)
            self._size_is_guess = False
        self._tank.size, self._allowance.size = size, allowance_size
        self._rise(now)
        waiting = [ticket for queue in self._queues.values() for ticket in queue]
        hopeless = [ticket for ticket in waiting if ticket.cost > self.largest(ticket.traffic)]
        for ticket in hopeless:
            self.withdraw(ticket)
        return hopeless

    def tokens(self, now: int) -> int:
        """Return the whole tokens there are now."""
        self._rise(now)
        return self._tank.level // NS_PER_S

    def waiting(self, traffic: Traffic) -> int:
        """Return how many of a class wait."""
        return len(self._queues[traffic])

    def largest(self, traffic: Traffic) -> int:
        """Return the cost of the largest request that this class can ever send at once."""
        if traffic.is_urgent:
            return self._tank.size.capacity
        room = self._tank.size.capacity - self.reserve
        return min(room, self._allowance.size.capacity) if self._allows(traffic) else room

    def ask(self, traffic: Traffic, cost: int, now: int) -> Ticket:
        """Queue one request; `grant` then tells when it may go.  Its cost must not be above `largest`."""
        ticket = Ticket(traffic, cost, now)
        self._queues[traffic][ticket] = None
        return ticket

    def ask_at_once(self, traffic: Traffic, cost: int, now: int) -> Ticket | None:
        """Return a request that is granted, None when it has to `ask` and wait: the short way while nobody queues."""
        if any(self._queues.values()):
            return None
        self._rise(now)
        ticket = Ticket(traffic, cost, now)
        at = self._tokens_at(ticket)
        if at is None or at > self._tank.at or self._blocked_by_itself(ticket) is not False:
            return None
        self._take(ticket)
        return ticket

    def grant(self, now: int) -> list[Ticket]:
        """Return those who may go now, in the order in which they may; their tokens are taken."""
        self._rise(now)
        granted: list[Ticket] = []
        for queue in self._queues.values():
            while queue:
                ticket = next(iter(queue))
                if self._blocked_by_itself(ticket) is not False:
                    break
                at = self._tokens_at(ticket)
                if at is None or at > self._tank.at:
                    return granted
                del queue[ticket]
                self._take(ticket)
                granted.append(ticket)
        return granted

    def next_at(self, now: int) -> int | None:
        """Return when `grant` will have somebody by time alone, None when an answer must come before."""
        self._rise(now)
        times: list[int] = []
        for ticket in self._heads():
            own = self._blocked_by_itself(ticket)
            if own is None:
                continue
            at = self._tokens_at(ticket)
            if at is not None:
                times.append(max(at, self._allowed_at(ticket)))
            if own is False:
                break
        return min(times, default=None)

    def withdraw(self, ticket: Ticket) -> None:
        """Leave the queue; nothing was taken."""
        self._queues[ticket.traffic].pop(ticket, None)
        ticket.over = True

    def answered(self, ticket: Ticket, now: int) -> None:
        """Note that a request is not under way any more; its tokens are spent."""
        if not ticket.over:
            self._rise(now)
            self._release(ticket)

    def give_back(self, ticket: Ticket, now: int) -> None:
        """Note that nothing was sent; its tokens go back."""
        if ticket.over:
            return
        self._rise(now)
        self._release(ticket)
        self._tank.level += ticket.cost * NS_PER_S
        if self._allows(ticket.traffic):
            self._allowance.level += ticket.cost * NS_PER_S
        self._rise(now)

    def refused(self, now: int, *, retry_after_ns: int | None = None) -> None:
        """Take a 429: the bucket is empty, whatever we thought; repeated ones make a growing pause.

        Kalshi: there is no penalty and no Retry-After; a header that comes all the same is obeyed.
        """
        self._rise(now)
        self._tank.level = min(0, self._tank.level)
        self._size_is_guess = False
        pause = PAUSE_STEP_NS * ((1 << min(self._refusals, 10)) - 1)
        self._refusals += 1
        asked_for = min(retry_after_ns or 0, RETRY_AFTER_NS_MAX)
        for urgent, cap in ((True, URGENT_PAUSE_NS_MAX), (False, PAUSE_NS_MAX)):
            least = min(asked_for, cap) if urgent else asked_for
            until = now + max(min(pause, cap), least)
            self._closed_until[urgent] = max(self._closed_until[urgent], until)

    def welcomed(self) -> None:
        """Take any other answer: the next 429 is a first one again."""
        self._refusals = 0

    # --- inside -----------------------------------------------------------------------------------

    def _rise(self, now: int) -> None:
        self._tank.rise(now, below=self._under_way)
        self._allowance.rise(now)

    def _allowance_size(self, size: BucketSize) -> BucketSize:
        share = self._shares.place
        capacity = max(size.capacity * share // 100, min(SMALLEST_COST, size.capacity))
        return BucketSize(max(1, size.refill_rate * share // 100), capacity)

    def _allows(self, traffic: Traffic) -> bool:
        return self._places and traffic is Traffic.PLACE

    def _heads(self) -> Iterator[Ticket]:
        for queue in self._queues.values():
            if queue:
                yield next(iter(queue))

    def _blocked_by_itself(self, ticket: Ticket) -> bool | None:
        """Tell whether a class waits for something of its own, which keeps nobody else; None: for an answer."""
        if self._lanes[ticket.traffic.is_urgent] >= LINES_MAX[ticket.traffic]:
            return None
        return self._allowed_at(ticket) > self._tank.at

    def _allowed_at(self, ticket: Ticket) -> int:
        if not self._allows(ticket.traffic):
            return self._tank.at
        at = self._allowance.full_enough_at(ticket.cost)
        return self._tank.at if at is None else at

    def _tokens_at(self, ticket: Ticket) -> int | None:
        """Return when the bucket has the tokens and takes requests, the moment it was last looked at if it does."""
        urgent = ticket.traffic.is_urgent
        need = ticket.cost if urgent else ticket.cost + self.reserve
        at = self._tank.full_enough_at(need, below=self._under_way)
        return None if at is None else max(at, self._closed_until[urgent])

    def _take(self, ticket: Ticket) -> None:
        self._tank.level -= ticket.cost * NS_PER_S
        if self._allows(ticket.traffic):
            self._allowance.level -= ticket.cost * NS_PER_S
        if min(self._tank.level, self._allowance.level) < 0:
            raise InvariantViolation(f"a request of {ticket.cost} tokens was granted without them")
        self._under_way += ticket.cost
        self._lanes[ticket.traffic.is_urgent] += 1
        ticket.granted = True

    def _release(self, ticket: Ticket) -> None:
        self._under_way -= ticket.cost
        self._lanes[ticket.traffic.is_urgent] -= 1
        ticket.over = True

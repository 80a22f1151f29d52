"""The sweep: every resting order of an account cancelled, and the proof that none rests.

Owns: the loop of reading, cancelling and reading again that the daemon's kill switch and the one of its own process
share. It believes nothing but what the exchange lists: an answer to a cancel proves nothing. An order that cannot be read
or cancelled never keeps another from being cancelled.
Must not: place, amend, or know a daemon, its state or its files.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

import attrs
import trio

from traderd.errors import (
    AuthenticationRefused,
    ExchangeError,
    ExchangeRefused,
    ExchangeUnavailable,
)
from traderd.kalshi.order_calls import CANCELS_MAX, Canceled, CancelResult
from traderd.kalshi.order_reads import Listed
from traderd.kalshi.rest import RestClient
from traderd.model.orders import OrderRecord, OrderStatus
from traderd.model.rows import UnreadableRow
from traderd.model.units import counted
from traderd.runtime.retry import Backoff

QUIET_S: Final = 0.4
"""Between two readings that must both be empty: the exchange's reads lag by 360 ms, and what left right before the
latch has arrived by then."""
AGAIN_S: Final = 0.2
"""Between readings while another cancels, and where the pauses after a round in vain begin; small, because it is what a
person waits for."""
LOOK_S: Final = 0.02
"""How often whoever waits for another to cancel looks whether it must do so itself: of what a person waits for, a hundredth."""
AGAIN_CAP_S: Final = 2.0
"""Bounds those pauses: an exchange that comes back is noticed at once, and one that is down is not flooded."""
BATCHES_AT_ONCE: Final = 3
"""Bounds batches under way: the exchange's bucket, not the round trip, is what bounds a kill."""
SINGLES_AT_ONCE: Final = 6
"""Bounds single cancels under way; two of the connections for cancels stay free."""
SINGLES_S: Final = 5.0
"""Bounds a round of single cancels: the batches go again after it, and who was tried least goes first."""
NOT_FOUND_S: Final = 2.0
"""How long an order may be listed that its cancel does not find: five times the exchange's lag. What is listed longer is
there, in a place that a cancel by id does not reach, such as another subaccount."""
NAMED_MAX: Final = 5
"""Bounds the orders that one sentence names."""
LAST_RESORT_AFTER: Final = 3
"""How many rounds that failed without one cancel more pass until the exchange is told to cancel everything."""


@attrs.define
class Sweep:
    """How far a sweep is, and how it ended."""

    verified: bool = False
    """Two readings in a row listed nothing that should be cancelled, and nothing was on its way any more."""
    seen: dict[str, Listed] = attrs.Factory(dict)
    """The orders that were seen resting, each once, as the first reading that had it told it."""
    cancelled: int = 0
    """Orders whose cancel the exchange acknowledged, each counted once."""
    left: tuple[Listed, ...] = ()
    """What the newest reading listed."""
    spared: int = 0
    """Orders of others that the newest reading listed and that were not touched."""
    readings: int = 0
    problem: str = ""
    """The newest failure, or what is waited for; empty once a reading came after it."""
    moments: dict[str, float] = attrs.Factory(dict)
    """When each phase was reached, on Trio's clock; of those that come again, the first time, of the cancels also the last."""
    _acknowledged: dict[str, None] = attrs.Factory(dict)

    def note(self, records: Sequence[Listed], chosen: tuple[Listed, ...]) -> None:
        """Take a reading."""
        self.readings += 1
        self.problem = ""
        self.reach("listed")
        self.left, self.spared = chosen, len(records) - len(chosen)
        for record in chosen:
            self.seen.setdefault(_name(record), record)

    @property
    def found(self) -> int:
        """Return how many orders were seen resting."""
        return len(self.seen)

    def became(self, record: Listed) -> str:
        """Return what became of an order that was seen, for people: only what the exchange said."""
        name = _name(record)
        if any(_name(other) == name for other in self.left):
            return "rested at the last look"
        return "is canceled" if name in self._acknowledged else "rests no more"

    def acknowledge(self, record: Listed) -> None:
        """Take the exchange's word that it cancelled an order."""
        self._acknowledged[_name(record)] = None
        self.cancelled = len(self._acknowledged)
        self.moments["last_cancelled"] = trio.current_time()

    def reach(self, phase: str) -> None:
        """Note when a phase was reached, unless it was before."""
        self.moments.setdefault(phase, trio.current_time())


async def sweep(
    rest: RestClient,
    *,
    rng: random.Random,
    tell: Callable[[str], None],
    ours: Callable[[Listed], bool] | None = None,
    unsettled: Callable[[], str] = lambda: "",
    cancels: Callable[[Sweep], bool] = lambda _: True,
    progress: Sweep | None = None,
) -> Sweep:
    """Cancel until two readings in a row are empty; returns how it went, `verified`.

    It goes on for ever while the exchange does not answer: the caller bounds it, and reads `progress` afterwards.
    Cancelling is safe, and cancelling it again later too.

    Args:
        rest: a client whose traffic goes ahead of all other.
        rng: for the jitter of its pauses.
        tell: takes a line for people.
        ours: which orders to cancel; None: all of the account.
        unsettled: what may still be on its way to the exchange, in words, empty when nothing can; an empty reading while
            something is does not count.
        cancels: whether to cancel now; while another does it, reading is enough.
        progress: filled in while it runs.

    Raises:
        AuthenticationRefused: the key is not taken, which trying again cannot cure.
    """
    state = Sweep() if progress is None else progress
    await _Sweeper(rest, state, tell, ours, rng).run(unsettled, cancels)
    return state


class _Sweeper:
    """The sweep at work."""

    def __init__(
        self,
        rest: RestClient,
        state: Sweep,
        tell: Callable[[str], None],
        ours: Callable[[Listed], bool] | None,
        rng: random.Random,
    ) -> None:
        self._rest, self._state, self._tell, self._ours = rest, state, tell, ours
        self._backoff = Backoff(first_s=AGAIN_S, cap_s=AGAIN_CAP_S, rng=rng)
        self._tries: dict[str, int] = {}
        """How often each order was asked for by itself."""
        self._not_found: dict[str, float] = {}
        """Since when each order is not found by its cancel, on Trio's clock."""
        self._told: str = ""
        self._has_failed = False
        """Whether something went wrong in this round."""
        self._in_vain = 0
        """Rounds that failed since the last cancel that was new."""

    async def run(self, unsettled: Callable[[], str], cancels: Callable[[Sweep], bool]) -> None:
        state, empty = self._state, 0
        while empty < 2:
            # Before the reading: what settles during it may have missed it.
            on_its_way = unsettled()
            is_read = await self._read()
            if is_read and not state.left and not on_its_way:
                empty += 1
                state.reach("none_listed")
                if empty == 1:
                    await trio.sleep(QUIET_S)
                continue
            empty = 0
            if is_read and not state.left:
                self._note_problem(on_its_way)
                await trio.sleep(AGAIN_S)
            elif await self._is_my_turn(cancels):
                await self._round(is_read=is_read)
        state.verified = True
        state.reach("verified")
        whose, spared = "", ""
        if self._ours is not None:
            whose, spared = " of ours", f", {state.spared} of others were left alone"
        self._tell(
            f"verified: no order{whose} rests at the exchange{spared} ({state.readings} readings)"
        )

    async def _is_my_turn(self, cancels: Callable[[Sweep], bool]) -> bool:
        """Wait until this process has to cancel, or until another reading is due; tells which."""
        again_at = trio.current_time() + AGAIN_S
        while not cancels(self._state):
            if trio.current_time() >= again_at:
                return False
            await trio.sleep(LOOK_S)
        return True

    async def _read(self) -> bool:
        self._has_failed = False
        try:
            reading = await self._rest.read_orders(status=OrderStatus.RESTING, everywhere=True)
        except AuthenticationRefused:
            raise
        except ExchangeError as exc:
            self._failed(f"resting orders could not be read: {exc}")
            return False
        records: tuple[Listed, ...] = (*reading.rows, *reading.unreadable)
        chosen = tuple(record for record in records if self._is_chosen(record))
        before = len(self._state.left)
        self._state.note(records, chosen)
        if chosen and before != len(chosen):
            self._tell(f"{counted(len(chosen), 'order')} {'rests' if len(chosen) == 1 else 'rest'}")
        for row in reading.unreadable:
            self._note_problem(f"a row of the resting orders cannot be read: {row.words}")
        return True

    def _is_chosen(self, record: Listed) -> bool:
        # A row without any name may be anybody's: whoever says that nothing of ours rests must know.
        is_nameless = record.order_id is None and record.client_order_id is None
        return self._ours is None or is_nameless or self._ours(record)

    async def _round(self, *, is_read: bool) -> None:
        """Cancel what was listed, then rest for a moment unless that brought us on."""
        before = self._state.cancelled
        self._state.reach("began_to_cancel")
        if is_read:
            await self._cancel_all()
        if self._state.cancelled > before:
            self._in_vain = 0
            self._backoff.reset()
            return
        # What is listed although it is gone, because reads lag, is no failure.
        self._in_vain += self._has_failed
        if self._has_failed and self._in_vain % LAST_RESORT_AFTER == 0 and self._ours is None:
            await self._cancel_account()
        await trio.sleep(self._backoff.next_delay())

    async def _cancel_all(self) -> None:
        # Batches first, since all but one order go in a round trip; what they leave goes by itself.
        readable = [record for record in self._state.left if isinstance(record, OrderRecord)]
        singly: list[Listed] = [r for r in self._state.left if isinstance(r, UnreadableRow)]
        limiter = trio.CapacityLimiter(BATCHES_AT_ONCE)
        async with trio.open_nursery() as nursery:
            for start in range(0, len(readable), CANCELS_MAX):
                batch = readable[start : start + CANCELS_MAX]
                nursery.start_soon(self._cancel_batch, batch, singly, limiter)
        if singly:
            await self._cancel_singly(singly)

    async def _cancel_batch(
        self, batch: list[OrderRecord], singly: list[Listed], limiter: trio.CapacityLimiter
    ) -> None:
        async with limiter:
            try:
                results = await self._rest.cancel_orders(
                    tuple((record.order_id, record.ticker) for record in batch)
                )
            except ExchangeError as exc:
                self._failed(f"a batch of {len(batch)} cancels went wrong: {exc}")
                if not isinstance(exc, ExchangeUnavailable):
                    # Where a batch is refused as a whole, a part of it may pass.
                    singly += batch
                return
            for record, result in zip(batch, results, strict=True):
                self._take(record, result)

    async def _cancel_singly(self, records: list[Listed]) -> None:
        # A semaphore, because the order in which tasks begin is not theirs to choose.
        free = trio.Semaphore(SINGLES_AT_ONCE)
        records.sort(key=lambda record: self._tries.get(_name(record), 0))
        with trio.move_on_after(SINGLES_S) as scope:
            async with trio.open_nursery() as nursery:
                for record in records:
                    await free.acquire()
                    nursery.start_soon(self._cancel_one, record, free)
        if scope.cancelled_caught:
            self._failed(f"{len(records)} single cancels took more than {SINGLES_S:.0f} s")

    async def _cancel_one(self, record: Listed, free: trio.Semaphore) -> None:
        name = _name(record)
        self._tries[name] = self._tries.get(name, 0) + 1
        try:
            if record.order_id is None:
                self._failed(f"a resting order has no id that can be read: {name}")
                return
            self._take(record, await self._rest.cancel_order(record.order_id, record.ticker))
        except ExchangeRefused as exc:
            self._take(record, exc)
        except ExchangeError as exc:
            self._failed(f"the cancel of order {name} went wrong: {exc}")
        finally:
            free.release()

    def _take(self, record: Listed, result: CancelResult) -> None:
        if isinstance(result, Canceled):
            self._state.acknowledge(record)
            return
        name, now = _name(record), trio.current_time()
        is_not_found = isinstance(result, ExchangeRefused) and result.code == "not_found"
        # The next reading tells what it was: gone, filled, or still there.
        if not is_not_found or now - self._not_found.setdefault(name, now) > NOT_FOUND_S:
            self._failed(f"the cancel of order {name} went wrong: {result}")

    async def _cancel_account(self) -> None:
        self._tell("telling the exchange to cancel everything, as a last resort")
        try:
            await self._rest.cancel_account()
        except ExchangeError as exc:
            self._failed(f"to cancel everything went wrong: {exc}")

    def _failed(self, problem: str) -> None:
        self._has_failed = True
        self._note_problem(problem)

    def _note_problem(self, problem: str) -> None:
        # Once per change: an outage must not fill the log with one sentence.
        if problem != self._told:
            self._tell(problem)
        self._told = self._state.problem = problem


def named(keys: Sequence[str]) -> str:
    """Return orders for people: `1 order (key)`."""
    return f"{counted(len(keys), 'order')} ({first_keys(keys)})"


def rested_words(found: int, whose: str) -> str:
    """Return how many orders a kill found, for people; `whose` begins with a space or is empty."""
    return f"{counted(found, 'order')}{whose} {'was' if found == 1 else 'were'} resting"


def first_keys(keys: Sequence[str]) -> str:
    """Return the first few keys for people, and that there are more."""
    return ", ".join(keys[:NAMED_MAX]) + (", ..." if len(keys) > NAMED_MAX else "")


def _name(record: Listed) -> str:
    if record.order_id is not None:
        return record.order_id
    return record.client_order_id or (
        record.words if isinstance(record, UnreadableRow) else "without an id"
    )

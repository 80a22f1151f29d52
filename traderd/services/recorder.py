"""Between the bus and the journal: what is written, and how a start reads it back.

Owns: which events go to the disk, the halt when the disk fails, and the recovery at start. Start and crash
recovery are the same path: take the checkpoint, fold the events after it, then treat what was in flight as unknown. A
checkpoint is a short cut and nothing else: without one that this code made, everything is folded anew.
Must not: send anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import attrs
import structlog
import trio

from traderd.config import JournalConfig
from traderd.core.checkpoint import put, take
from traderd.core.engine import Engine
from traderd.core.state_rows import RowReader
from traderd.errors import StoreError
from traderd.model import events as ev
from traderd.model.events import JOURNALED, Event
from traderd.model.orders import OrderStatus
from traderd.model.states import State
from traderd.model.units import Timestamp
from traderd.runtime.bus import Bus
from traderd.runtime.env import Env
from traderd.store.checkpoint_table import read_row
from traderd.store.compaction import LINES_A_STEP, Rest, write_checkpoint
from traderd.store.fold_code import fold_code
from traderd.store.journal import Journal

_KEPT: Final = frozenset(JOURNALED)
JOURNAL_HALT: Final = "journal"
EVENTS_A_STEP: Final = 500
"""Bounds the events that are folded before others get a turn: about 6 ms."""
TELL_EVERY_S: Final = 5.0
"""How often a long replay says how far it is."""
INTERRUPTED: Final = "the daemon ended before an answer came"


class JournalRecorder:
    """The bus's recorder."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._bus: Bus[Event] | None = None
        self._told = False

    def attach(self, bus: Bus[Event]) -> None:
        """Learn the bus, on which a failing disk is told."""
        self._bus = bus

    def record(self, folded: list[Event]) -> None:
        """Hand the journal its share; a failed journal raises one halt and cancels still go."""
        if self._journal.failed is not None:
            # The writer met the failure between two batches: this is the first to hear of it.
            self.tell_failure(self._journal.failed, folded[-1].at)
            return
        rows = worth_keeping(folded)
        if not rows:
            return
        try:
            self._journal.append(rows)
        except StoreError as exc:
            self.tell_failure(str(exc), folded[-1].at)

    def tell_failure(self, words: str, at: Timestamp) -> None:
        """Raise the halt of a journal that cannot be written, once."""
        assert self._bus is not None, "the recorder is attached before anything is published"
        if self._told:
            return
        self._told = True
        self._bus.publish([
            ev.HaltRaised(
                at=at,
                halt_id=JOURNAL_HALT,
                author=ev.Author.MACHINE,
                reason=f"no order can be made durable: {words}",
            )
        ])


def worth_keeping(folded: Sequence[Event]) -> list[Event]:
    """Return the events for the disk.

    A calibration that changed nothing and the steps to and from `acting` are left out: they are most of
    what happens and tell a restart nothing.
    """
    # Nearly every batch is market data, and this is asked of each of its events.
    if _KEPT.isdisjoint(map(type, folded)):
        return []
    rows = [event for event in folded if type(event) in _KEPT]
    quiet = any(
        isinstance(event, ev.TradingStateUpdated)
        and event.sync_type == "update"
        and not (event.balance_change or event.differences)
        for event in folded
    )
    return [
        event
        for event in rows
        if not (quiet and isinstance(event, ev.AccountSynced)) and not _is_only_acting(event)
    ]


def _is_only_acting(event: Event) -> bool:
    if not isinstance(event, ev.StateChanged):
        return False
    return {event.from_state, event.to_state} == {State.READY, State.ACTING}


async def recover(
    engine: Engine,
    journal: Journal,
    bus: Bus[Event],
    env: Env,
    log: structlog.stdlib.BoundLogger,
    settings: JournalConfig,
) -> str:
    """Fold the journal into a fresh engine; returns what was found, for the log.

    Orders that were on their way when the last run ended become unknown: their market is fenced and
    they are searched for once the exchange can be asked. What takes long tells how far it is.
    Cancelling loses nothing.

    Args:
        engine: fresh.
        journal: of which nothing was appended to in this run.
        bus: on which the unknown orders are told.
        env: the outside world.
        log: for progress, and for a checkpoint that could not be used.
        settings: after how many events a checkpoint is due; it is written at once then.

    Raises:
        StoreError: a row cannot be read.
    """
    begun = env.monotonic()
    # Learned before anything can replace the files under a daemon that runs.
    await env.run_blocking(fold_code)
    start = await restore(engine, journal, log)
    replay = Replay(journal=journal, after=start, env=env, log=log)
    for event in replay.events():
        engine.apply(event)
        if replay.count % EVENTS_A_STEP == 0:
            replay.tell_progress()
            await trio.lowlevel.checkpoint()
    if 0 < settings.compact_after_events < replay.count:
        await _keep(engine, journal, log)
    _end_what_was_on_its_way(engine, bus, Timestamp(env.wall_ns()))
    unknown = sum(order.status is OrderStatus.UNKNOWN for order in engine.orders.live())
    engine.begin_run()
    count = journal.durable_position
    if count == 0:
        return "the journal is new"
    of_these = (
        f" (a checkpoint of the first {start}, and {replay.count} in {env.monotonic() - begun:.1f} s)"
        if start
        else ""
    )
    return (
        f"the journal gave back {count} events{of_these}: {len(engine.orders.live())} live orders "
        f"({unknown} with an unknown outcome), {engine.ledger.fill_count} fills, "
        f"{len(engine.ledger.open_positions())} positions, {len(engine.conditions.halts)} halts"
    )


async def restore(
    engine: Engine,
    journal: Journal,
    log: structlog.stdlib.BoundLogger,
    rest: Rest = trio.lowlevel.checkpoint,
) -> int:
    """Bring a fresh engine to where the checkpoint is and return its position; 0: there is none that can be used.

    `rest` lets others work between two steps. Cancelling is safe as long as nobody uses the engine.
    """
    kept = journal.checkpoint
    if kept.position == 0:
        return 0
    if kept.code != fold_code():
        log.info("the journal's checkpoint is of another version: everything is replayed once")
        return 0
    try:
        reader = RowReader()
        for number in range(1, kept.rows + 1):
            for count, line in enumerate(await journal.in_turn(read_row, number), start=1):
                reader.take(line)
                if count % LINES_A_STEP == 0:
                    await rest()
        put(engine, reader.parts)
    except (StoreError, ValueError, LookupError, TypeError, AttributeError) as exc:
        log.warning(f"the journal's checkpoint cannot be used ({exc}): everything is replayed")
        return 0
    return kept.position


@attrs.define(eq=False)
class Replay:
    """One replay of the journal, and how far it is."""

    journal: Journal
    after: int
    env: Env
    log: structlog.stdlib.BoundLogger
    count: int = 0
    """Events so far."""
    _begun: float = attrs.field(init=False)
    _told: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._begun = self._told = self.env.monotonic()

    def events(self) -> Iterator[Event]:
        """Yield every event, and count."""
        for event in self.journal.replay(after=self.after):
            self.count += 1
            yield event

    def tell_progress(self) -> None:
        """Tell how far it is, once in a while."""
        now = self.env.monotonic()
        if now < self._told + TELL_EVERY_S:
            return
        self._told = now
        total = self.journal.durable_position - self.after
        left_s = (now - self._begun) / self.count * (total - self.count)
        self.log.info(
            f"replaying the journal: {self.count:,} of {total:,} events, about {left_s:.0f} s to go"
        )


async def _keep(engine: Engine, journal: Journal, log: structlog.stdlib.BoundLogger) -> None:
    # The engine has folded the journal and nothing else yet: no later moment gets a checkpoint so cheaply.
    try:
        await write_checkpoint(
            journal,
            take(engine),
            position=journal.durable_position,
            code=fold_code(),
            rest=trio.lowlevel.checkpoint,
        )
    except StoreError as exc:
        log.warning(str(exc))


def _end_what_was_on_its_way(engine: Engine, bus: Bus[Event], at: Timestamp) -> None:
    interrupted = [
        order
        for order in engine.orders.live()
        if order.status in {OrderStatus.INTENT, OrderStatus.SENT}
        and order.client_order_id is not None
    ]
    bus.publish([
        ev.OrderOutcomeUnknown(
            at=at,
            client_order_id=order.client_order_id,
            sentence=INTERRUPTED,
            # That we ended is no error of the exchange, however many orders were on their way.
            is_counted=False,
        )
        for order in interrupted
        if order.client_order_id is not None
    ])
    bus.publish([
        ev.AmendOutcomeUnknown(
            at=at, order_id=order.order_id, sentence=INTERRUPTED, is_counted=False
        )
        for order in engine.orders.live()
        if order.pending is not None and order.order_id is not None
    ])

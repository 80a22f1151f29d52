"""Between the bus and the journal: what is written, and how a start reads it back.

Owns: which events go to the disk, the halt when the disk fails, and the recovery at start. Start and crash
recovery are the same path: fold what the journal holds, then treat what was in flight as unknown.
Must not: send anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from traderd.core.engine import Engine
from traderd.errors import StoreError
from traderd.model import events as ev
from traderd.model.events import JOURNALED, Event
from traderd.model.orders import OrderStatus
from traderd.model.states import State
from traderd.model.units import Timestamp
from traderd.runtime.bus import Bus
from traderd.store.journal import Journal

_KEPT: Final = frozenset(JOURNALED)
JOURNAL_HALT: Final = "journal"
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


def recover(engine: Engine, journal: Journal, bus: Bus[Event], *, now_ns: int) -> str:
    """Fold the journal into a fresh engine; returns what was found, for the log.

    Orders that were on their way when the last run ended become unknown: their market is fenced and
    they are searched for once the exchange can be asked.

    Raises:
        StoreError: a row cannot be read.
    """
    count = 0
    for event in journal.replay():
        engine.apply(event)
        count += 1
    at = Timestamp(now_ns)
    interrupted = [
        order
        for order in engine.orders.live()
        if order.status in {OrderStatus.INTENT, OrderStatus.SENT}
        and order.client_order_id is not None
    ]
    bus.publish([
        ev.OrderOutcomeUnknown(at=at, client_order_id=order.client_order_id, sentence=INTERRUPTED)
        for order in interrupted
        if order.client_order_id is not None
    ])
    bus.publish([
        ev.AmendOutcomeUnknown(at=at, order_id=order.order_id, sentence=INTERRUPTED)
        for order in engine.orders.live()
        if order.pending is not None and order.order_id is not None
    ])
    unknown = sum(order.status is OrderStatus.UNKNOWN for order in engine.orders.live())
    engine.begin_run()
    if count == 0:
        return "the journal is new"
    return (
        f"the journal gave back {count} events: {len(engine.orders.live())} live orders "
        f"({unknown} with an unknown outcome), {engine.ledger.fill_count} fills, "
        f"{len(engine.ledger.open_positions())} positions, {len(engine.conditions.halts)} halts"
    )

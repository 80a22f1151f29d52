"""Which orders a journal shows as asked for and not answered, read without the daemon that wrote it.

Owns: a reader that never writes: no lock, no migration, no check of the whole file. It reads the newest rows only, since
what was on its way when a daemon died or began to hang is there.
Must not: be needed by anybody: a journal that cannot be read costs its reader nothing but this knowledge.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import apsw
import attrs

from traderd.errors import StoreError
from traderd.model import events as ev
from traderd.model.ids import ClientOrderId
from traderd.model.units import Timestamp
from traderd.store.codec import decode
from traderd.store.sqlite_file import open_to_look

ROWS_MAX: Final = 5_000
"""Bounds the rows that are read: some minutes of the fastest trading, and less than a tenth of a second of reading."""
BUSY_TIMEOUT_MS: Final = 100
"""Bounds the wait for another program: a kill has no time."""
ROWS: Final = """
    SELECT position, kind, body FROM journal
    WHERE position > (SELECT max(position) FROM journal) - ?
      AND kind IN ('order_intended', 'order_accepted', 'order_rejected', 'order_not_placed', 'order_reported')
    ORDER BY position
"""


@attrs.frozen(kw_only=True)
class DoubtfulOrder:
    """An order whose intent is on the disk and whose answer is not: it may be on its way, or rest."""

    client_order_id: ClientOrderId
    intended_at: Timestamp


def read_doubtful_orders(path: Path) -> tuple[DoubtfulOrder, ...]:
    """Return the orders without an answer, oldest first.

    Raises:
        StoreError: the journal is not there, is damaged, or is another program's.
    """
    try:
        with open_to_look(path, busy_timeout_ms=BUSY_TIMEOUT_MS) as connection:
            rows = list(connection.execute(ROWS, (ROWS_MAX,)))
    except apsw.Error as exc:
        raise StoreError(f"the journal {path} cannot be read: {exc}") from exc
    open_since: dict[ClientOrderId, Timestamp] = {}
    for position, kind, body in rows:
        _fold(open_since, decode(str(kind), bytes(body), position=int(position)))
    return tuple(
        DoubtfulOrder(client_order_id=key, intended_at=at) for key, at in open_since.items()
    )


def _fold(open_since: dict[ClientOrderId, Timestamp], event: ev.Event) -> None:
    match event:
        case ev.OrderIntended(client_order_id=key, at=at):
            open_since[key] = at
        case ev.OrderAccepted(client_order_id=key) | ev.OrderRejected(client_order_id=key):
            open_since.pop(key, None)
        case ev.OrderNotPlaced(client_order_id=key):
            open_since.pop(key, None)
        case ev.OrderReported(record=record) if record.client_order_id is not None:
            open_since.pop(record.client_order_id, None)

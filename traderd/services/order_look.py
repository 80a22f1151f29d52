"""One look at one order: its record and its fills, published as they are.

Owns: what is read to know where an order stands.
Must not: decide when to look.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import attrs

from traderd.core.order import Order
from traderd.errors import ExchangeError
from traderd.model import events as ev
from traderd.model.rows import UnreadableRow
from traderd.services.context import Context


class Seen(enum.Enum):
    """What a look at an order showed."""

    RECORD = "record"
    ABSENT = "absent"
    """The exchange does not have its record, or not yet: nothing is proved; only fills were published."""
    NOTHING = "nothing"
    """It could not be read."""


def unreadable_fills(
    context: Context, order: Order, rows: Sequence[UnreadableRow]
) -> list[ev.Event]:
    """Return the fact that fills of one order cannot be read, if that is news; it is logged."""
    known = context.view.account.unreadable
    # Whatever the rows say, they are of this order.
    told = [attrs.evolve(row, ticker=order.ticker) for row in rows]
    new = tuple(row for row in told if row not in known)
    for row in new:
        context.log.error(f"a row cannot be read: {row.words}", order=order.key, raw=row.raw)
    if not new:
        return []
    return [ev.UnreadableRowsChanged(at=context.now(), rows=new, whole=False)]


async def look(context: Context, order: Order) -> Seen:
    """Read and publish an order's record and fills; a failure is logged.  Cancelling is safe."""
    assert order.order_id is not None, "only an order that the exchange has can be looked at"
    try:
        record = await context.venue.rest.order(order.order_id)
        reading = await context.venue.rest.read_fills(order_id=order.order_id)
    except ExchangeError as exc:
        context.log.warning(f"could not read order {order.key}: {exc}", order=order.key)
        return Seen.NOTHING
    at = context.now()
    # First: what cannot be read halts the market before anything is concluded from the rest.
    context.publish(*unreadable_fills(context, order, reading.unreadable))
    if record is not None:
        context.publish(ev.OrderReported(at=at, record=record, source=ev.Source.SYNC))
    context.publish_batch([
        ev.OrderFilled(at=at, fill=fill, source=ev.Source.SYNC) for fill in reading.rows
    ])
    return Seen.ABSENT if record is None else Seen.RECORD

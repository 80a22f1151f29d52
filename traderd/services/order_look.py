"""One look at one order: its record and its fills, published as they are.

Owns: what is read to know where an order stands.
Must not: decide when to look.
"""

from __future__ import annotations

import enum

from traderd.core.order import Order
from traderd.errors import ExchangeError
from traderd.model import events as ev
from traderd.services.context import Context


class Seen(enum.Enum):
    """What a look at an order showed."""

    RECORD = "record"
    ABSENT = "absent"
    """The exchange does not have its record, or not yet: nothing is proved; only fills were published."""
    NOTHING = "nothing"
    """It could not be read."""


async def look(context: Context, order: Order) -> Seen:
    """Read and publish an order's record and fills; a failure is logged.  Cancelling is safe."""
    assert order.order_id is not None, "only an order that the exchange has can be looked at"
    try:
        record = await context.venue.rest.order(order.order_id)
        fills = await context.venue.rest.fills(order_id=order.order_id)
    except ExchangeError as exc:
        context.log.warning(f"could not read order {order.key}: {exc}", order=order.key)
        return Seen.NOTHING
    at = context.now()
    if record is not None:
        context.publish(ev.OrderReported(at=at, record=record, source=ev.Source.SYNC))
    context.publish_batch([
        ev.OrderFilled(at=at, fill=fill, source=ev.Source.SYNC) for fill in fills
    ])
    return Seen.ABSENT if record is None else Seen.RECORD

"""Reads of orders, row by row.

Owns: the list of orders, and one order by its id; a row that cannot be read is told with what of it can be.
Must not: decide whether a list with such a row is good enough; the caller does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias
from urllib.parse import quote

import attrs
import msgspec

from traderd.errors import ExchangeRefused
from traderd.kalshi.request import Requester
from traderd.kalshi.rows import RowReading, RowShape, read_row, read_rows
from traderd.kalshi.wire import portfolio
from traderd.kalshi.wire.translate import order_record_from_wire
from traderd.model.ids import OrderId
from traderd.model.orders import OrderRecord, order_words
from traderd.model.rows import RowKind, UnreadableRow

Listed: TypeAlias = OrderRecord | UnreadableRow
"""An order as far as its row could be read."""


def listed_words(record: Listed) -> str:
    """Return what of an order rests, for people, or that its row cannot be read."""
    if isinstance(record, UnreadableRow):
        return f"an order of {record.ticker or 'a market'} that cannot be read"
    return order_words(record.ticker, record.side, record.remaining_count, record.price)


ORDERS: Final = RowShape(
    kind=RowKind.ORDER,
    decoder=msgspec.json.Decoder(portfolio.Order),
    key_of=lambda row: row.order_id,
    translate=order_record_from_wire,
)


async def read_orders(requester: Requester, query: Mapping[str, str]) -> RowReading[OrderRecord]:
    """Return all orders that the query lets through, newest first.

    Raises what the reads of the REST client raise, but not for a single row.  Cancelling is safe.
    """
    return await read_rows(
        requester,
        "/portfolio/orders",
        query,
        portfolio.OrderRows,
        lambda page: page.orders,
        ORDERS,
    )


async def read_order(requester: Requester, order_id: OrderId) -> Listed | None:
    """Return one order as far as it can be read, None when the exchange says that it does not exist.

    Raises what the reads of the REST client raise.  Cancelling is safe.
    """
    try:
        envelope = await requester.get(
            f"/portfolio/orders/{quote(order_id, safe='')}", portfolio.OrderRow
        )
    except ExchangeRefused as exc:
        # A 404 without the exchange's own word may be a proxy's.
        if exc.status == 404 and exc.code == "not_found":
            return None
        raise
    found = read_row(ORDERS, bytes(envelope.order))
    # Whatever the row says of itself, this id was asked for.
    return attrs.evolve(found, order_id=order_id) if isinstance(found, UnreadableRow) else found

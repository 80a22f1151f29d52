"""Reads of orders, row by row.

Owns: that one row which cannot be read does not hide the others, and that what can be read of it, its id above all, is
told: such an order can still be cancelled.
Must not: decide whether a list with such a row is good enough; the caller does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

import attrs
import msgspec

from traderd.errors import ExchangeProtocolError
from traderd.kalshi.paging import read_pages
from traderd.kalshi.request import Requester
from traderd.kalshi.wire import portfolio
from traderd.kalshi.wire.translate import order_record_from_wire
from traderd.model.ids import ClientOrderId, MarketTicker, OrderId
from traderd.model.orders import OrderRecord


@attrs.frozen(kw_only=True)
class UnreadableOrder:
    """A row of the orders that is none, and what of it can be read."""

    order_id: OrderId | None
    ticker: MarketTicker | None
    client_order_id: ClientOrderId | None
    words: str


Listed: TypeAlias = OrderRecord | UnreadableOrder
"""An order as far as its row could be read."""


@attrs.frozen(kw_only=True)
class OrderReading:
    """A complete list of orders, newest first, and its rows that could not be read."""

    orders: tuple[OrderRecord, ...]
    unreadable: tuple[UnreadableOrder, ...] = ()


_Row: TypeAlias = "portfolio.Order | UnreadableOrder"


async def read_orders(requester: Requester, query: Mapping[str, str]) -> OrderReading:
    """Return all orders that the query lets through.

    Raises what the reads of the REST client raise, but not for a single row.  Cancelling is safe.
    """
    rows = await read_pages(
        requester, "/portfolio/orders", query, portfolio.OrderRows, _order_rows, _row_key
    )
    orders: list[OrderRecord] = []
    unreadable: list[UnreadableOrder] = []
    for row in rows:
        if isinstance(row, UnreadableOrder):
            unreadable.append(row)
            continue
        try:
            orders.append(order_record_from_wire(row))
        except ExchangeProtocolError as exc:
            unreadable.append(_unreadable(row, str(exc)))
    return OrderReading(orders=tuple(orders), unreadable=tuple(unreadable))


def _order_rows(page: portfolio.OrderRows) -> list[_Row] | msgspec.UnsetType | None:
    if page.orders is None or isinstance(page.orders, msgspec.UnsetType):
        return page.orders
    return [_order_row(raw, number) for number, raw in enumerate(page.orders)]


def _order_row(raw: msgspec.Raw, number: int) -> _Row:
    try:
        return _ORDER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        try:
            name = _ORDER_NAME.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            name = portfolio.OrderName()
        return _unreadable(name, f"order {name.order_id or f'in row {number}'}: {exc}")


def _unreadable(row: portfolio.Order | portfolio.OrderName, words: str) -> UnreadableOrder:
    return UnreadableOrder(
        order_id=OrderId(row.order_id) if row.order_id else None,
        ticker=MarketTicker(row.ticker) if row.ticker else None,
        client_order_id=ClientOrderId(row.client_order_id) if row.client_order_id else None,
        words=words,
    )


def _row_key(row: _Row) -> str:
    # One without an id goes by its words, which have its place in the page.
    return row.order_id or (row.words if isinstance(row, UnreadableOrder) else "")


_ORDER: Final = msgspec.json.Decoder(portfolio.Order)
_ORDER_NAME: Final = msgspec.json.Decoder(portfolio.OrderName)

"""One page of a list that grows: orders, fills, state changes, log lines.

Owns: the order of each list, the cursor that names a place in it, and the refusal of a cursor that names none.
Must not: keep anything; a page is cut from what the view and the log keep anyhow.

A cursor names a record, not a number of records, so that what is added meanwhile shifts nothing: nothing is told twice
and nothing is left out between two pages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from traderd.core.orders import ORDERS_KEPT_MAX
from traderd.errors import BadInput
from traderd.services import documents
from traderd.services.context import Context
from traderd.services.documents import Document

Record = TypeVar("Record")

LOST: Final = "it names nothing that is kept; begin again without it"


def orders_page(
    context: Context, limit: int, before: str | None
) -> tuple[list[Document], str | None]:
    """Return the newest `limit` orders before the key `before`, newest first, and the cursor of the next page.

    The first page has every live order too, however old: what can still fill must not be missed. So the next ones leave
    them out. Raises BadInput for a cursor that names no order that is kept.
    """
    view, now = context.view, context.now()
    kept = view.recent_orders(ORDERS_KEPT_MAX + len(view.live_orders()))
    live = {order.key for order in view.live_orders()}
    start = 0
    if before is not None:
        start = 1 + _place([order.key for order in kept], before)
    chosen, rest = kept[start : start + limit], kept[start + limit :]
    if before is None:
        shown = chosen + tuple(order for order in rest if order.key in live)
    else:
        shown = tuple(order for order in chosen if order.key not in live)
    has_more = any(order.key not in live for order in rest)
    cursor = chosen[-1].key if has_more else None
    return [documents.order_document(order, now) for order in shown], cursor


def fills_page(
    context: Context, limit: int, before: str | None
) -> tuple[list[Document], str | None]:
    """Return the newest `limit` fills before the trade `before`, oldest first, and the cursor of the next page.

    Raises:
        BadInput: the cursor names no fill that is kept.
    """
    view = context.view
    kept = list(view.ledger.recent_fills)
    page, cursor = _newest(kept, limit, before, lambda fill: str(fill.trade_id))
    return [documents.fill_document(fill, view) for fill in page], cursor


def transitions_page(
    context: Context, limit: int, before: str | None
) -> tuple[list[Document], str | None]:
    """Return the newest `limit` state changes before the moment `before`, oldest first, and the next cursor.

    Raises:
        BadInput: the cursor names no state change that is kept.
    """
    kept = documents.transitions_document(context.view)
    return _newest(
        kept, limit, before, lambda change: f"{change['timestamp']}/{change['to_state']}"
    )


def log_page(context: Context, limit: int, before: str | None) -> tuple[list[Document], str | None]:
    """Return the newest `limit` log lines before the line number `before`, oldest first, and the next cursor.

    Raises:
        BadInput: the cursor is no number of a line that is kept.
    """
    ring = context.shared.log_ring
    lines = ring.lines()
    first = ring.lines_seen - len(lines)
    numbered = [(str(first + index), line) for index, line in enumerate(lines)]
    page, cursor = _newest(numbered, limit, before, lambda pair: pair[0])
    return [dict(line) for _, line in page], cursor


PAGES: Final[dict[str, Callable[[Context, int, str | None], tuple[list[Document], str | None]]]] = {
    "orders": orders_page,
    "fills": fills_page,
    "transitions": transitions_page,
    "log": log_page,
}
"""The lists that have pages."""


def _newest(
    kept: list[Record], limit: int, before: str | None, key: Callable[[Record], str]
) -> tuple[list[Record], str | None]:
    end = len(kept) if before is None else _place([key(record) for record in kept], before)
    page = kept[max(0, end - limit) : end]
    return page, key(page[0]) if page and end > limit else None


def _place(keys: list[str], before: str) -> int:
    # The newest one, in the rare case that two records have one key.
    for index in range(len(keys) - 1, -1, -1):
        if keys[index] == before:
            return index
    raise BadInput(f"before={before[:80]!r}: {LOST}")

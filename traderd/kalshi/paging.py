"""Lists to their end.

Owns: following cursors, and noticing that a list began again: a part must not pass for the whole.
Must not: know what the rows are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Generic, TypeVar

import attrs
import trio
from msgspec import UNSET, UnsetType

from traderd.errors import ExchangeProtocolError, ExchangeUnavailable
from traderd.kalshi.request import Requester
from traderd.kalshi.wire import portfolio, rest

W = TypeVar("W")
P = TypeVar(
    "P",
    rest.MarketList,
    rest.TradeList,
    portfolio.OrderRows,
    portfolio.FillRows,
    portfolio.PositionRows,
    portfolio.SettlementRows,
    portfolio.DepositList,
    portfolio.WithdrawalList,
    portfolio.TransferList,
)

PAGE_ROWS: Final = 1_000
"""Kalshi: the largest `limit`; fewer requests, and fewer changes between pages."""
READINGS_MAX: Final = 3
"""Bounds how often a list is read anew that changed while it was read."""
PAGES_MAX: Final = 1_000
"""Bounds paging: a million rows is more than any account keeps in these lists."""


class ListBeganAgain(ExchangeProtocolError):
    """The pages did not go on where the cursor pointed: what was read is no whole list."""


@attrs.frozen
class Reading(Generic[W]):
    """The rows of a list, one per key, in order."""

    rows: list[W]
    complete: bool
    """False: the list went on, or a row was left out."""
    unreadable: str = ""
    """Why the first row that was left out could not be read."""


async def read_pages(
    requester: Requester,
    path: str,
    params: Mapping[str, str],
    kind: type[P],
    rows_of: Callable[[P], Sequence[W] | UnsetType | None],
    key_of: Callable[[W], str],
    *,
    page_rows: int = PAGE_ROWS,
) -> list[W]:
    """Return the rows of all pages, one per key, the last reading of each.

    A list that began again is read anew, for it changed under way or its cursor was forgotten.

    Raises ExchangeUnavailable when it goes on to change, ExchangeProtocolError for a list without end or an answer
    that is none.  Cancelling is safe.
    """
    words = ""
    for _ in range(READINGS_MAX):
        try:
            reading = await read_some_pages(
                requester,
                path,
                params,
                kind,
                rows_of,
                key_of,
                pages_max=PAGES_MAX,
                page_rows=page_rows,
            )
        except ListBeganAgain as exc:
            words = str(exc)
            continue
        if not reading.complete:
            raise ExchangeProtocolError(f"GET {path}: more than {PAGES_MAX} pages")
        return reading.rows
    raise ExchangeUnavailable(f"{words}, {READINGS_MAX} times")


async def read_some_pages(
    requester: Requester,
    path: str,
    params: Mapping[str, str],
    kind: type[P],
    rows_of: Callable[[P], Sequence[W] | UnsetType | None],
    key_of: Callable[[W], str],
    *,
    pages_max: int,
    pause_s: float = 0.0,
    page_rows: int = PAGE_ROWS,
) -> Reading[W]:
    """Return the rows of the first `pages_max` pages, with `pause_s` between two requests.

    A stale cursor silently restarts at page 1: that is noticed by the cursor coming back, by the
    first row coming back, or by a page without news, and raises ListBeganAgain; an answer that is no page raises
    ExchangeProtocolError.  Cancelling is safe.
    """
    endpoint, cursor = f"GET {path}", ""
    found: dict[str, W] = {}
    cursors = {""}
    first_key: str | None = None
    for _ in range(pages_max):
        if cursor and pause_s:
            await trio.sleep(pause_s)
        query = {**params, "limit": str(page_rows)} | ({"cursor": cursor} if cursor else {})
        page = await requester.get(path, kind, query)
        rows, following = rows_of(page), page.cursor
        if rows is UNSET and following is UNSET:
            raise ExchangeProtocolError(f"{endpoint}: an answer without rows and cursor")
        named = {key_of(row): row for row in rows or ()}
        if cursor and named and (first_key in named or found.keys() >= named.keys()):
            raise ListBeganAgain(f"{endpoint}: the pages began again")
        first_key = first_key or next(iter(named), None)
        found |= named
        cursor = following or ""
        if not cursor:
            return Reading(list(found.values()), complete=True)
        if cursor in cursors:
            raise ListBeganAgain(f"{endpoint}: the cursor came back")
        cursors.add(cursor)
    return Reading(list(found.values()), complete=False)

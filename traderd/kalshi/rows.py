"""Lists of the account, row by row.

Owns: that one row which cannot be read does not hide the others, and that what of it can be read, its ids and its market
above all, is told: such an order can still be cancelled, and only such a market must be doubted.
Must not: decide whether a list with such a row is good enough; the caller does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

import attrs
import msgspec
from msgspec import UNSET, Raw, UnsetType

from traderd.errors import ExchangeProtocolError
from traderd.kalshi.paging import P, read_pages
from traderd.kalshi.request import Requester
from traderd.kalshi.wire.numbers import NAME_CHARACTERS_MAX as LONGEST
from traderd.model.ids import ClientOrderId, MarketTicker, OrderId
from traderd.model.rows import RAW_CHARACTERS_MAX, WORDS_CHARACTERS_MAX, RowKind, UnreadableRow

T = TypeVar("T")
W = TypeVar("W")

NOT_READABLE: Final = (
    msgspec.DecodeError,
    UnicodeDecodeError,
    RecursionError,
    ExchangeProtocolError,
)
"""How a row says that it is none."""


@attrs.frozen(kw_only=True)
class RowReading(Generic[T]):
    """A complete list, in the exchange's order, and its rows that could not be read."""

    rows: tuple[T, ...]
    unreadable: tuple[UnreadableRow, ...] = ()


@attrs.frozen(kw_only=True)
class RowShape(Generic[W, T]):
    """How the rows of one list are read."""

    kind: RowKind
    decoder: msgspec.json.Decoder[W]
    key_of: Callable[[W], str]
    translate: Callable[[W], T]
    """Raises ExchangeProtocolError for a row that is none."""


@attrs.frozen
class _Read(Generic[T]):
    key: str
    row: T


async def read_rows(
    requester: Requester,
    path: str,
    query: Mapping[str, str],
    page: type[P],
    rows_of: Callable[[P], Sequence[Raw] | UnsetType | None],
    shape: RowShape[W, T],
) -> RowReading[T]:
    """Return all rows that the query lets through, one per key.

    Raises what the reads of the REST client raise, but not for a single row.  Cancelling is safe.
    """

    def each(answer: P) -> list[_Read[T] | UnreadableRow] | UnsetType | None:
        raws = rows_of(answer)
        if raws is None or isinstance(raws, UnsetType):
            return raws
        return [_row(shape, bytes(raw)) for raw in raws]

    key_of: Callable[[_Read[T] | UnreadableRow], str] = _key_of
    found = await read_pages(requester, path, query, page, each, key_of)
    return RowReading(
        rows=tuple(one.row for one in found if isinstance(one, _Read)),
        unreadable=tuple(one for one in found if isinstance(one, UnreadableRow)),
    )


def read_row(shape: RowShape[W, T], raw: bytes) -> T | UnreadableRow:
    """Return one row, or what of it can be read."""
    read = _row(shape, raw)
    return read if isinstance(read, UnreadableRow) else read.row


def _row(shape: RowShape[W, T], raw: bytes) -> _Read[T] | UnreadableRow:
    try:
        wire = shape.decoder.decode(raw)
        return _Read(shape.key_of(wire), shape.translate(wire))
    except NOT_READABLE as exc:
        return _unreadable(shape.kind, raw, exc)


def _unreadable(kind: RowKind, raw: bytes, problem: Exception) -> UnreadableRow:
    text = raw.decode("utf-8", "replace")
    named = _fields(text)
    order_id, ticker = _text(named, "order_id"), _text(named, "ticker", "market_ticker")
    ids = [_text(named, "trade_id"), order_id]
    if kind in {RowKind.POSITION, RowKind.SETTLEMENT}:
        ids = [ticker]
    key = " ".join(filter(None, ids))
    what = f"{kind.value} {key or 'without an id'}"
    words = str(problem)
    # The translation names its row itself.
    words = words if words.startswith(f"{kind.value} ") else f"{what}: {words}"
    return UnreadableRow(
        kind=kind,
        # Not its place in the list, which another row would move: it is told once.
        key=key or text[:RAW_CHARACTERS_MAX],
        words=words[:WORDS_CHARACTERS_MAX],
        ticker=MarketTicker(ticker) if ticker else None,
        order_id=OrderId(order_id) if order_id else None,
        client_order_id=_client_order_id(named),
        raw=text[:RAW_CHARACTERS_MAX],
    )


def _fields(text: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(text)
    except NOT_READABLE:
        return {}
    return found if isinstance(found, dict) else {}


def _text(named: Mapping[str, Any], *names: str) -> str:
    found = (named.get(name) for name in names)
    # What is longer than a name is none.
    return next((text for text in found if isinstance(text, str) and 0 < len(text) <= LONGEST), "")


def _client_order_id(named: Mapping[str, Any]) -> ClientOrderId | None:
    # Null and an empty text are how the exchange says that there is none; a field that is missing says nothing.
    told = named.get("client_order_id", UNSET)
    if told is None or (isinstance(told, str) and len(told) <= LONGEST):
        return ClientOrderId(told or "")
    return None


def _key_of(one: _Read[T] | UnreadableRow) -> str:
    return one.key

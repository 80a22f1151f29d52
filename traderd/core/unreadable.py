"""Rows of the account that cannot be read: what they may be, and which new risk they stop.

Owns: the set of such rows, the halts that follow and end, and what a row may be about. A row halts its own market; one of
which not even the market can be read halts the account. A halt ends by itself once no row of a complete reading is
about its market; who clears it by hand accepts just these rows, and another one halts again.
Must not: conclude that anything is absent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from traderd.core.conditions import Conditions
from traderd.core.order import Order
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.model.rows import RowKind, UnreadableRow

if TYPE_CHECKING:
    from traderd.core.account import Account
    from traderd.core.engine import Engine

ROWS_KEPT_MAX: Final = 100
"""Bounds the rows that are kept and journaled (about 100 kB); more than that are a format that changed, not odd rows."""
ACCOUNT_HALT: Final = "unreadable_row"
"""The halt of rows of which not even the market can be read."""
MARKET_HALT: Final = "unreadable_row:"
"""Begins the halt of one market; its ticker follows."""
EARLIER_HALT: Final = "unreadable_fill:"
"""How earlier versions named it; what they raised ends as ours does."""
MONEY: Final = frozenset({RowKind.FILL, RowKind.POSITION, RowKind.SETTLEMENT})
"""Rows without which a position cannot be judged."""


def bounded(rows: Sequence[UnreadableRow]) -> tuple[UnreadableRow, ...]:
    """Return the rows that are kept; where they are too many, one without a market stands for the rest."""
    if len(rows) <= ROWS_KEPT_MAX:
        return tuple(rows)
    kept, rest = rows[: ROWS_KEPT_MAX - 1], rows[ROWS_KEPT_MAX - 1 :]
    words = f"{len(rest)} more rows cannot be read, the first: {rest[0].words}"
    return (*kept, UnreadableRow(kind=rest[0].kind, key="more", words=words))


def may_be(row: UnreadableRow, order: Order) -> bool:
    """Tell whether a row may be this order of ours; only what it says itself rules that out."""
    if row.kind is not RowKind.ORDER:
        return False
    if row.order_id is not None and order.order_id is not None:
        return row.order_id == order.order_id
    if row.client_order_id is not None:
        return row.client_order_id == order.client_order_id
    return row.ticker is None or row.ticker == order.ticker


def hides_position(rows: Sequence[UnreadableRow], ticker: MarketTicker) -> bool:
    """Tell whether one of the rows may be what a position of this market is missing."""
    return any(row.kind in MONEY and row.ticker in {None, ticker} for row in rows)


def hidden_rows(account: Account, conditions: Conditions) -> int:
    """Return how many rows may be money that we do not know of: those that no person noted by ending their halt."""
    return sum(_halt_id(row) in conditions.halts for row in account.unreadable)


def fold_rows(engine: Engine, event: ev.UnreadableRowsChanged) -> list[ev.Event]:
    """Take the rows of a reading over and return the halts that follow or end."""
    account = engine.account
    known = dict.fromkeys(account.unreadable)
    new = [row for row in event.rows if row not in known]
    if new and not hidden_rows(account, engine.conditions):
        account.hidden_since = event.at
    kept = () if event.whole else account.unreadable
    account.unreadable = bounded((*kept, *(row for row in event.rows if row not in kept)))
    return [*_raised(engine, event, new), *_ended(engine, event)]


def _raised(
    engine: Engine, event: ev.UnreadableRowsChanged, new: list[UnreadableRow]
) -> list[ev.Event]:
    first = {_halt_id(row): row for row in reversed(new)}
    return [
        ev.HaltRaised(
            at=event.at,
            halt_id=halt_id,
            author=ev.Author.MACHINE,
            ticker=row.ticker,
            reason=_reason(row),
        )
        for halt_id, row in first.items()
        if halt_id not in engine.conditions.halts
    ]


def _reason(row: UnreadableRow) -> str:
    whose = "its market cannot be read either, so" if row.ticker is None else "so"
    return (
        f"a row of the account cannot be read, {whose} what it tells is not known: {row.words}; it ends when the row can "
        "be read again; compare it with the exchange, and update traderd if its answers changed"
    )


def _ended(engine: Engine, event: ev.UnreadableRowsChanged) -> list[ev.Event]:
    still = {_halt_id(row) for row in engine.account.unreadable}
    return [
        ev.HaltCleared(at=event.at, halt_id=halt_id, author=ev.Author.MACHINE)
        for halt_id in engine.conditions.halts
        if is_row_halt(halt_id) and halt_id not in still
    ]


def is_row_halt(halt_id: str) -> bool:
    """Tell whether a halt is about rows that cannot be read."""
    return halt_id == ACCOUNT_HALT or halt_id.startswith((MARKET_HALT, EARLIER_HALT))


def _halt_id(row: UnreadableRow) -> str:
    return ACCOUNT_HALT if row.ticker is None else f"{MARKET_HALT}{row.ticker}"

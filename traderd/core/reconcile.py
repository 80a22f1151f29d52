"""Comparing our account with a complete reading of the exchange's: differences as data.

Owns: what counts as a difference and what the words for it are.
Must not: change anything; the engine folds, this only tells what was new.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from traderd.core.ledger import Ledger
from traderd.core.order_amends import shows_amend
from traderd.core.orders import Order, OrderRegister
from traderd.model.cash import CashMove, Settlement
from traderd.model.events import Difference
from traderd.model.ids import MarketTicker
from traderd.model.orders import Fill, OrderRecord, OrderStatus, PositionRecord
from traderd.model.rows import UnreadableRow
from traderd.model.units import (
    NS_PER_S,
    Count,
    Money,
    Timestamp,
    show_count,
    show_money,
    show_price,
)

POSITION_LAG_GRACE_NS: Final = 10 * NS_PER_S
"""Kalshi's positions lag fills by about a second; a mismatch counts only when no fill is this young."""


NO_DRIFT: Final = frozenset({
    "opening_balance",
    "balance_explained",
    "balance_inconclusive",
    "position_agrees",
    "position_settling",
    "ignored_ended",
    "market_settled",
    "cash_moved",
})
"""Differences that are the exchange's own news, not something that we had wrong or missed."""
KEY_CHARACTERS_MAX: Final = 40
"""Bounds the name of a row without ids in a table."""
GONE: Final = "no position any more; the market may have been settled"
"""The words for a market that a complete reading of the positions does not list."""


def missed_fills(ledger: Ledger, fills: Iterable[Fill]) -> list[Fill]:
    """Return the fills of a reading that we had not booked, in their order."""
    return [fill for fill in fills if not ledger.knows(fill.trade_id, fill.order_id)]


def fill_difference(fill: Fill, *, is_external: bool = False) -> Difference:
    """Return a missed fill as a difference; an external one is of no order of ours."""
    return Difference(
        kind="fill_external" if is_external else "fill_missed",
        subject=fill.trade_id,
        ours="not booked",
        theirs=f"{fill.side.value} {show_count(fill.count)} {fill.ticker}",
    )


def settlement_differences(ledger: Ledger, settlement: Settlement) -> list[Difference]:
    """Return a settlement that we had not booked, and where it counts other contracts than we do."""
    ours, theirs = held(ledger, settlement.ticker), settlement.count
    shown = show_count(ours, signed=True)
    paid = f"{settlement.result}, paid {show_money(settlement.revenue)}"
    found = [Difference(kind="market_settled", subject=settlement.ticker, ours=shown, theirs=paid)]
    if ours != theirs and settlement.ticker in ledger.positions:
        found.append(
            Difference(
                kind="settled_count",
                subject=settlement.ticker,
                ours=shown,
                theirs=show_count(theirs, signed=True),
            )
        )
    return found


def move_difference(move: CashMove) -> Difference:
    """Return a movement of cash as a difference."""
    return Difference(
        kind="cash_moved",
        subject=move.move_id,
        ours="not booked",
        theirs=f"{move.kind.value} {show_money(move.amount, signed=True)}",
    )


def unreadable_difference(row: UnreadableRow) -> Difference:
    """Return a row that cannot be read as a difference."""
    return Difference(
        kind=f"unreadable_{row.kind.value}",
        subject=row.order_id or row.ticker or row.key[:KEY_CHARACTERS_MAX],
        ours="not known",
        theirs=row.words,
    )


def order_difference(orders: OrderRegister, record: OrderRecord) -> Difference | None:
    """Return what a record tells that we did not know, None when it tells nothing new."""
    order = orders.find_for(record)
    if order is None:
        kind, ours = "order_adopted", "not known"
    elif order.order_id is None:
        kind, ours = "order_found", order.status.value
    elif order.status.is_live and not record.status.is_live:
        kind, ours = "order_ended", order.status.value
    elif record.status.is_live and not order.status.is_live and not _is_old_news(order):
        kind, ours = "order_found", order.status.value
    elif shows_amend(order, record) or _other_terms(order, record):
        return _amended(order, record)
    elif record.fill_count > order.reported_filled:
        kind, ours = "order_filled", f"{show_count(order.reported_filled)} filled"
    else:
        return None
    theirs = f"{record.status.value}, {show_count(record.fill_count)} filled"
    return Difference(
        kind=kind, subject=record.client_order_id or record.order_id, ours=ours, theirs=theirs
    )


def _other_terms(order: Order, record: OrderRecord) -> bool:
    return (record.price, record.total_count) != (order.price, order.count)


def _amended(order: Order, record: OrderRecord) -> Difference:
    return Difference(
        kind="order_amended",
        subject=record.client_order_id or record.order_id,
        ours=f"{show_count(order.count)} @ {show_price(order.price)}",
        theirs=f"{show_count(record.total_count)} @ {show_price(record.price)}",
    )


def _is_old_news(order: Order) -> bool:
    # A reading may be older than the end that we know of; only given-up orders can come back.
    return order.status in {OrderStatus.EXECUTED, OrderStatus.CANCELED} and not order.vanished


def position_differences(
    ledger: Ledger, positions: Iterable[PositionRecord], started_at: Timestamp
) -> list[tuple[PositionRecord, Difference]]:
    """Return the positions that our fills do not explain; `started_at` is by the exchange's clock, as fills are.

    Call it after the reading's fills are booked. What `undecided_positions` names is left out.
    """
    undecided = undecided_positions(ledger, positions := tuple(positions), started_at)
    listed = {record.ticker for record in positions}
    return [
        (record, _position_difference(ledger, record, listed=record.ticker in listed))
        for record in _unequal(ledger, positions)
        if record.ticker not in undecided
    ]


def _position_difference(ledger: Ledger, record: PositionRecord, *, listed: bool) -> Difference:
    return Difference(
        kind="position" if listed else "position_gone",
        subject=record.ticker,
        ours=show_count(held(ledger, record.ticker), signed=True),
        theirs=show_count(record.count, signed=True) if listed else GONE,
    )


def undecided_positions(
    ledger: Ledger, positions: Iterable[PositionRecord], started_at: Timestamp
) -> tuple[MarketTicker, ...]:
    """Return the markets whose difference says nothing yet: the reading may be older than a fill."""
    return tuple(
        record.ticker
        for record in _unequal(ledger, positions)
        if (position := ledger.positions.get(record.ticker)) is not None
        and position.last_fill_at is not None
        and position.last_fill_at > started_at - POSITION_LAG_GRACE_NS
    )


def _unequal(ledger: Ledger, positions: Iterable[PositionRecord]) -> Iterator[PositionRecord]:
    read = {record.ticker: record for record in positions}
    for record in read.values():
        # A settlement is the last word on its market, and a list of positions may lag behind it.
        if record.ticker not in ledger.settlements and record.count != held(ledger, record.ticker):
            yield record
    for position in ledger.open_positions():
        if position.ticker not in read:
            # The reading is complete, so a market that is missing from it is flat there.
            yield PositionRecord(
                ticker=position.ticker,
                count=Count(0),
                exposure=Money(0),
                realized_pnl=position.realized_pnl,
                fees_paid=position.fees_paid,
            )


def held(ledger: Ledger, ticker: MarketTicker) -> Count:
    """Return the signed position of a market, 0 if there never was one."""
    position = ledger.positions.get(ticker)
    return Count(0) if position is None else position.count

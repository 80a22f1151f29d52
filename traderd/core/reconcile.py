"""Comparing our account with a complete reading of the exchange's: differences as data.

Owns: what counts as a difference and what the words for it are.
Must not: change anything; the engine folds, this only tells what was new.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from traderd.core.ledger import Ledger
from traderd.core.orders import OrderRegister
from traderd.model.events import AccountSynced, Difference
from traderd.model.orders import OrderStatus, PositionRecord
from traderd.model.units import NS_PER_S, Count, Money, Timestamp, show_count

POSITION_LAG_GRACE_NS: Final = 10 * NS_PER_S
"""Kalshi's positions lag fills by about a second; a mismatch counts only when no fill is this young."""


def missed_fills(ledger: Ledger, synced: AccountSynced) -> list[Difference]:
    """Return the fills of the reading that we had not booked."""
    return [
        Difference(
            kind="fill_missed",
            subject=fill.trade_id,
            ours="not booked",
            theirs=f"{fill.side.value} {show_count(fill.count)} {fill.ticker}",
        )
        for fill in synced.fills
        if not ledger.knows(fill.trade_id)
    ]


def order_differences(orders: OrderRegister, synced: AccountSynced) -> list[Difference]:
    """Return orders that the reading shows in another status than ours, or that we never placed."""
    found = []
    for record in synced.orders:
        order = orders.get(record.client_order_id or "") or orders.get(record.order_id)
        if order is None:
            kind, ours = "order_adopted", "not known"
        elif order.status is OrderStatus.UNKNOWN:
            kind, ours = "order_unknown", order.status.value
        elif order.status.is_live != record.status.is_live:
            kind, ours = "order_ended", order.status.value
        else:
            continue
        found.append(
            Difference(
                kind=kind,
                subject=record.client_order_id or record.order_id,
                ours=ours,
                theirs=record.status.value,
            )
        )
    return found


def position_differences(
    ledger: Ledger, positions: Iterable[PositionRecord], started_at: Timestamp
) -> list[tuple[PositionRecord, Difference]]:
    """Return the positions that our fills do not explain.

    Call it after the reading's fills are booked. A market with a fill younger than the grace is left
    out: the reading may be older than that fill.
    """
    read = {record.ticker: record for record in positions}
    for position in ledger.open_positions():
        if position.ticker not in read:
            # The reading is complete, so a market that is missing from it is flat there.
            read[position.ticker] = PositionRecord(
                ticker=position.ticker,
                count=Count(0),
                exposure=Money(0),
                realized_pnl=position.realized_pnl,
                fees_paid=position.fees_paid,
            )
    found = []
    for ticker, record in read.items():
        position = ledger.position(ticker)
        young = position.last_fill_at
        if record.count == position.count:
            continue
        if young is not None and young > started_at - POSITION_LAG_GRACE_NS:
            continue
        found.append((
            record,
            Difference(
                kind="position",
                subject=ticker,
                ours=show_count(position.count, signed=True),
                theirs=show_count(record.count, signed=True),
            ),
        ))
    return found

"""How the day went, as one notice.

Owns: its numbers and words.
Must not: keep anything; it is read off the view.
"""

from __future__ import annotations

from traderd.core.view import StateView
from traderd.model.notices import Notice, NoticeClass, Urgency
from traderd.model.units import Timestamp, show_money


def daily_summary(view: StateView, now: Timestamp) -> Notice:
    """Return the summary of the trading day so far; everything but its profit is of the account as it stands."""
    loss, ledger = view.risk.loss, view.ledger
    if loss.day_profit is None:
        profit = "P&L of the day not known: the price of a position is missing"
    else:
        profit = f"P&L of {loss.day} {show_money(loss.day_profit, signed=True)}"
    balance = "not read yet" if view.account.balance is None else show_money(view.account.balance)
    halts = ", ".join(view.conditions.halts) or "none"
    text = (
        f"{profit}; realized {show_money(ledger.realized_pnl, signed=True)} and fees {show_money(ledger.fees_paid)} in all; "
        f"balance {balance}; open positions {len(ledger.open_positions())}, live orders {len(view.live_orders())}, "
        f"fills {ledger.fill_count}; halts: {halts}"
    )
    return Notice(
        at=now,
        kind=NoticeClass.MONEY,
        urgency=Urgency.NORMAL,
        key=f"summary:{now}",
        title="summary of the day",
        text=text,
    )

"""The status box: one screen of text, made for copying into a chat.

Owns: its layout. Every number carries its unit and P&L its basis.
Must not: hold state.
"""

from __future__ import annotations

from typing import Final

from traderd.core.account import Account
from traderd.core.balance_proof import OPEN_QUESTION, Proof
from traderd.core.ledger import Position
from traderd.core.orders import Order
from traderd.core.proposals import pause_words
from traderd.core.view import StateView
from traderd.model.events import FeedName
from traderd.model.units import (
    NS_PER_S,
    Count,
    Timestamp,
    format_time,
    show_count,
    show_duration,
    show_money,
    show_price,
)

STATUS_BOXES: Final = "status_boxes"
"""Under this name the kept boxes lie among what services leave to each other."""
LINES_MAX: Final = 10
"""Bounds the positions and the orders listed; the rest is counted."""


def status_box(view: StateView, *, environment: str, trading: bool, now: Timestamp) -> str:
    """Return the box as text with line breaks; with trading off it has no word of trading."""
    moment = format_time(Timestamp(now - now % NS_PER_S))
    # A clock that stepped back gives 0, not a negative time.
    since = min(view.state_since or now, now)
    lines = [
        f"╔═══ TRADERD STATUS · {moment} · {environment} ═══",
        f"║ State: {view.state.value} ({show_duration((now - since) / NS_PER_S)})   "
        f"Health: {_health(view, trading=trading)}   {_conditions(view)}",
    ]
    if trading:
        lines += _trading(view, now)
    return "\n".join([*lines, "╚═══"])


def _trading(view: StateView, now: Timestamp) -> list[str]:
    lines = [f"║ {_money(view, now)}"]
    positions = view.ledger.open_positions()
    lines.append(f"╠═══ POSITIONS ({len(positions)})")
    lines += _aligned([_position(view, position) for position in positions[:LINES_MAX]])
    lines += _rest(len(positions))
    orders = view.live_orders()
    lines.append(f"╠═══ ORDERS ({len(orders)})")
    lines += _aligned([_order(order, now) for order in orders[:LINES_MAX]])
    return lines + _rest(len(orders))


def _conditions(view: StateView) -> str:
    conditions = view.conditions
    shown = [f"Halts: {', '.join(conditions.halts) or 'none'}"]
    shown += [f"Paused: {pause_words(pause)}" for pause in conditions.pauses.values()]
    if conditions.venue_paused is not None:
        shown.append(f"Exchange: {conditions.venue_paused}")
    return "   ".join(shown)


def _health(view: StateView, *, trading: bool) -> str:
    def light(feed: FeedName) -> str:
        return "✔" if view.feed(feed).connected else "✘"

    data = view.market_data
    shown = [f"orderbook {light(FeedName.MARKET_DATA)}"]
    if trading:
        shown.append(f"api {light(FeedName.PRIVATE)}")
    # A book that can be read may be too poor to trade by, so its grade is never left out.
    grades = " ".join(f"{grade.value} {count}" for grade, count in view.grades().items() if count)
    shown.append(f"books {data.usable_books()}/{len(view.followed)} usable")
    return f"{'  '.join(shown)}{', grades ' if grades else ''}{grades}"


def _money(view: StateView, now: Timestamp) -> str:
    ledger = view.ledger
    return (
        f"P&L: {show_money(ledger.realized_pnl, signed=True)} realized, "
        f"{show_money(view.unrealized_pnl(), signed=True)} unrealized at bid, "
        f"fees {show_money(ledger.fees_paid)}   "
        f"Balance: {_balance(view.account, now)}"
    )


def _balance(account: Account, now: Timestamp) -> str:
    if account.balance is None or account.read_at is None:
        return "unknown"
    proof, read = account.proof, show_duration(max(0, now - account.read_at) / NS_PER_S)
    words = "not proved yet"
    if proof.status is Proof.UNEXPLAINED:
        words = f"{show_money(proof.unexplained, signed=True)} unexplained"
    elif proof.hidden and proof.status in OPEN_QUESTION and proof.hidden_since is not None:
        # Ahead of the last proof: that one says nothing of now.
        waited = show_duration(max(0, now - proof.hidden_since) / NS_PER_S)
        words = f"inconclusive for {waited}, unreadable rows: {proof.hidden}"
    elif proof.proved_at is not None:
        words = f"proved {show_duration(max(0, now - proof.proved_at) / NS_PER_S)} ago"
    return f"{show_money(account.balance)} (read {read} ago, {words})"


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Return a line for each row; the columns of several rows stand below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"║   {'  '.join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()}"
        for row in rows
    ]


def _position(view: StateView, position: Position) -> tuple[str, ...]:
    side = "YES" if position.count > 0 else "NO"
    mark = view.last_known_mark(position)
    open_profit = position.unrealized_pnl(mark)
    shown = "no mark" if open_profit is None else show_money(open_profit, signed=True)
    # The side's own price, like the cost: 5 NO at 0.32 are marked at what a NO brings.
    marked = None if mark is None else position.held_price(mark)
    return (
        f"{position.ticker} ",
        f"{show_count(Count(abs(position.count)))} {side} @ {show_price(position.average_cost)} ",
        f"mark {show_price(marked)} ",
        shown,
    )


def _order(order: Order, now: Timestamp) -> tuple[str, ...]:
    age = show_duration(max(0, now - order.created_at) / NS_PER_S)
    terms = f"{order.side.value} {show_count(order.remaining)} @ {show_price(order.price)}"
    return str(order.key), str(order.ticker), terms, order.status.value, age


def _rest(count: int) -> list[str]:
    return [f"║   ...and {count - LINES_MAX} more"] if count > LINES_MAX else []

"""Answers as text for a terminal, a pipe or a chat.

Owns: columns, alignment and words of every table. Numbers stand right, units stand in the headers, one row is one
line. On a pipe a line is as long as it must be; on a narrow terminal the columns that matter least are left out.
Must not: ask the daemon anything, or print.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs

from traderd.model.units import parse_money, show_money
from traderd.runtime.log_text import clean_text

Row = dict[str, Any]

GAP: Final = "  "
DECIMALS_MIN: Final = 2
"""Zeros beyond this are left out of exact numbers: `0.400000` is `0.40`, `0.006600` is `0.0066`."""


@attrs.frozen
class Column:
    """One column of a table."""

    name: str
    """The field of the daemon's document."""
    header: str
    is_number: bool = False
    is_time: bool = False
    """RFC 3339 with microseconds, shown to the second."""
    droppable: bool = False
    """Left out first, from the right, when the terminal is too narrow."""


ORDERS: Final = (
    Column("key", "order"),
    Column("ticker", "market"),
    Column("side", "side"),
    Column("price_dollars", "price $", is_number=True),
    Column("count", "contracts", is_number=True),
    Column("filled", "filled", is_number=True, droppable=True),
    Column("status", "status"),
    Column("owner", "owner", droppable=True),
    Column("age_s", "age s", is_number=True, droppable=True),
)
POSITIONS: Final = (
    Column("ticker", "market"),
    Column("held", "contracts", is_number=True),
    Column("side", "side"),
    Column("average_cost_dollars", "cost $", is_number=True),
    Column("held_mark_dollars", "mark $", is_number=True, droppable=True),
    Column("unrealized_pnl_dollars", "unrealized at bid $", is_number=True),
    Column("realized_pnl_dollars", "realized $", is_number=True, droppable=True),
    Column("fees_dollars", "fees $", is_number=True, droppable=True),
)
FILLS: Final = (
    Column("executed_at", "executed (UTC)", is_time=True),
    Column("ticker", "market"),
    Column("side", "side"),
    Column("price_dollars", "price $", is_number=True),
    Column("count", "contracts", is_number=True),
    Column("fee_dollars", "fee $", is_number=True, droppable=True),
    Column("is_taker", "taker", droppable=True),
    Column("order_key", "order", droppable=True),
)
MARKETS: Final = (
    Column("ticker", "market"),
    Column("status", "status"),
    Column("best_bid", "bid $", is_number=True),
    Column("best_ask", "ask $", is_number=True),
    Column("last_trade", "last $", is_number=True, droppable=True),
    Column("grade", "grade"),
    Column("age_s", "age s", is_number=True, droppable=True),
    Column("reason", "no prices because", droppable=True),
    Column("why", "followed because", droppable=True),
)


def listing(
    title: str, columns: Sequence[Column], rows: list[Row], *, environment: str, width: int | None
) -> list[str]:
    """Return a titled table, or one line when there are no rows.

    `width` is the terminal's; None on a pipe, where nothing has to fit.
    """
    if not rows:
        return [f"no {title} ({environment})"]
    lines, left_out = table_lines(columns, rows, width=width)
    if left_out:
        lines.append(f"(no room for {', '.join(left_out)}; --json has all)")
    return [f"{title} · {environment}", *lines]


def table_lines(
    columns: Sequence[Column], rows: list[Row], *, width: int | None
) -> tuple[list[str], list[str]]:
    """Return the lines of a table, header first, and the headers of columns that did not fit.

    With `width` None nothing has to fit. A table whose columns all matter may still be wider.
    """
    shown = list(columns)
    left_out: list[str] = []
    cells = {column: [cell(row.get(column.name), column) for row in rows] for column in columns}
    widths = {column: max(map(len, (column.header, *cells[column]))) for column in columns}

    def total() -> int:
        return sum(widths[column] + len(GAP) for column in shown) - len(GAP)

    for column in reversed([column for column in columns if column.droppable]):
        if width is None or total() <= width:
            break
        shown.remove(column)
        left_out.insert(0, column.header)
    lines = [GAP.join(_pad(column.header, widths[column], column) for column in shown)]
    for index in range(len(rows)):
        lines.append(
            GAP.join(_pad(cells[column][index], widths[column], column) for column in shown)
        )
    return [line.rstrip() for line in lines], left_out


def cell(value: Any, column: Column) -> str:
    """Return one value as it is shown."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    # Escaped: a name from the exchange must not be able to move the cursor or to break the line.
    text = clean_text(str(value))
    if column.is_time:
        return text.partition(".")[0].removesuffix("Z").replace("T", " ")
    return short_decimal(text) if column.is_number else text


def short_decimal(text: str) -> str:
    """Return an exact decimal text without the zeros that say nothing; it stays exact."""
    whole, point, fraction = text.partition(".")
    if not point or len(fraction) <= DECIMALS_MIN:
        return text
    return f"{whole}.{fraction.rstrip('0').ljust(DECIMALS_MIN, '0')}"


def status_lines(status: Row) -> list[str]:
    """Return one screen of status."""
    account, metrics = status["account"], status["metrics"]
    lines = [
        f"traderd {status['version']} · {status['environment']} · {status['state']} for "
        f"{status['state_since_s'] or 0.0} s · up {status['uptime_s']} s",
        f"health     {status['health']}",
        *(f"           {problem}" for problem in status["problems"]),
    ]
    trades = status["mode"] == "trading"
    if trades:
        lines += [
            f"balance    {_dollars(account['balance_dollars'])}   realized "
            f"{_profit(account['realized_pnl_dollars'])}   unrealized at bid "
            f"{_profit(account['unrealized_pnl_dollars'])}   fees "
            f"{_dollars(account['fees_dollars'])}",
            f"account    {_counted(account['positions'], 'position')}, "
            f"{_counted(account['open_orders'], 'open order')}, "
            f"{_counted(account['fills'], 'fill')}, "
            f"worst case {_dollars(account['exposure_dollars'])}",
        ]
    feeds = f"feeds      market data {metrics['ws_connection_status']}"
    if trades:
        feeds += f", private {metrics['private_feed']}"
    lines += [
        *feed_lines(status["market_data"], status["services"]),
        feeds,
    ]
    for halt in status["halts"]:
        lines.append(f"HALT       {halt['id']} by {halt['author']}: {halt['reason']}")
    if status["paused"]:
        lines.append(f"PAUSED     {status['paused']}")
    if status["venue_paused"]:
        lines.append(f"VENUE      {status['venue_paused']}")
    for rule, count in status["why_no_trade"].items():
        lines.append(f"denied     {count} x {rule}")
    return [clean_text(line) for line in lines]


def feed_lines(data: Row, services: Row) -> list[str]:
    """Return how market data does: how many books are how good, how fast and how late it comes, and what is lost."""
    grades = " ".join(f"{grade} {n}" for grade, n in data["book_grade_markets"].items() if n)
    shed = f", {data['markets_shed']} given up" if data["markets_shed"] else ""
    drops = {
        name: inbox["dropped"]
        for name, service in services.items()
        if (inbox := service.get("inbox")) is not None and inbox["dropped"]
    }
    dropped = ", ".join(f"{count} by {name}" for name, count in drops.items()) or "none"
    rate, silent = data["per_second"]["deltas"], data["line_silence_seconds"]
    poor = data.get("markets_below_grade")
    few = f", {poor} of them too poor for strategies" if poor else ""
    heard = "never" if silent is None else f"{silent:.1f} s ago"
    return [
        f"books      {data['markets_connected']}/{data['markets_wanted']} usable{few}{shed}, "
        f"grades: {grades or 'none yet'}",
        f"feed       {'not measured yet' if rate is None else f'{rate} deltas/s'}, "
        f"{_lag(data['lag_seconds'])}, line heard {heard}",
        f"faults     {_counted(data['gaps_total'], 'gap')}, "
        f"{_counted(data['resyncs_total'], 'resync')}, events dropped: {dropped}",
    ]


def _pad(text: str, width: int, column: Column) -> str:
    return text.rjust(width) if column.is_number else text.ljust(width)


def _lag(quantiles: Row) -> str:
    middle, high = quantiles.get("0.5"), quantiles.get("0.99")
    if middle is None or high is None:
        return "lag unknown"
    return f"lag {middle * 1_000:.1f} ms (p99 {high * 1_000:.1f} ms)"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _profit(text: str) -> str:
    return show_money(parse_money(text), signed=True)


def _dollars(text: str | None) -> str:
    return "unknown" if text is None else show_money(parse_money(text))

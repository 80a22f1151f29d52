"""Answers as tables for a terminal.

Owns: columns, alignment and words of every table; numbers stand right, units stand in the headers.
Must not: ask the daemon anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

Row = dict[str, Any]

ORDER_COLUMNS: Final = (
    ("key", "order", False),
    ("ticker", "market", False),
    ("side", "side", False),
    ("price_dollars", "price $", True),
    ("count", "contracts", True),
    ("filled", "filled", True),
    ("status", "status", False),
    ("owner", "owner", False),
    ("age_s", "age s", True),
)
POSITION_COLUMNS: Final = (
    ("ticker", "market", False),
    ("count", "contracts", True),
    ("side", "side", False),
    ("average_cost_dollars", "cost $", True),
    ("mark_dollars", "mark (YES) $", True),
    ("unrealized_pnl_dollars", "unrealized at bid $", True),
    ("realized_pnl_dollars", "realized $", True),
    ("fees_dollars", "fees $", True),
)
FILL_COLUMNS: Final = (
    ("executed_at", "executed (UTC)", False),
    ("ticker", "market", False),
    ("side", "side", False),
    ("price_dollars", "price $", True),
    ("count", "contracts", True),
    ("fee_dollars", "fee $", True),
    ("is_taker", "taker", False),
    ("order_key", "order", False),
)


def show_table(
    console: Console,
    title: str,
    columns: Iterable[tuple[str, str, bool]],
    rows: list[Row],
    *,
    environment: str,
) -> None:
    """Print rows as a table, or one line when there are none."""
    if not rows:
        console.print(f"no {title} ({environment})")
        return
    table = Table(title=f"{title} · {environment}", title_justify="left", pad_edge=False)
    columns = tuple(columns)
    for _, header, is_number in columns:
        table.add_column(
            header, justify="right" if is_number else "left", no_wrap=True, overflow="fold"
        )
    for row in rows:
        # Text, not markup: a title from the exchange must not be able to style or hide anything.
        table.add_row(*(Text(_cell(row.get(name))) for name, _, _ in columns))
    console.print(table)


def show_status(console: Console, status: Row) -> None:
    """Print one screen of status."""
    account, metrics = status["account"], status["metrics"]
    balance = account["balance_dollars"]
    lines = [
        f"traderd {status['version']} · {status['environment']} · {status['state']} for "
        f"{_cell(status['state_since_s'])} s · up {status['uptime_s']} s",
        f"health     {status['health']}" + "".join(f"\n           {p}" for p in status["problems"]),
        f"balance    {'unknown' if balance is None else '$' + balance}   realized "
        f"${account['realized_pnl_dollars']}   unrealized at bid "
        f"${account['unrealized_pnl_dollars']}   fees ${account['fees_dollars']}",
        f"account    {account['positions']} positions, {account['open_orders']} open orders, "
        f"{account['fills']} fills, worst case ${account['exposure_dollars']}",
        f"books      {metrics['markets_connected']}/{metrics['markets_followed']} usable, "
        f"{metrics['deltas_received']} deltas, {metrics['gaps']} gaps, {metrics['resyncs']} resyncs",
        f"feeds      market data {metrics['ws_connection_status']}, private "
        f"{metrics['private_feed']}",
    ]
    for halt in status["halts"]:
        lines.append(f"HALT       {halt['id']} by {halt['author']}: {halt['reason']}")
    if status["paused"]:
        lines.append(f"PAUSED     {status['paused']}")
    if status["venue_paused"]:
        lines.append(f"VENUE      {status['venue_paused']}")
    for rule, count in status["why_no_trade"].items():
        lines.append(f"denied     {count} x {rule}")
    console.print(Text("\n".join(lines)))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)

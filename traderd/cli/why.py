"""`traderd why`: how the looks of strategies at markets ended, and why they ended without an order.

Owns: which rows a name selects, and the table.
Must not: count; the daemon did.
"""

from __future__ import annotations

from typing import Any, Final

import click

from traderd.cli import exit_codes, tables
from traderd.cli.client import DaemonClient
from traderd.cli.json_request import CommandFailed
from traderd.cli.options import daemon_command, print_json
from traderd.cli.terminal_tables import show_lines, show_listing, terminal_width
from traderd.config import Config
from traderd.model.units import counted
from traderd.runtime.log_text import clean_text

ROWS: Final = (
    tables.Column("strategy", "strategy"),
    tables.Column("ticker", "market", is_heading=True),
    tables.Column("outcome", "outcome"),
    tables.Column("rule", "rule", droppable=True),
    tables.Column("count", "ticks", is_number=True),
    tables.Column("last_at", "last (UTC)", is_time=True, droppable=True),
)


@click.command()
@daemon_command
@click.argument("name", metavar="[STRATEGY|TICKER]", required=False)
def why(client: DaemonClient, config: Config, as_json: bool, name: str | None) -> None:
    """Show why strategies traded or did not.

    Each look of a strategy at a market is a tick and ends in exactly one outcome; docs/write-a-strategy.md lists them. The
    newest reason of each follows the table. A name that is neither a strategy nor a market is an error (exit code 1).

    Example: traderd why spread_maker
    """
    document = client.get("/v3/why")
    names = [row["strategy"] for row in document["strategies"]]
    rows = [row for row in document["rows"] if name in (None, row["strategy"], row["ticker"])]
    if name is not None and not rows and name not in (*names, *document["followed"]):
        known = ", ".join(names) or "none"
        raise CommandFailed(
            f"{name!r} is no strategy that runs ({known}) and no market that is followed; `traderd markets` lists "
            "those",
            exit_codes.ERROR,
        )
    totals = [row for row in document["strategies"] if name in (None, row["strategy"])]
    if as_json:
        shown = {"strategies": totals, "rows": rows, "left_out": document["left_out"]}
        print_json({"environment": config.environment, **shown})
        return
    show_listing("ticks", ROWS, rows, environment=config.environment, width=terminal_width())
    lines = [_total_line(row) for row in totals]
    lines += [_reason_line(row) for row in _newest_reasons(rows)]
    if document["left_out"]:
        lines.append(f"(and {document['left_out']} older rows)")
    show_lines([clean_text(line) for line in lines], indent=2)


def _total_line(row: dict[str, Any]) -> str:
    parts = ", ".join(f"{count} {outcome}" for outcome, count in row["outcomes"].items())
    return f"{row['strategy']}: {counted(row['ticks'], 'tick')}" + (f" = {parts}" if parts else "")


def _newest_reasons(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the newest row of each outcome and rule that has something to say."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        if row["reason"] and row["outcome"] != "order":
            found.setdefault((row["outcome"], row["rule"]), row)
    return list(found.values())


def _reason_line(row: dict[str, Any]) -> str:
    rule = f" ({row['rule']})" if row["rule"] else ""
    return f"{row['outcome']}{rule}: {row['reason']}"

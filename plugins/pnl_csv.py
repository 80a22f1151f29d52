"""A route and a command: profit and loss as a table for a spreadsheet.

`GET /x/pnl_csv/markets.csv` has a row for each market, `GET /x/pnl_csv/days.csv` one for each day (UTC) of the fills that are in
memory, the newest 1,000, with the contracts of YES bought and sold; the column `complete` says `no` for a day of which older fills may be missing. `markets.json` and
`days.json` are the same rows for programs, and `traderd pnl-csv` prints them. Amounts are exact dollars.
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

import click

from traderd.plugin_api import (
    NS_PER_S,
    CommandAnswer,
    CommandSpec,
    Count,
    DaemonReader,
    Fill,
    Look,
    Money,
    Route,
    RouteAnswer,
    RouteRequest,
    Side,
    format_count,
    format_money,
    format_price,
    hookimpl,
)

MARKETS = (
    *("ticker", "count", "average_cost", "mark", "cost"),
    *("realized_pnl", "unrealized_pnl", "fees_paid", "net"),
)
DAYS = ("day", "fills", "bought", "sold", "fees", "complete")
TABLES = {"markets": MARKETS, "days": DAYS}
CSV = "text/csv; charset=utf-8"


def market_rows(look: Look) -> list[dict[str, str]]:
    """Return a row for each market, by ticker; `net` is realized and unrealized profit less fees."""
    return [
        {
            "ticker": one.ticker,
            "count": format_count(one.count),
            "average_cost": "" if one.average_cost is None else format_price(one.average_cost),
            "mark": "" if one.mark is None else format_price(one.mark),
            "cost": format_money(one.cost),
            "realized_pnl": format_money(one.realized_pnl),
            "unrealized_pnl": format_money(one.unrealized_pnl),
            "fees_paid": format_money(one.fees_paid),
            "net": format_money(Money(one.realized_pnl + one.unrealized_pnl - one.fees_paid)),
        }
        for one in sorted(look.positions, key=lambda position: position.ticker)
    ]


def day_rows(look: Look) -> list[dict[str, str]]:
    """Return a row for each day with fills, oldest first."""
    days: dict[str, list[Fill]] = {}
    for fill in sorted(look.fills, key=lambda one: one.executed_at):
        days.setdefault(_day(fill), []).append(fill)
    oldest = next(iter(days), None)
    return [
        {
            "day": day,
            "fills": str(len(fills)),
            "bought": _contracts(fills, Side.BID),
            "sold": _contracts(fills, Side.ASK),
            "fees": format_money(Money(sum(fill.fee for fill in fills))),
            "complete": "no" if day == oldest and not look.fills_complete else "yes",
        }
        for day, fills in days.items()
    ]


def _day(fill: Fill) -> str:
    return f"{datetime.fromtimestamp(fill.executed_at // NS_PER_S, UTC):%Y-%m-%d}"


def _contracts(fills: list[Fill], side: Side) -> str:
    return format_count(Count(sum(fill.count for fill in fills if fill.side is side)))


def to_csv(columns: tuple[str, ...], rows: list[dict[str, str]]) -> str:
    """Return rows as CSV with a heading."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


ROWS = {"markets": market_rows, "days": day_rows}


def route(table: str, *, as_json: bool) -> Route:
    """Return the route of one table in one form."""

    async def answer(request: RouteRequest) -> RouteAnswer:
        rows = ROWS[table](request.look)
        if as_json:
            return RouteAnswer.json({table: rows})
        return RouteAnswer(body=to_csv(TABLES[table], rows), content_type=CSV)

    return Route(
        path=f"{table}.{'json' if as_json else 'csv'}",
        answer=answer,
        meaning=f"Profit and loss by {table.removesuffix('s')}.",
    )


def run(daemon: DaemonReader, by: str) -> CommandAnswer:
    """Print one table."""
    document = daemon.get(f"/x/pnl_csv/{by}s.json")
    return CommandAnswer(text=to_csv(TABLES[f"{by}s"], document[f"{by}s"]), document=document)


@hookimpl
def traderd_routes(config: Any) -> list[Route]:
    """Offer the tables where orders can be sent."""
    if not config.trading_enabled:
        return []
    return [route(table, as_json=as_json) for table in TABLES for as_json in (False, True)]


@hookimpl
def traderd_commands() -> list[CommandSpec]:
    """Offer `traderd pnl-csv`."""
    return [
        CommandSpec(
            name="pnl-csv",
            meaning="Print profit and loss as CSV.",
            example="traderd pnl-csv --by day",
            run=run,
            parameters=(
                click.Option(
                    ["--by"],
                    type=click.Choice(("market", "day")),
                    default="market",
                    show_default=True,
                    help="A row for each of these.",
                ),
            ),
        )
    ]

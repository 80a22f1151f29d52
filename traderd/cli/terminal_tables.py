"""Tables where a person looks: drawn by rich on a terminal, plain lines on a pipe.

Owns: the choice between the two, and what a table looks like on a terminal.
Must not: choose columns or words; `tables` does. rich is imported only when a table is drawn: it takes a tenth of a second.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import Any, Final

import click

from traderd.cli.options import colour_wanted
from traderd.cli.tables import Column, Row, cell, listing, table_lines

CELL_PADDING: Final = (0, 1, 0, 0)
"""Right of each cell; with the divider as wide as the gap of a plain table, by which columns are left out."""


def terminal_width() -> int | None:
    """Return the columns of the terminal that reads us, None on a pipe or in a file."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def show_listing(
    title: str, columns: Sequence[Column], rows: list[Row], *, environment: str, width: int | None
) -> None:
    """Print a titled table, or one line when there are no rows; `width` None is a pipe."""
    if width is None or not rows:
        lines = listing(title, columns, rows, environment=environment, width=width)
        click.echo("\n".join(lines))
        return
    lines, left_out = table_lines(columns, rows, width=width)
    shown = [column for column in columns if column.header not in left_out]
    # A table whose columns all matter may be wider than the terminal, which then breaks its lines.
    _draw(f"{title} · {environment}", shown, rows, max(width, *map(len, lines)))
    if left_out:
        click.echo(f"(no room for {', '.join(left_out)}; --json has all)")


def _draw(title: str, columns: Sequence[Column], rows: list[Row], width: int) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        padding=CELL_PADDING,
    )
    for column in columns:
        table.add_column(
            column.header,
            justify="right" if column.is_number else "left",
            # Keys and prices are copied from here: they must never be cut.
            no_wrap=True,
            overflow="fold",
        )
    for row in rows:
        table.add_row(
            *(
                Text(cell(row.get(column.name), column), style=_style(row, column))
                for column in columns
            )
        )
    console = Console(
        file=sys.stdout,
        width=width,
        color_system="auto" if colour_wanted() else None,
        highlight=False,
        soft_wrap=True,
    )
    console.print(table, crop=False)


def _style(row: Row, column: Column) -> str:
    """Return a colour that says the same as the text: losses red, gains green, bids and asks apart."""
    value: Any = row.get(column.name)
    if column.name == "side":
        return {"bid": "green", "YES": "green", "ask": "red", "NO": "red"}.get(str(value), "")
    if (column.is_number and "pnl" in column.name) or "unrealized" in column.name:
        text = str(value)
        return "red" if text.startswith("-") else "green" if text.strip("0.") else ""
    return ""

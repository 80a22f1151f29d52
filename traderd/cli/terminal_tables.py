"""Tables where a person looks: drawn by rich on a terminal, plain lines on a pipe.

Owns: the choice between the two, and what a table looks like on a terminal.
Must not: choose columns or words; `tables` does. rich is imported only when a table is drawn: it takes a tenth of a second.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import click

from traderd.cli.options import colour_wanted
from traderd.cli.tables import (
    INDENT,
    Column,
    Row,
    below_headings,
    cell,
    fitting,
    listing,
    plain_lines,
    table_lines,
)

ALARM: Final = "red"
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
    show_table(f"{title} · {environment}", columns, rows, width=width)


def show_table(
    heading: str, columns: Sequence[Column], rows: list[Row], *, width: int | None
) -> None:
    """Print a table below its heading, which may be empty; `width` None is a pipe, which gets the columns' heading alone."""
    if width is None:
        click.echo("\n".join(plain_lines(columns, rows)))
        return
    lines, left_out = table_lines(columns, rows, width=width)
    shown, _ = fitting(columns, rows, width=width)
    # A table whose columns all matter may be wider than the terminal, which then breaks its lines.
    wraps = any(column.wraps for column in shown)
    drawn = _drawn(shown, rows, width if wraps else max(width, *map(len, lines)))
    if not wraps:
        top = len(drawn) - len(rows)
        drawn = below_headings(columns, shown, rows, drawn[:top], drawn[top:])
    if heading:
        drawn.insert(0, click.style(heading, bold=True) if colour_wanted() else heading)
    click.echo("\n".join(drawn))
    if left_out:
        show_lines([f"(no room for {', '.join(left_out)}; --json has all)"], indent=len(INDENT))


def show_lines(
    lines: Sequence[str],
    *,
    indent: int,
    style: Mapping[str, str] = MappingProxyType({}),
    err: bool = False,
) -> None:
    """Print lines of a label and a text that begins after `indent` characters; `err` prints on the standard error.

    A terminal gets long ones broken between words, below their text, and labels in colour: in that of `style`, and in
    the one of alarm those in capitals, which say that something is wrong.
    """
    width, colours = terminal_width(), colour_wanted()
    for line in lines:
        parts = [line]
        if width is not None and len(line) > width > 2 * indent:
            parts = textwrap.wrap(
                line,
                width,
                subsequent_indent=" " * indent,
                break_long_words=False,
                break_on_hyphens=False,
                drop_whitespace=True,
            )
        label = line.partition(" ")[0]
        is_alarm = len(label) > 1 and label.isalpha() and label.isupper()
        if colours and (colour := style.get(label, ALARM if is_alarm else "")):
            parts[0] = click.style(label, fg=colour, bold=is_alarm) + parts[0][len(label) :]
        click.echo("\n".join(parts), err=err)


def _drawn(columns: Sequence[Column], rows: list[Row], width: int) -> list[str]:
    """Return the lines of a table as it is drawn: header, rule, and one line for each row unless its words wrap."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
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
            no_wrap=not column.wraps,
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
        # Where words wrap, rich has to know where the line ends.
        soft_wrap=not any(column.wraps for column in columns),
    )
    with console.capture() as captured:
        console.print(table, crop=False)
    return captured.get().splitlines()


def _style(row: Row, column: Column) -> str:
    """Return a colour that says the same as the text: losses red, gains green, bids and asks apart."""
    value: Any = row.get(column.name)
    if column.name == "side":
        return {"bid": "green", "YES": "green", "ask": "red", "NO": "red"}.get(str(value), "")
    if (column.is_number and "pnl" in column.name) or "unrealized" in column.name:
        text = str(value)
        return "red" if text.startswith("-") else "green" if text.strip("0.") else ""
    return ""

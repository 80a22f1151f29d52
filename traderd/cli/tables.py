"""Answers as text for a terminal, a pipe or a chat.

Owns: columns, alignment and words of every table. Numbers stand right, units stand in the headers, one row is one
line. A pipe gets one heading and whole rows that grep and awk can take apart; on a narrow terminal the columns that matter
least are left out.
Must not: ask the daemon anything, or print.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs

from traderd.runtime.log_text import clean_text

Row = dict[str, Any]

GAP: Final = "  "
INDENT: Final = "  "
"""Before the rows below a heading."""
WRAPPED_MIN: Final = 24
"""The characters that words get at least before another column is left out for them."""
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
    """Left out first when the terminal is too narrow: those that say nothing in any row, then from the right."""
    wraps: bool = False
    """Words: a terminal that is too narrow gets them on several lines."""
    is_heading: bool = False
    """Where not all that matters has room, it goes on a line of its own above all rows that have it."""
    yields: bool = False
    """Left out last of all, where even so there is no room."""


ENVIRONMENT: Final = Column("environment", "environment")
"""Stands in each row that a pipe gets, because rows are taken out of their table there."""
ORDERS: Final = (
    Column("key", "order"),
    # Keys and markets are long and must not be cut: on eighty columns there is room for one of them in a row.
    Column("ticker", "market", is_heading=True),
    Column("side", "side"),
    Column("price_dollars", "price $", is_number=True),
    Column("count", "contracts", is_number=True),
    Column("filled", "filled", is_number=True, yields=True),
    Column("status", "status"),
    Column("owner", "owner", droppable=True),
    Column("age_s", "age s", is_number=True, droppable=True),
    Column("ended_at", "ended (UTC)", is_time=True, droppable=True),
)
POSITIONS: Final = (
    Column("ticker", "market", is_heading=True),
    Column("held", "contracts", is_number=True),
    Column("side", "side"),
    Column("average_cost_dollars", "cost $", is_number=True),
    Column("held_mark_dollars", "mark $", is_number=True, droppable=True),
    Column("unrealized_at_bid_dollars", "unrealized at bid $", is_number=True),
    Column("unrealized_at_mid_dollars", "at mid $", is_number=True, droppable=True),
    Column("realized_pnl_dollars", "realized $", is_number=True, droppable=True),
    Column("fees_dollars", "fees $", is_number=True, droppable=True),
)
STRATEGIES: Final = (
    Column("strategy", "strategy"),
    Column("fills", "fills", is_number=True, droppable=True),
    Column("realized_pnl_dollars", "realized $", is_number=True),
    Column("unrealized_at_bid_dollars", "unrealized at bid $", is_number=True),
    Column("unrealized_at_mid_dollars", "at mid $", is_number=True, droppable=True),
    Column("fees_dollars", "fees $", is_number=True),
)
FILLS: Final = (
    Column("executed_at", "executed (UTC)", is_time=True),
    Column("ticker", "market", is_heading=True),
    Column("side", "side"),
    Column("price_dollars", "price $", is_number=True),
    Column("count", "contracts", is_number=True),
    Column("fee_dollars", "fee $", is_number=True, droppable=True),
    Column("is_taker", "taker", droppable=True),
    Column("owner", "owner", droppable=True),
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
    Column("reason", "no prices because", droppable=True, wraps=True),
    Column("why", "followed because", droppable=True, wraps=True),
)


def listing(
    title: str, columns: Sequence[Column], rows: list[Row], *, environment: str, width: int | None
) -> list[str]:
    """Return a titled table, or one line when there are no rows.

    `width` is the terminal's; None on a pipe, where nothing has to fit and each row says of which environment it is.
    """
    if not rows:
        return [f"no {title} ({environment})"]
    if width is None:
        told = [{**row, ENVIRONMENT.name: environment} for row in rows]
        return plain_lines([*columns, ENVIRONMENT], told)
    lines, left_out = table_lines(columns, rows, width=width)
    if left_out:
        lines.append(f"(no room for {', '.join(left_out)}; --json has all)")
    return [f"{title} · {environment}", *lines]


def plain_lines(columns: Sequence[Column], rows: list[Row]) -> list[str]:
    """Return a table for programs: one heading, then a line for each row.

    Columns are two or more blanks apart and words come last; nothing is empty and only words have blanks, so that a row's
    fields can be counted.
    """
    ordered = sorted(columns, key=lambda column: column.wraps)
    heads = [column.header.replace(" ", "_") for column in ordered]
    lines = [heads, *([_plain_cell(row.get(c.name), c) for c in ordered] for row in rows)]
    widths = [max(map(len, texts)) for texts in zip(*lines, strict=True)]
    return [GAP.join(map(_pad, line, widths, ordered)).rstrip() for line in lines]


def _plain_cell(value: Any, column: Column) -> str:
    if column.is_time and value is not None:
        return cell(value, column).replace(" ", "T") + "Z"
    return " ".join(cell(value, column).split()) or "-"


def table_lines(
    columns: Sequence[Column], rows: list[Row], *, width: int | None
) -> tuple[list[str], list[str]]:
    """Return the lines of a table, header first, and the headers of columns that did not fit and had something to say.

    With `width` None nothing has to fit. A table whose columns all matter may still be wider.
    """
    shown, left_out = fitting(columns, rows, width=width)
    cells = {column: [cell(row.get(column.name), column) for row in rows] for column in shown}
    widths = {column: max(map(len, (column.header, *cells[column]))) for column in shown}
    header = GAP.join(_pad(column.header, widths[column], column) for column in shown)
    lines = [
        GAP.join(_pad(cells[column][index], widths[column], column) for column in shown)
        for index in range(len(rows))
    ]
    with_headings = below_headings(columns, shown, rows, [header], lines)
    return [line.rstrip() for line in with_headings], left_out


def below_headings(
    columns: Sequence[Column],
    shown: Sequence[Column],
    rows: list[Row],
    top: list[str],
    lines: list[str],
) -> list[str]:
    """Return a table's `top` and a line for each row, below its heading if there is one: headings come as their first rows do."""
    heading = next((c for c in columns if c.is_heading and c not in shown), None)
    if heading is None:
        return [*top, *lines]
    below: dict[str, list[str]] = {}
    for row, line in zip(rows, lines, strict=True):
        below.setdefault(cell(row.get(heading.name), heading), []).append(INDENT + line)
    found = [INDENT + line for line in top]
    for text, its_lines in below.items():
        found += [text, *its_lines]
    return found


def fitting(
    columns: Sequence[Column], rows: list[Row], *, width: int | None
) -> tuple[list[Column], list[str]]:
    """Return the columns that fit into the width, and the headers of the others that have something to say in some row.

    A heading that is not among the columns stands above its rows.
    """
    shown, left_out, is_narrow = _fitting(columns, rows, width)
    if width is None or not is_narrow or not any(column.is_heading for column in columns):
        return shown, left_out
    below = [column for column in columns if not column.is_heading]
    shown, left_out, _ = _fitting(below, rows, width - len(INDENT), is_last=True)
    return shown, left_out


def _fitting(
    columns: Sequence[Column], rows: list[Row], width: int | None, *, is_last: bool = False
) -> tuple[list[Column], list[str], bool]:
    shown, left_out = list(columns), list[str]()
    needed: dict[Column, int] = {}
    silent: dict[Column, bool] = {}
    for column in columns:
        texts = [cell(row.get(column.name), column) for row in rows]
        longest = max(map(len, (column.header, *texts)))
        least = max(len(column.header), WRAPPED_MIN)
        needed[column] = min(longest, least) if column.wraps else longest
        silent[column] = not any(text.strip("-") for text in texts)

    def is_narrow() -> bool:
        total = sum(needed[column] + len(GAP) for column in shown) - len(GAP)
        return width is not None and total > width

    droppable = [c for c in reversed(columns) if c.droppable or (is_last and c.yields)]
    # Sorting keeps the order of those that are alike.
    for column in sorted(droppable, key=lambda column: not silent[column]):
        if not is_narrow():
            break
        shown.remove(column)
        if not silent[column]:
            left_out.insert(0, column.header)
    return shown, left_out, is_narrow()


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


def _pad(text: str, width: int, column: Column) -> str:
    return text.rjust(width) if column.is_number else text.ljust(width)

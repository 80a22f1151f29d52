"""Answers as text for a terminal, a pipe or a chat.

Owns: columns, alignment and words of every table. Numbers stand right, units stand in the headers, one row is one
line. On a pipe a line is as long as it must be; on a narrow terminal the columns that matter least are left out.
Must not: ask the daemon anything, or print.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs

from traderd.model.units import parse_money, show_duration, show_money
from traderd.runtime.log_text import clean_text

Row = dict[str, Any]

LABEL_WIDTH: Final = 11
"""Where the text begins in a line of status or book."""
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
    """Where not all that matters has room, it goes on a line of its own above its rows."""


ORDERS: Final = (
    Column("key", "order"),
    # Keys and markets are long and must not be cut: on eighty columns there is room for one of them in a row.
    Column("ticker", "market", is_heading=True),
    Column("side", "side"),
    Column("price_dollars", "price $", is_number=True),
    Column("count", "contracts", is_number=True),
    Column("filled", "filled", is_number=True),
    Column("status", "status"),
    Column("owner", "owner", droppable=True),
    Column("age_s", "age s", is_number=True, droppable=True),
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
    """Return a table's `top` and a line for each row, with the headings among them if there are any."""
    heading = next((c for c in columns if c.is_heading and c not in shown), None)
    if heading is None:
        return [*top, *lines]
    found, before = [INDENT + line for line in top], None
    for row, line in zip(rows, lines, strict=True):
        text = cell(row.get(heading.name), heading)
        if text != before:
            found.append(text)
        found.append(INDENT + line)
        before = text
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
    shown, left_out, _ = _fitting(below, rows, width - len(INDENT))
    return shown, left_out


def _fitting(
    columns: Sequence[Column], rows: list[Row], width: int | None
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

    droppable = [column for column in reversed(columns) if column.droppable]
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


def status_lines(status: Row) -> list[str]:
    """Return one screen of status."""
    account, metrics = status["account"], status["metrics"]
    lines = [
        f"traderd {status['version']} · {status['environment']} · {status['state']} for "
        f"{show_duration(status['state_since_s'] or 0)} · up {show_duration(status['uptime_s'])}",
        f"health     {status['health']}",
        *(f"           {problem}" for problem in status["problems"]),
    ]
    trades = status["mode"] == "trading"
    if trades:
        lines += [
            f"balance    {_dollars(account['balance_dollars'])}   fees "
            f"{_dollars(account['fees_dollars'])}",
            f"profit     realized {_profit(account['realized_pnl_dollars'])}   unrealized at bid "
            f"{_profit(account['unrealized_at_bid_dollars'])}, at mid "
            f"{_profit(account['unrealized_at_mid_dollars'])}",
            f"account    {counted(account['positions'], 'position')}, "
            f"{counted(account['open_orders'], 'open order')}, "
            f"{counted(account['fills'], 'fill')}, "
            f"worst case {_dollars(account['exposure_dollars'])}",
        ]
    feeds = f"feeds      market data {metrics['ws_connection_status']}"
    if trades:
        feeds += f", private {metrics['private_feed']}"
    lines += [
        *feed_lines(status["market_data"], status["services"]),
        feeds,
    ]
    if trades and account["balance_proof"]["is_drift"]:
        lines.append(f"DRIFT      {account['balance_proof']['sentence']}")
    for halt in status["halts"]:
        who = " ".join(filter(None, (halt["author"], halt.get("by"))))
        lines.append(f"HALT       {halt['id']} by {who}: {halt['reason']}")
    lines += [_pause_line(pause) for pause in status["pauses"]]
    lines += [
        f"STOPPED    {sentence}" for sentence in status.get("strategies_stopped", {}).values()
    ]
    lines += [
        f"PLUGIN     {one['name']} is {one['state']}: {one['where']}: {one['why']}"
        for one in status.get("plugin_troubles", ())
        if one["state"] != "off"
    ]
    # A daemon of an earlier version does not tell it.
    if status.get("console"):
        lines.append(f"console    {status['console']}")
    if status["venue_paused"]:
        lines.append(f"VENUE      {status['venue_paused']}")
    lines += _refusals(status)
    return [clean_text(line) for line in lines]


def _pause_line(pause: Row) -> str:
    scope = ", ".join(filter(None, (pause["ticker"], pause["strategy"]))) or "the account"
    who = f" by {pause['by']}" if pause.get("by") else ""
    return f"PAUSED     {scope}{who}: {pause['reason']}"


BALANCE_FIELDS: Final = {
    "balance_dollars": "balance",
    "portfolio_value_dollars": "portfolio value",
    "realized_pnl_dollars": "realized",
    "unrealized_at_bid_dollars": "unrealized at bid",
    "fees_dollars": "fees",
    "exposure_dollars": "worst case",
}
"""The fields of the account that are its money, and what people call them."""


def balance_lines(account: Row, *, environment: str) -> list[str]:
    """Return the money of an account, a line for each figure, to the last unit."""
    proof = account["balance_proof"]
    rows = [(word, account.get(name)) for name, word in BALANCE_FIELDS.items()]
    rows.insert(1, ("by our entries", proof["ours_dollars"]))
    texts = [(word, "unknown" if value is None else short_decimal(value)) for word, value in rows]
    width = max(len(text) for _, text in texts)
    lines = [f"balance · {environment}, in dollars"]
    lines += [f"{word:<18}{text.rjust(width)}" for word, text in texts]
    lines.append(f"{'DRIFT' if proof['is_drift'] else 'proof'}: {proof['sentence']}")
    read_at = account.get("balance_read_at")
    lines.append(
        "never read yet"
        if read_at is None
        else f"read at {read_at}{_ago(account, 'balance_age_s')}"
    )
    if proof.get("proved_at") is not None:
        lines.append(f"proved at {proof['proved_at']}{_ago(proof, 'proved_age_s')}")
    return [clean_text(line) for line in lines]


def _ago(row: Row, name: str) -> str:
    # A daemon of an earlier version does not tell it.
    return "" if row.get(name) is None else f", {row[name]:.0f} s ago"


def _refusals(status: Row) -> list[str]:
    # A daemon of an earlier version tells the sums alone.
    if "denials" not in status:
        return [f"denied     {count} x {rule}" for rule, count in status["why_no_trade"].items()]
    return [
        f"denied     {one['count']} x {one['rule']}{_control(one)} of {one['owner']}, last: "
        f"{one['last_sentence']}"
        for one in status["denials"]
    ]


def _control(refusals: Row) -> str:
    return f" [{refusals['control']}]" if refusals["control"] else ""


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
        f"faults     {counted(data['gaps_total'], 'gap')}, "
        f"{counted(data['resyncs_total'], 'resync')}, events dropped: {dropped}",
    ]


def _pad(text: str, width: int, column: Column) -> str:
    return text.rjust(width) if column.is_number else text.ljust(width)


def _lag(quantiles: Row) -> str:
    middle, high = quantiles.get("0.5"), quantiles.get("0.99")
    if middle is None or high is None:
        return "lag unknown"
    return f"lag {middle * 1_000:.1f} ms (p99 {high * 1_000:.1f} ms)"


def counted(count: int, noun: str) -> str:
    """Return how many there are, as `1 fill` or `2 fills`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _profit(text: str | None) -> str:
    return "unknown" if text is None else show_money(parse_money(text), signed=True)


def _dollars(text: str | None) -> str:
    return "unknown" if text is None else show_money(parse_money(text))

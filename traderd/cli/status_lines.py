"""The screens of `traderd status` and `traderd balance` as lines of a label and a text.

Owns: their words, and what stands out: halts, pauses, drift and plugins that are in trouble.
Must not: ask the daemon anything, or print.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from traderd.cli.tables import Row, short_decimal
from traderd.model.units import counted, parse_money, show_duration, show_money
from traderd.runtime.log_text import clean_text

LABEL_WIDTH: Final = 11
"""Where the text begins in a line of status or book."""


def status_lines(status: Row, *, token_file: Path) -> list[str]:
    """Return one screen of status; `token_file` is where a person finds what the console asks for."""
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
        lines += [f"console    {status['console']}", f"token      {token_file}"]
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


def _lag(quantiles: Row) -> str:
    middle, high = quantiles.get("0.5"), quantiles.get("0.99")
    if middle is None or high is None:
        return "lag unknown"
    return f"lag {middle * 1_000:.1f} ms (p99 {high * 1_000:.1f} ms)"


def _profit(text: str | None) -> str:
    return "unknown" if text is None else show_money(parse_money(text), signed=True)


def _dollars(text: str | None) -> str:
    return "unknown" if text is None else show_money(parse_money(text))

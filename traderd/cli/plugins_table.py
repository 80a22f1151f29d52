"""Plugins as people read them: a table, and below it what is wrong and what to do.

Owns: which columns there are, and the words below them.
Must not: know where the document is from.
"""

from __future__ import annotations

from typing import Any, Final

from traderd.cli.tables import Column, Row
from traderd.runtime.log_text import clean_text

COLUMNS: Final = (
    Column("name", "plugin"),
    Column("state", "state"),
    Column("version", "version", droppable=True),
    Column("offered", "offers", wraps=True),
    Column("restarted", "restarts", is_number=True, droppable=True),
    Column("time", "p99 ms", is_number=True, droppable=True),
    Column("file", "file", droppable=True),
)


def plugin_rows(document: dict[str, Any]) -> list[Row]:
    """Return a row of the table for each plugin."""
    return [_row(one) for one in document["plugins"]]


def plugin_notes(document: dict[str, Any]) -> list[str]:
    """Return the lines below the table: what does not run, why, and what to do."""
    lines: list[str] = []
    for one in document["plugins"]:
        if one["state"] == "running":
            continue
        place = one["file"] if one["line"] is None else f"{one['file']}:{one['line']}"
        lines.append("")
        lines.append(f"{one['name']} is {one['state']}: {place}")
        lines.append(f"  why:  {one['reason']}")
        if one["cure"]:
            lines.append(f"  cure: {one['cure']}")
    troubled = [
        f"service {name} is {service['status']}: {service['detail']}"
        for one in document["plugins"]
        for name, service in one["services"].items()
        if service["status"] not in {"running", "starting"}
    ]
    lines += ["", *troubled] if troubled else []
    if not document["daemon"]:
        lines += ["", "no daemon runs here: this is what the next start would find"]
    return [clean_text(line) for line in lines]


def _row(plugin: dict[str, Any]) -> Row:
    times = [one["p99_ms"] for one in plugin["calls"].values() if one["p99_ms"] is not None]
    offered = "; ".join(f"{kind} {', '.join(names)}" for kind, names in plugin["offers"].items())
    restarts = sum(service["restarts"] for service in plugin["services"].values())
    return plugin | {
        "offered": offered or "nothing",
        "restarted": restarts,
        "time": max(times) if times else None,
        "version": plugin["version"] or None,
    }

"""The fields of JSON documents and what kind of value each one has, as docs/cli.md lists them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.process_tools import ROOT

PAGE = ROOT / "docs" / "cli.md"
KINDS: dict[type, str] = {
    str: "text",
    bool: "yes/no",
    int: "number",
    float: "number",
    dict: "object",
    list: "list",
    type(None): "null",
}
NAMES_OF_THEIR_OWN = ("fields", "strategies[].positions", "quality.faults", "phases")
"""Objects whose names are data: levels, tickers, kinds of fault, what a kill went through."""
HEADING = re.compile(r"^### `traderd ([^`]+)`")
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \|")


def fields(document: Any, *, depth: int, prefix: str = "") -> dict[str, set[str]]:
    """Return each field by its path (`orders[].key`) with the kinds of value that it has; `depth` bounds objects."""
    found: dict[str, set[str]] = {}
    if isinstance(document, list):
        for item in document:
            merge(found, fields(item, depth=depth, prefix=f"{prefix}[]"))
    elif isinstance(document, dict) and depth > 0:
        for name, value in document.items():
            path = f"{prefix}.{name}" if prefix else name
            found.setdefault(path, set()).add(KINDS[type(value)])
            if path not in NAMES_OF_THEIR_OWN:
                merge(found, fields(value, depth=depth - 1, prefix=path))
    return found


def merge(into: dict[str, set[str]], other: dict[str, set[str]]) -> None:
    for path, kinds in other.items():
        into.setdefault(path, set()).update(kinds)


def missing(promised: dict[str, set[str]], answered: dict[str, set[str]]) -> list[str]:
    """Return the promised fields that are not there, but for those of lists that are empty and objects that are null."""

    def parent_seen(path: str) -> bool:
        parent = path.rpartition(".")[0]
        return not parent or any(other.startswith(f"{parent}.") for other in answered)

    return [path for path in promised if path not in answered and parent_seen(path)]


def documented(page: Path = PAGE) -> dict[str, dict[str, set[str]]]:
    """Return the fields of each command, as the page says."""
    found: dict[str, dict[str, set[str]]] = {}
    command = ""
    for line in page.read_text(encoding="utf-8").splitlines():
        heading = HEADING.match(line)
        if heading is not None:
            command = heading[1]
            found[command] = {}
        elif line.startswith("#"):
            command = ""
        elif command and (row := ROW.match(line)) is not None:
            found[command][row[1]] = {kind.strip() for kind in row[2].split(",")}
    return found

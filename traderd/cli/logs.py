"""`traderd logs`: the daemon's newest log lines, and those that come.

Owns: filters, the look of a line, and following without losing a line silently.
Must not: read log files; the daemon keeps the newest lines itself, journald or `traderd.log` the old ones.
"""

from __future__ import annotations

import sys
import time  # sim-ok: following waits in a process of its own, outside the daemon
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

import attrs
import click
import msgspec

from traderd.cli.client import DaemonClient
from traderd.cli.options import colour_wanted, daemon_command
from traderd.config import Config
from traderd.model.units import counted
from traderd.runtime.log_text import (
    BLOCKS,
    MILLISECONDS,
    clean_text,
    plain_text,
    says_nothing_new,
)

Line = dict[str, Any]

LEVELS: Final = ("debug", "info", "warning", "error", "critical")
COLOURS: Final = {
    "debug": "bright_black",
    "info": "green",
    "warning": "yellow",
    "error": "red",
    "critical": "red",
}
LEVEL_WIDTH: Final = 8
LINES_MAX: Final = 1_000
"""Bounds the lines of one answer, as the daemon does; it keeps some hundred."""
FOLLOW_INTERVAL_S: Final = 0.5
"""How often a following command asks; a busy daemon fills its memory of lines in minutes."""


@attrs.frozen(kw_only=True)
class Filter:
    """Which lines are wanted."""

    level: str = LEVELS[0]
    fields: tuple[tuple[str, str | None], ...] = ()
    """Names with the wanted value, None for any."""
    text: str = ""

    def wants(self, line: Line) -> bool:
        """Tell whether a line is wanted."""
        if _rank(str(line["level"])) < _rank(self.level):
            return False
        fields = line["fields"]
        for name, value in self.fields:
            if name not in fields or (value is not None and plain_text(fields[name]) != value):
                return False
        return self.text.lower() in str(line["event"]).lower()


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)


@click.command()
@daemon_command
@click.option("--follow", "-f", is_flag=True, help="Go on with lines as they come, until Ctrl-C.")
@click.option(
    "--lines",
    "-n",
    "count",
    type=click.IntRange(0, LINES_MAX),
    default=50,
    show_default=True,
    help="How many of the newest lines, after the filters.",
)
@click.option(
    "--level",
    type=click.Choice(LEVELS),
    default=LEVELS[0],
    help="This level and worse; default: everything that the daemon tells.",
)
@click.option(
    "--field",
    "fields",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="Only lines with this field; repeatable, all must fit.",
)
@click.option("--grep", "text", default="", metavar="TEXT", help="Only lines that say this.")
def logs(
    client: DaemonClient,
    config: Config,
    as_json: bool,
    follow: bool,
    count: int,
    level: str,
    fields: tuple[str, ...],
    text: str,
) -> None:
    """Show the daemon's newest log lines.

    They come from the daemon's own memory of some hundred lines. The older ones are in `traderd.log` of the state directory, and under systemd in `journalctl -u traderd`. On a terminal, fields that the sentence has already are left out. With --json each line is one JSON object.

    Example: traderd logs --level warning --lines 20
    """
    wanted = Filter(level=level, fields=tuple(_field(field) for field in fields), text=text)
    show = partial(show_lines, as_json=as_json, colours=colour_wanted(), brief=sys.stdout.isatty())
    lines = ask_lines(client)
    chosen = [line for line in lines if wanted.wants(line)]
    show(chosen[len(chosen) - count :] if count else [])
    if not chosen and not follow:
        # On the standard error, so that a program still gets lines and nothing else.
        click.echo(f"none of the newest {counted(len(lines), 'line')} fits", err=True)
    while follow:
        time.sleep(FOLLOW_INTERVAL_S)  # sim-ok: see the import
        newer, is_gap = lines_after(lines, ask_lines(client))
        if is_gap:
            click.echo("(lines may be missing here: more came than the daemon keeps)", err=True)
        show(filter(wanted.wants, newer))
        lines = [*lines, *newer][-LINES_MAX:]


def _field(text: str) -> tuple[str, str | None]:
    name, equals, value = text.partition("=")
    if not name:
        raise click.UsageError(f"--field needs NAME or NAME=VALUE, not {text!r}")
    return name, value if equals else None


def ask_lines(client: DaemonClient) -> list[Line]:
    """Return the lines that the daemon keeps, oldest first; raises CommandFailed."""
    lines: list[Line] = client.get(f"/v3/log?limit={LINES_MAX}")["log"]
    return lines


def lines_after(seen: Sequence[Line], now: Sequence[Line]) -> tuple[list[Line], bool]:
    """Return the lines of `now` that come after those seen, and whether some between them may be lost.

    Both are ends of one sequence, whose lines may look alike, so the longest overlap counts.
    """
    if not seen:
        return list(now), False
    for overlap in range(min(len(seen), len(now)), 0, -1):
        if list(seen[-overlap:]) == list(now[:overlap]):
            return list(now[overlap:]), False
    return list(now), bool(now)


def show_lines(lines: Any, *, as_json: bool, colours: bool, brief: bool = False) -> None:
    """Print lines, for people or as one JSON object each."""
    for line in lines:
        if as_json:
            click.echo(msgspec.json.encode(line).decode())
        else:
            click.echo("\n".join(line_texts(line, colours=colours, brief=brief)))


def line_texts(line: Line, *, colours: bool, brief: bool = False) -> Iterator[str]:
    """Yield a line for people, then its fields of several lines; a `brief` one is as the daemon's own terminal has it."""
    level = clean_text(str(line["level"]))
    shown = f"{level:<{LEVEL_WIDTH}}"
    if colours:
        shown = click.style(shown, fg=COLOURS.get(level))
    fields = line["fields"]
    parts = [
        clean_text(f"{name}={plain_text(value)}")
        for name, value in fields.items()
        if name not in BLOCKS and not (brief and says_nothing_new(value, str(line["event"])))
    ]
    at = clean_text(str(line["at"])).replace("T", " ").removesuffix("Z")
    at = at[:MILLISECONDS] if brief else at
    yield "  ".join([at, shown, clean_text(str(line["event"])), *parts])
    for name in BLOCKS:
        if name in fields:
            yield clean_text(str(fields[name]), block=True)

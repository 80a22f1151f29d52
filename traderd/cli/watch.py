"""`--watch`: a command that looks, again and again on one screen.

Owns: the option, the repeating, and what of a long answer has room on the screen.
Must not: know what is looked at.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
import time  # sim-ok: watching waits in a process of its own, outside the daemon
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Final

import click

WATCH_INTERVAL_S: Final = 2.0
ROWS_MIN: Final = 5
"""A screen that is lower is scrolled instead: a heading and a row need as much."""


class _Screen(io.StringIO):
    """Takes what a terminal would get."""

    def isatty(self) -> bool:
        """Tell that colours and the width of the terminal count."""
        return True


def watchable(command: Callable[..., Any], *, newest_last: bool = False) -> Callable[..., Any]:
    """Add --watch to a command that is handed `as_json`; stands below `daemon_command`.

    `newest_last`: where the screen is too low, the first rows of the answer give way, not the last.
    """

    @click.option("--watch", is_flag=True, help="Show it again every two seconds until Ctrl-C.")
    @wraps(command)
    def wrapped(*, watch: bool, **options: Any) -> None:
        while True:
            if watch and not options["as_json"] and sys.stdout.isatty():
                _show(command, options, newest_last=newest_last)
            else:
                command(**options)
            if not watch:
                return
            time.sleep(WATCH_INTERVAL_S)  # sim-ok: see the import

    return wrapped


def _show(command: Callable[..., Any], options: dict[str, Any], *, newest_last: bool) -> None:
    screen = _Screen()
    try:
        with contextlib.redirect_stdout(screen):
            command(**options)
    finally:
        # After the answer has come, so that the screen is never empty meanwhile.
        click.clear()
        lines = screen.getvalue().splitlines()
        rows = shutil.get_terminal_size().lines
        click.echo("\n".join(on_screen(lines, rows, newest_last=newest_last)))


def on_screen(lines: Sequence[str], rows: int, *, newest_last: bool) -> Sequence[str]:
    """Return what of an answer fits on a screen of so many rows, its cursor below, and how much does not."""
    if len(lines) < rows or rows < ROWS_MIN:
        return lines
    room = rows - 2
    left_out = f"(no room for {len(lines) - room} lines; without --watch all are shown)"
    if not newest_last:
        return [*lines[:room], left_out]
    # Title, header and rule stay.
    top = min(3, room - 1)
    return [*lines[:top], left_out, *lines[len(lines) - (room - top) :]]

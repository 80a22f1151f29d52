"""`--watch`: a command that looks, again and again on one screen.

Owns: the option and the repeating.
Must not: know what is looked at.
"""

from __future__ import annotations

import time  # sim-ok: watching waits in a process of its own, outside the daemon
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import click

WATCH_INTERVAL_S: Final = 2.0


def watchable(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --watch to a command that is handed `as_json`; stands below `daemon_command`."""

    @click.option("--watch", is_flag=True, help="Show it again every two seconds until Ctrl-C.")
    @wraps(command)
    def wrapped(*, watch: bool, **options: Any) -> None:
        while True:
            if watch and not options["as_json"]:
                click.clear()  # Does nothing on a pipe.
            command(**options)
            if not watch:
                return
            time.sleep(WATCH_INTERVAL_S)  # sim-ok: see the import

    return wrapped

"""Signs of life while a person waits: a spinner on a terminal, plain lines elsewhere, both on the standard error.

Owns: when they begin, how often they come, and that documents (`--json`) have none beside them.
Must not: know what is waited for, or hold it up: what is watched runs in the caller, the signs in a thread beside it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread  # sim-ok: in a process of its own, outside the daemon
from time import monotonic  # sim-ok: in a process of its own, outside the daemon
from typing import Final

import click

FIRST_AFTER_S: Final = 2.0
"""Until then nobody wonders."""
TERMINAL_EVERY_S: Final = 0.5
LINE_EVERY_S: Final = 5.0
"""Off a terminal each sign is a line that somebody keeps."""


@contextmanager
def signs_of_life(what: str, look: Callable[[], str] = str, *, quiet: bool) -> Iterator[None]:
    """Tell on the standard error what is waited for and how long already, while the context is open.

    Args:
        what: what goes on, as `flatten: the daemon works`.
        look: how far it is; called in a thread, and may take its time. An empty text says nothing.
        quiet: say nothing at all.
    """
    if quiet:
        yield
        return
    over = Event()
    arguments = (what, look, over)
    teller = Thread(target=_tell, args=arguments, daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join(timeout=FIRST_AFTER_S)


def _tell(what: str, look: Callable[[], str], over: Event) -> None:
    began = monotonic()

    def words() -> str:
        waited, far = monotonic() - began, look()
        return f"{what}, {waited:.0f} s{f': {far}' if far else ''}"

    if over.wait(FIRST_AFTER_S):
        return
    if not sys.stderr.isatty():
        while not over.is_set():
            line = words()
            if not over.is_set():
                click.echo(line, err=True)
            over.wait(LINE_EVERY_S)
        return
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    with console.status(words()) as status:
        while not over.wait(TERMINAL_EVERY_S):
            status.update(words())

"""Signs of life while a person waits: one line that changes on a terminal, plain lines elsewhere, both on the standard error.

Owns: when they begin, how often they come, that they make room for what is printed meanwhile, and that documents
(`--json`) have none beside them.
Must not: know what is waited for, or hold it up: what is watched runs in the caller, the signs in a thread beside it.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread  # sim-ok: in a process of its own, outside the daemon
from time import monotonic  # sim-ok: in a process of its own, outside the daemon
from typing import Final

import click

from traderd.runtime.log_text import clean_text

FIRST_AFTER_S: Final = 2.0
"""Until then nobody wonders."""
TERMINAL_EVERY_S: Final = 0.5
LINE_EVERY_S: Final = 5.0
"""Off a terminal each sign is a line that somebody keeps."""
FRAMES: Final = "|/-\\"


class Signs:
    """The signs of one wait."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._drawn = 0
        self._is_over = False

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Print something else: it gets a line of its own, below it the signs go on."""
        with self._lock:
            self._wipe()
            yield

    def draw(self, words: str) -> None:
        """Put the words into the one line of a terminal that is written over; nothing once it is over."""
        with self._lock:
            if self._is_over:
                return
            self._wipe()
            # Of a longer line only the last part could be written over.
            shown = clean_text(words)[: shutil.get_terminal_size().columns - 1]
            click.echo(shown, err=True, nl=False)
            self._drawn = len(shown)

    def add_line(self, words: str) -> None:
        """Print the words as a line; nothing once it is over."""
        with self._lock:
            if not self._is_over:
                click.echo(clean_text(words), err=True)

    def end(self) -> None:
        """Leave nothing on the terminal, and nothing for later: who looks may still be waiting for an answer."""
        with self._lock:
            self._is_over = True
            self._wipe()

    def _wipe(self) -> None:
        if self._drawn:
            click.echo(f"\r{' ' * self._drawn}\r", err=True, nl=False)
            self._drawn = 0


@contextmanager
def signs_of_life(what: str, look: Callable[[], str] = str, *, quiet: bool) -> Iterator[Signs]:
    """Tell on the standard error what is waited for and how long already, while the context is open.

    Whoever prints meanwhile does it with `aside`.

    Args:
        what: what goes on, as `flatten: the daemon works`.
        look: how far it is; called in a thread, and may take its time. An empty text says nothing.
        quiet: say nothing at all.
    """
    signs = Signs()
    if quiet:
        yield signs
        return
    over = Event()
    arguments = (what, look, over, signs)
    Thread(target=_tell, args=arguments, daemon=True).start()
    try:
        yield signs
    finally:
        over.set()
        signs.end()


def _tell(what: str, look: Callable[[], str], over: Event, signs: Signs) -> None:
    began = monotonic()

    def words() -> str:
        waited, far = monotonic() - began, look()
        return f"{what}, {waited:.0f} s{f': {far}' if far else ''}"

    if over.wait(FIRST_AFTER_S):
        return
    if not sys.stderr.isatty():
        while not over.is_set():
            signs.add_line(words())
            over.wait(LINE_EVERY_S)
        return
    turn = 0
    while not over.is_set():
        signs.draw(f"{FRAMES[turn % len(FRAMES)]} {words()}")
        turn += 1
        over.wait(TERMINAL_EVERY_S)

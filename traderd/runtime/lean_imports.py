"""Imports without what a daemon never shows: other people's libraries draw tables and colours where they find the tools.

Owns: which libraries are kept out while the daemon's parts are imported. structlog and httpx import rich and Pygments when they
are there, 5 MB that only a terminal's reader would want, and rich is there for the commands. Those without which nothing can be
imported are the affair of `names_on_demand`.
Must not: keep them out for good: a command of the same process may want them afterwards.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from traderd.runtime.names_on_demand import names_on_demand

TERMINAL_TOOLS: Final = ("rich", "pygments", "greenlet")
"""All of them are imported inside `try: ... except ImportError` by who wants them, so that their absence is foreseen."""
OTHER_WAYS: Final = ("anyio", "typing_extensions")
"""As above: httpcore wants anyio for programs on asyncio, and others typing_extensions for what this Python's own typing has."""
HTTP_2: Final = "h2"
"""As above: httpcore loads it where it is, and no request of ours uses it. A tenth of what a command needs to start."""


@contextmanager
def lean_imports(*more: str) -> Iterator[None]:
    """Let imports in the block take what a daemon needs: none of the above or `more`, and names on demand."""
    with without_terminal_tools(*OTHER_WAYS, *more), names_on_demand():
        yield


@contextmanager
def without_terminal_tools(*more: str) -> Iterator[None]:
    """Let imports in the block find none of TERMINAL_TOOLS or `more`; one that is loaded already stays what it is."""
    kept_out = [name for name in (*TERMINAL_TOOLS, *more) if name not in sys.modules]
    for name in kept_out:
        # Python's own way to say that a module cannot be imported.
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in kept_out:
            del sys.modules[name]

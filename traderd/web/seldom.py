"""Log lines that a caller can provoke: one of each kind in a while, and how many there were between.

Owns: the counts, and what makes two defects the same one.
Must not: know requests.
"""

from __future__ import annotations

from typing import Any, Final

import structlog
import trio

SAY_AGAIN_S: Final = 10.0
"""Bounds the log lines of one kind: one in this time, the others are counted in the next one."""

KINDS_MAX: Final = 100
"""Bounds the kinds that are remembered; the one that was said longest ago is forgotten first."""

log = structlog.get_logger("traderd.web")


class Seldom:
    """Says whether a line of a kind is due; all times are Trio's."""

    def __init__(self) -> None:
        self._said_at: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def due(self, kind: str) -> dict[str, Any] | None:
        """Return what the line says besides: `more`, if lines were left out before it; None when it is to be left out too."""
        now = trio.current_time()
        said_at = self._said_at.get(kind)
        if said_at is not None and now - said_at < SAY_AGAIN_S:
            self._unsaid[kind] = self._unsaid.get(kind, 0) + 1
            return None
        # Put back at the end: the first of the dictionary was said longest ago.
        self._said_at.pop(kind, None)
        self._said_at[kind] = now
        unsaid = self._unsaid.pop(kind, 0)
        if len(self._said_at) > KINDS_MAX:
            oldest = next(iter(self._said_at))
            del self._said_at[oldest]
            self._unsaid.pop(oldest, None)
        return {"more": unsaid} if unsaid else {}


class DefectLog:
    """Logs defects in full, of each place one in a while: who found out how to provoke one must not fill the log."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._seldom = Seldom()

    def note(self, error: BaseException) -> None:
        """Log one defect, or count it."""
        facts = self._seldom.due(place_of(error))
        if facts is not None:
            log.error(self._event, exc_info=error, **facts)


def place_of(error: BaseException) -> str:
    """Return the kind and the line of an error; of a group, those of the first in it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    line = "" if trace is None else f" {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
    return f"{type(error).__name__}{line}"

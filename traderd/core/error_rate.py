"""How many of the last answers of the exchange were errors.

Owns: the rate that trips the breaker when errors never come in a row.
Must not: decide what an error is, or what follows.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Final

import attrs

ANSWERS_KEPT: Final = 1_000
"""Bounds the answers that are remembered: the widest window that can be set. What is remembered does not depend on the
window that is set now, so a checkpoint of one setting is true under another."""


@attrs.define(eq=False)
class ErrorRate:
    """The last answers to orders, oldest first."""

    window: int
    """How many answers are looked at; 0 never trips."""
    percent: int
    _errors: deque[bool] = attrs.field(init=False, factory=lambda: deque[bool](maxlen=ANSWERS_KEPT))

    @property
    def errors(self) -> int:
        """Errors among the answers that are looked at."""
        return sum(islice(reversed(self._errors), max(1, self.window)))

    def note(self, *, is_error: bool) -> str | None:
        """Note an answer; returns the words of a breach when this one is it."""
        self._errors.append(is_error)
        if not (is_error and self.window and self.percent):
            return None
        errors = self.errors
        # Before the window is full it counts as if the missing answers were good ones.
        if errors * 100 < self.percent * self.window:
            return None
        looked_at = min(self.window, len(self._errors))
        return f"{errors} of the last {looked_at} answers were errors"

    def forgive(self) -> None:
        """Begin to count anew."""
        self._errors.clear()

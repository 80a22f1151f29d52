"""How many of the last answers of the exchange were errors.

Owns: the rate that trips the breaker when errors never come in a row.
Must not: decide what an error is, or what follows.
"""

from __future__ import annotations

from collections import deque

import attrs


@attrs.define(eq=False)
class ErrorRate:
    """The last answers to orders, oldest first."""

    window: int
    """How many answers are looked at; 0 never trips."""
    percent: int
    _errors: deque[bool] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._errors = deque(maxlen=max(1, self.window))

    @property
    def errors(self) -> int:
        """Errors among the answers that are looked at."""
        return sum(self._errors)

    def note(self, *, is_error: bool) -> str | None:
        """Note an answer; returns the words of a breach when this one is it."""
        self._errors.append(is_error)
        if not (is_error and self.window and self.percent):
            return None
        # Before the window is full it counts as if the missing answers were good ones.
        if self.errors * 100 < self.percent * self.window:
            return None
        return f"{self.errors} of the last {len(self._errors)} answers were errors"

    def forgive(self) -> None:
        """Begin to count anew."""
        self._errors.clear()

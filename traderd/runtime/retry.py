"""How long to wait before trying again: exponential with full jitter.

Owns: the arithmetic, drawn from the generator it is given, and its words.
Must not: sleep, or decide what is worth another try.
"""

from __future__ import annotations

import random
from typing import Final

import attrs

_DOUBLINGS_MAX: Final = 32
"""Bounds the exponent, so that trying for months cannot overflow a float; any cap is reached long before."""


@attrs.define(eq=False)
class Backoff:
    """Delays drawn evenly from 0 to a limit that doubles from `first_s` up to `cap_s`.

    Full jitter, because clients that failed together must not come back together.
    """

    first_s: float
    cap_s: float
    rng: random.Random
    _tries: int = attrs.field(default=0, init=False)

    @property
    def tries(self) -> int:
        """How many delays were given since the start or the last reset."""
        return self._tries

    def next_delay(self) -> float:
        """Return the next delay in seconds."""
        limit = min(self.cap_s, self.first_s * 2 ** min(self._tries, _DOUBLINGS_MAX))
        self._tries += 1
        return self.rng.uniform(0, limit)

    def reset(self) -> None:
        """Begin again at `first_s`; call it after a while of health, not after the first success."""
        self._tries = 0


def show_wait(seconds: float) -> str:
    """Return when the next try comes, for people: `in 1.5 s`, or `at once`."""
    shown = f"{seconds:.1f}"
    return "at once" if shown == "0.0" else f"in {shown} s"

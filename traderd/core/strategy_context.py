"""What a strategy is given when it is made: its name, a log, and timers.

Owns: the timers that a strategy asked for, until who runs it takes them. A strategy never reads a clock: the time is
`observation.at`, and a timer comes back as `on_timer(observation, name)`.
Must not: wait, or know who runs it.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final, Protocol

import attrs

from traderd.errors import BadInput
from traderd.model.ids import MarketTicker, StrategyName

TIMER_MAX_S: Final = 86_400.0
"""Bounds a timer: a day; what is further off is better asked of `observation.at`."""


class StrategyLog(Protocol):
    """Where a strategy tells what it does; each line carries its name."""

    def debug(self, message: str, /, **facts: Any) -> Any:
        """Tell what only helps to find a fault."""

    def info(self, message: str, /, **facts: Any) -> Any:
        """Tell what a person wants to know."""

    def warning(self, message: str, /, **facts: Any) -> Any:
        """Tell what a person should look at."""


class StrategyNotes(Protocol):
    """A strategy's durable notes: JSON values under short keys, which survive restarts and reloads."""

    def get(self, key: str, default: Any = None) -> Any:
        """Return a copy of the value of a key, `default` when it was never put."""

    def put(self, key: str, value: Any) -> None:
        """Keep a JSON value; raises BadInput when it is none, or past a bound."""

    def delete(self, key: str) -> None:
        """Forget a key; one that is not there is no error."""

    def keys(self) -> tuple[str, ...]:
        """Return the keys, sorted."""


class NotesInMemory:
    """Keeps notes for as long as it lives: for tests of a strategy alone."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def get(self, key: str, default: Any = None) -> Any:
        """Return a copy of the value of a key."""
        return deepcopy(self._values.get(key, default))

    def put(self, key: str, value: Any) -> None:
        """Keep a value."""
        self._values[key] = deepcopy(value)

    def delete(self, key: str) -> None:
        """Forget a key."""
        self._values.pop(key, None)

    def keys(self) -> tuple[str, ...]:
        """Return the keys, sorted."""
        return tuple(sorted(self._values))


class SilentLog:
    """Hears everything and tells nothing: for tests of a strategy alone."""

    def debug(self, message: str, /, **facts: Any) -> None:
        """Drop a line."""

    def info(self, message: str, /, **facts: Any) -> None:
        """Drop a line."""

    def warning(self, message: str, /, **facts: Any) -> None:
        """Drop a line."""


@attrs.frozen
class Timer:
    """One timer that was asked for."""

    ticker: MarketTicker
    name: str
    after_s: float | None
    """In seconds from the callback that asked; None takes an earlier one of this name back."""


@attrs.define(eq=False)
class StrategyContext:
    """A strategy's link to who runs it."""

    name: StrategyName
    log: StrategyLog = attrs.Factory(SilentLog)
    notes: StrategyNotes = attrs.Factory(NotesInMemory)
    """Shared with the other strategies of its plugin, and with nobody else."""
    _asked: list[Timer] = attrs.field(factory=list, init=False)

    def set_timer(self, ticker: MarketTicker, after_s: float, name: str = "") -> None:
        """Ask for `on_timer(observation, name)` of this market in `after_s` seconds; one of the same name begins anew.

        Raises:
            BadInput: not from 0 to TIMER_MAX_S.
        """
        if not 0 <= after_s <= TIMER_MAX_S:
            raise BadInput(f"a timer takes from 0 to {TIMER_MAX_S:g} seconds, not {after_s}")
        self._asked.append(Timer(ticker, name, after_s))

    def clear_timer(self, ticker: MarketTicker, name: str = "") -> None:
        """Take a timer back; one that does not run changes nothing."""
        self._asked.append(Timer(ticker, name, None))

    def take_timers(self) -> list[Timer]:
        """Return what was asked for since the last time; for who runs the strategy."""
        asked, self._asked = self._asked, []
        return asked

"""What is known of one plugin: where it is from, how it is, and how its calls went.

Owns: the states of a plugin, the strikes that quarantine it, and the times of its calls.
Must not: know what a plugin offers beyond names, or call one; `guarded` makes the calls.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Mapping
from functools import wraps
from types import ModuleType
from typing import Any, Final, ParamSpec, TypeVar

import attrs

P = ParamSpec("P")
R = TypeVar("R")

STRIKES_MAX: Final = 3
"""The strike that quarantines a plugin: once is an accident, twice is bad luck."""
STRIKE_WINDOW_S: Final = 600.0
"""How long a strike counts, as long as restarts of a service do."""
CALL_BUDGET_S: Final = 0.5
"""Bounds one call of a plugin: everything else waits meanwhile. A longer one is a strike."""
TIMES_KEPT: Final = 256
"""Bounds the newest calls whose times are kept."""
REASON_CHARACTERS_MAX: Final = 500
"""Bounds what a plugin's own error may write on every screen."""


class PluginState(enum.Enum):
    """How a plugin is."""

    RUNNING = "running"
    OFF = "off"
    """A person disabled it; its code is not even imported."""
    QUARANTINED = "quarantined"
    """It failed too often and is not called any more."""
    FAILED = "failed"
    """It cannot be used as it is."""


class Origin(enum.Enum):
    """Where a plugin is from."""

    BUILT_IN = "built-in"
    INSTALLED = "installed"
    """An entry point of an installed package."""
    DROP_IN = "drop-in"
    """A module in a directory of plugins."""
    EXAMPLE = "example"
    """A module that traderd carries."""


@attrs.define(eq=False)
class CallTimes:
    """How long the calls of one function took."""

    calls: int = 0
    failures: int = 0
    worst_s: float = 0.0
    _newest: deque[float] = attrs.Factory(lambda: deque(maxlen=TIMES_KEPT))

    def note(self, seconds: float) -> None:
        """Count one call."""
        self.calls += 1
        self.worst_s = max(self.worst_s, seconds)
        self._newest.append(seconds)

    def percentile_ms(self, share: float) -> float | None:
        """Return what this share (0 to 1) of the newest calls stayed within, in milliseconds; None before the first."""
        if not self._newest:
            return None
        ordered = sorted(self._newest)
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1_000, 3)


@attrs.define(eq=False, kw_only=True)
class PluginRecord:
    """One plugin, loaded or not."""

    name: str
    where: str
    """Its file, or its module."""
    origin: Origin
    state: PluginState = PluginState.RUNNING
    version: str = ""
    """As the module or its package says it; an empty text: it does not."""
    hooks: tuple[str, ...] = ()
    offers: dict[str, tuple[str, ...]] = attrs.Factory(dict)
    """Names of what it offers, by kind: services, strategies, risk rules ..."""
    reason: str = ""
    """Why it does not run."""
    cure: str = ""
    """What a person can do about it."""
    line: int | None = None
    """Where in its file the trouble is."""
    strikes: deque[tuple[float, str]] = attrs.Factory(lambda: deque(maxlen=STRIKES_MAX))
    """When and why, on the monotonic clock."""
    calls: dict[str, CallTimes] = attrs.Factory(dict)
    """By function."""

    @property
    def is_ours(self) -> bool:
        """Tell whether it is part of traderd itself, and so cannot be reloaded or disabled."""
        return self.origin is Origin.BUILT_IN

    @property
    def place(self) -> str:
        """The file and, where one is known, the line."""
        return self.where if self.line is None else f"{self.where}:{self.line}"

    @property
    def sentence(self) -> str:
        """Why it does not run and what to do about it."""
        return f"{self.reason}; {self.cure}" if self.cure else self.reason

    def strike(self, at_s: float, reason: str) -> bool:
        """Count a failure; returns whether this one quarantines the plugin.

        A built-in is never quarantined: what it does is needed, and its failure is a defect of ours.
        """
        reason = reason[:REASON_CHARACTERS_MAX]
        self.strikes.append((at_s, reason))
        in_window = sum(at_s - when < STRIKE_WINDOW_S for when, _ in self.strikes)
        if in_window < STRIKES_MAX or self.is_ours or self.state is not PluginState.RUNNING:
            return False
        self.quarantine(
            f"{in_window} failures within {STRIKE_WINDOW_S / 60:g} min, the last: {reason}"
        )
        return True

    def quarantine(self, reason: str) -> None:
        """Stop calling it."""
        self.state = PluginState.QUARANTINED
        self.reason = reason[:REASON_CHARACTERS_MAX]
        self.cure = (
            f"mend it and run `traderd plugins reload {self.name}`, or go on without it: "
            f"`traderd plugins disable {self.name}`"
        )


@attrs.frozen(kw_only=True)
class PreparedPlugin:
    """A plugin that was imported and asked for everything it offers, but is not in use yet."""

    record: PluginRecord
    module: Any
    offered: Mapping[str, tuple[Any, ...]]
    """By hook."""
    module_before: ModuleType | None
    """What `sys.modules` had in its place."""


@attrs.frozen(kw_only=True)
class Guard:
    """What every guarded call of a plugin goes through."""

    record: PluginRecord
    clock: Callable[[], float]
    """The monotonic clock."""
    on_strike: Callable[[PluginRecord, str, bool], None]
    """Told of each strike: whose, why, and whether it quarantines. It must not call the plugin."""

    masked: Callable[[str], str] = str
    """Returns a text without what must not be seen."""

    def wrap(
        self,
        name: str,
        function: Callable[P, R],
        *,
        check: Callable[[Any], str] = lambda _: "",
        when_quarantined: Callable[[], R],
    ) -> Callable[P, R]:
        """Return `function` measured and counted.

        What it raises is a strike and raised on; so is an answer of the wrong type (`check` returns what is wrong with
        it), as TypeError. A call past its budget is a strike whose answer counts. Once the plugin is quarantined,
        `when_quarantined` answers in its place.
        """
        times = self.record.calls.setdefault(name, CallTimes())

        @wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            if self.record.state is not PluginState.RUNNING:
                return when_quarantined()
            started = self.clock()
            try:
                answer = function(*args, **kwargs)
                if wrong := check(answer):
                    raise TypeError(f"{name} {wrong}")
            except SystemExit as exc:
                times.failures += 1
                self.strike(f"{name} called sys.exit({exc.code!r})")
                # As an error, so that who calls it contains it like any other.
                raise RuntimeError(f"{name} called sys.exit({exc.code!r})") from exc
            except Exception as exc:
                times.failures += 1
                words = f"{type(exc).__name__}: {exc}"
                self.strike(f"{name} raised {words}")
                if (shown := self.masked(words)) != words:
                    # Whoever contains it tells its words.
                    raise RuntimeError(shown) from None
                raise
            finally:
                took = self.clock() - started
                times.note(took)
            if took > CALL_BUDGET_S:
                self.strike(f"{name} took {took:.2f} s, the budget is {CALL_BUDGET_S:g} s")
            return answer

        return guarded

    def strike(self, reason: str) -> None:
        """Count a failure against the plugin and tell it."""
        reason = self.masked(reason)
        is_last = self.record.strike(self.clock(), reason)
        self.on_strike(self.record, reason, is_last)

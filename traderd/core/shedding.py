"""What to give up when the loop cannot keep up, and when to take it back.

Owns: the order, which never changes: tickers first (this version subscribes to none), then books of markets in which
nobody has an interest, those that traded longest ago first; books with a position, an order or a strategy, lifecycle and private
messages never. Shedding waits for proof (two bad looks in a row, or the exchange giving us up as too slow a reader for
the second time) and for the effect of its last step; taking back waits for calm, begins with less than was shed and takes
back more after each success, and waits twice as long after a relapse and half as long after a success.
Must not: measure, or unsubscribe (the service does).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import attrs

from traderd.model.ids import MarketTicker
from traderd.model.units import NS_PER_MS, NS_PER_S


@attrs.frozen(kw_only=True)
class Load:
    """One look at how well the loop keeps up."""

    delay_ns: int
    """How late a task ran that was due: so long have bytes waited that came meanwhile."""
    own_lag_ns: int = 0
    """How old news was when it was folded, as far as it waited for us: on a line that does not run dry, and beyond the
    youngest news of that line. What reached us late is none of ours, and giving up books would not make it younger."""
    backlog_bytes: int = 0
    """Bytes that were read without the lines running dry in between."""
    overflowed: bool = False
    """Since the last look a connection was lost, or a subscription ended, because we read too slowly."""
    whole: bool = True
    """Every connection that is needed stands: that nothing is late proves nothing while nothing comes."""


@attrs.frozen(kw_only=True)
class LoadMeasure:
    """One row of the table: from `high` on a look is bad, up to `low` it is good; what lies between is neither."""

    of: Callable[[Load], int]
    high: int
    low: int
    words: Callable[[int], str]
    """Says a value that is not 0."""


DELAY: Final = LoadMeasure(
    of=lambda load: load.delay_ns,
    high=250 * NS_PER_MS,
    low=50 * NS_PER_MS,
    words=lambda delay_ns: f"{delay_ns / NS_PER_MS:.0f} ms late",
)
"""A quarter of a second late, prices are old before anybody sees them."""
OWN_LAG: Final = LoadMeasure(
    of=lambda load: load.own_lag_ns,
    high=NS_PER_S,
    low=250 * NS_PER_MS,
    words=lambda lag_ns: f"news waits for {lag_ns / NS_PER_S:.1f} s",
)
"""A second is what a book of grade A may be late at most. Many small pieces of work reach it long before BACKLOG."""
BACKLOG: Final = LoadMeasure(
    of=lambda load: load.backlog_bytes,
    high=8 * 1024 * 1024,
    low=512 * 1024,
    words=lambda backlog_bytes: f"{backlog_bytes / 1_048_576:.1f} MiB behind",
)
"""Some 30 000 messages behind: more than a second of work. It needs no stamps of the exchange, which are optional."""
MEASURES: Final = (DELAY, OWN_LAG, BACKLOG)


@attrs.frozen(kw_only=True)
class LoadLimits:
    """How long things take."""

    settle_ns: int = 5 * NS_PER_S
    """How long a step takes to show: the exchange acknowledges it, and what was under way is worked off."""
    calm_ns: int = 60 * NS_PER_S
    """How long all must be well before books are taken back."""
    calm_max_ns: int = 30 * 60 * NS_PER_S
    overflow_ns: int = 60 * NS_PER_S
    """A second overflow within this time is proof: one may have been a stall of the machine."""


GROWTH_SHARE: Final = 2
"""One step takes back at most half as many as are kept: too much at once would cost the connection, with all its books."""
LOOKS_TO_SHED: Final = 2
"""One late look is a hiccup."""
SHED_SHARE: Final = 4
RESTORE_SHARE: Final = 8
"""One step sheds a quarter of the books that may be shed; the first that takes back takes an eighth of those that are."""


@attrs.frozen(kw_only=True)
class Step:
    """What to do now; both empty: nothing."""

    shed: tuple[MarketTicker, ...] = ()
    restore: tuple[MarketTicker, ...] = ()
    reason: str = ""


@attrs.define(eq=False)
class Shedding:
    """Decides look by look; what it was told to have shed is what `judge` is given as `shed` the next time."""

    limits: LoadLimits = attrs.Factory(LoadLimits)
    _bad_looks: int = 0
    _calm_since_ns: int | None = None
    _next_step_ns: int = 0
    _calm_ns: int = attrs.field(init=False)
    _restored_ns: int | None = None
    _restored: int = 0
    """How many books the last step took back; 0 after one that shed."""
    _overflowed_ns: int | None = None
    _is_proven: bool = False
    """The newest look is the second overflow."""

    def __attrs_post_init__(self) -> None:
        self._calm_ns = self.limits.calm_ns

    def is_bad(self, load: Load) -> bool:
        """Tell whether a look shows that the loop cannot keep up."""
        return load.overflowed or any(each.of(load) >= each.high for each in MEASURES)

    def judge(
        self,
        load: Load,
        *,
        now_ns: int,
        idle: Sequence[MarketTicker],
        shed: Sequence[MarketTicker],
        interest: Mapping[MarketTicker, str],
    ) -> Step:
        """Return the next step.

        Args:
            load: the newest look.
            now_ns: on a clock that only runs forward.
            idle: followed markets that have a book and that nobody has an interest in, the dearest first.
            shed: markets whose books were given up, the dearest first.
            interest: markets that must have their book, with the reason.
        """
        needed = tuple(ticker for ticker in shed if ticker in interest)
        self._look(load, now_ns)
        if needed:
            return Step(restore=needed, reason=interest[needed[0]])
        # An overflow came on a connection that carried only what the last step had left: no need to wait for its effect.
        is_due = self._bad_looks >= LOOKS_TO_SHED and now_ns >= self._next_step_ns
        if self._is_proven or is_due:
            return self._shed(load, now_ns, idle)
        calm = self._calm_since_ns is not None and now_ns - self._calm_since_ns >= self._calm_ns
        if shed and calm and now_ns >= self._next_step_ns:
            return self._restore(now_ns, shed, kept=len(idle))
        return Step()

    def _look(self, load: Load, now_ns: int) -> None:
        last = self._overflowed_ns
        self._is_proven = (
            load.overflowed and last is not None and now_ns - last <= self.limits.overflow_ns
        )
        if load.overflowed:
            self._overflowed_ns = now_ns
        if self.is_bad(load):
            self._bad_looks += 1
            self._calm_since_ns = None
            return
        self._bad_looks = 0
        is_busy = any(each.of(load) > each.low for each in MEASURES)
        if is_busy or not load.whole:
            self._calm_since_ns = None
        elif self._calm_since_ns is None:
            self._calm_since_ns = now_ns

    def _shed(self, load: Load, now_ns: int, idle: Sequence[MarketTicker]) -> Step:
        if not idle:
            return Step()
        if self._restored_ns is not None and now_ns - self._restored_ns < self._calm_ns:
            # What was taken back was too much: wait longer before the next try.
            self._calm_ns = min(2 * self._calm_ns, self.limits.calm_max_ns)
        self._restored_ns, self._restored = None, 0
        self._next_step_ns = now_ns + self.limits.settle_ns
        count = max(1, len(idle) // SHED_SHARE)
        return Step(shed=tuple(idle[-count:]), reason=f"the loop cannot keep up: {_words(load)}")

    def _restore(self, now_ns: int, shed: Sequence[MarketTicker], *, kept: int) -> Step:
        reason = f"the loop kept up for {self._calm_ns // NS_PER_S} s"
        if self._restored_ns is not None:
            # What was taken back last was kept up with.
            self._calm_ns = max(self._calm_ns // 2, self.limits.calm_ns)
        self._restored_ns = now_ns
        # The next one waits for calm of its own.
        self._calm_since_ns = now_ns
        self._next_step_ns = now_ns + self.limits.settle_ns
        wanted = 2 * self._restored or len(shed) // RESTORE_SHARE
        self._restored = max(1, min(wanted, kept // GROWTH_SHARE))
        return Step(restore=tuple(shed[: self._restored]), reason=reason)


def _words(load: Load) -> str:
    # How late it is, is said even when it is not.
    said = [DELAY.words(load.delay_ns)]
    said += [each.words(value) for each in MEASURES[1:] if (value := each.of(load))]
    if load.overflowed:
        said.append("and the exchange gave us up as too slow a reader")
    return ", ".join(said)

"""Why no trade: how every tick of every strategy ended.

Owns: the counts per strategy, market, outcome and rule, with the last reason and its time. Every tick counts once, so the
outcomes of a strategy always add up to its ticks. Besides, how strategies last reported of themselves, and the parameters
that people changed since the daemon began.
Must not: decide what an outcome is (see `tick_outcome`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

from traderd.model import events as ev
from traderd.model.ids import MarketTicker, StrategyName
from traderd.model.strategy_events import StrategyReport, TickOutcome
from traderd.model.units import Timestamp

ROWS_MAX: Final = 20_000
"""Bounds the rows (about 10 MB); the one that did not count for longest goes into its strategy's OTHERS row."""
OTHERS: Final = MarketTicker("(other markets)")
"""The market of rows that were given up."""

Key = tuple[StrategyName, MarketTicker, TickOutcome, str]


@attrs.define(eq=False)
class TickRow:
    """How often one outcome happened."""

    count: int
    last_at: Timestamp
    sentence: str
    """The last reason."""


@attrs.define(eq=False)
class TickCounts:
    """The funnel of every strategy."""

    rows: dict[Key, TickRow] = attrs.Factory(dict)
    """The one that counted last is the last one."""
    ticks: dict[StrategyName, int] = attrs.Factory(dict)
    """Counted apart from the rows, so that the two can be compared."""
    reports: tuple[StrategyReport, ...] = ()
    reported_at: Timestamp | None = None
    tuned: dict[StrategyName, dict[str, str]] = attrs.Factory(dict)
    """Parameters that people changed in this run: a strategy that is made anew gets them again."""
    removed: dict[StrategyName, Timestamp] = attrs.Factory(dict)
    """Strategies that were taken away in this run, and when: nothing of theirs may rest."""
    released: dict[StrategyName, Timestamp] = attrs.Factory(dict)
    """When each was released from quarantine last."""

    def folds(self) -> dict[type, Callable[[Any], list[ev.Event]]]:
        """Return which event is folded by what."""
        return {
            ev.TickEnded: self.count,
            ev.StrategiesReported: self.report,
            ev.StrategyParameterSet: self.tune,
            ev.StrategyReleased: self.release,
            ev.StrategyReplaced: self.replace,
        }

    def count(self, event: ev.TickEnded) -> list[ev.Event]:
        """Count a tick."""
        self.ticks[event.strategy] = self.ticks.get(event.strategy, 0) + 1
        self._add((event.strategy, event.ticker, event.outcome, event.rule), 1, event)
        if len(self.rows) > ROWS_MAX:
            self._give_up_oldest()
        return []

    def report(self, event: ev.StrategiesReported) -> list[ev.Event]:
        """Take over what strategies say of themselves."""
        self.reports, self.reported_at = event.reports, event.at
        return []

    def tune(self, event: ev.StrategyParameterSet) -> list[ev.Event]:
        """Remember a changed parameter."""
        self.tuned.setdefault(event.strategy, {})[event.name] = event.value
        return []

    def release(self, event: ev.StrategyReleased) -> list[ev.Event]:
        """Remember when a strategy was released last."""
        self.released[event.strategy] = event.at
        return []

    def replace(self, event: ev.StrategyReplaced) -> list[ev.Event]:
        """Note a strategy that was taken away, and forget its parameters; one that runs in its place is none."""
        self.removed.pop(event.strategy, None)
        if event.removed:
            self.removed[event.strategy] = event.at
            self.tuned.pop(event.strategy, None)
        return []

    def begin_run(self) -> None:
        """Forget what an earlier run changed: the configuration holds again."""
        self.tuned.clear()
        self.removed.clear()

    def _add(self, key: Key, count: int, event: ev.TickEnded) -> None:
        row = self.rows.pop(key, None)
        if row is None:
            row = TickRow(0, event.at, event.sentence)
        row.count += count
        row.last_at, row.sentence = event.at, event.sentence
        self.rows[key] = row

    def _give_up_oldest(self) -> None:
        oldest = next((key for key in self.rows if key[1] != OTHERS), None)
        if oldest is None:
            return
        row = self.rows.pop(oldest)
        key = (oldest[0], OTHERS, oldest[2], oldest[3])
        kept = self.rows.get(key)
        if kept is None:
            self.rows[key] = row
            return
        kept.count += row.count
        if row.last_at >= kept.last_at:
            kept.last_at, kept.sentence = row.last_at, row.sentence

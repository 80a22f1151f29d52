"""Why no trade: how every tick of every strategy ended.

Owns: the counts per strategy, market, outcome and rule, with the last reason and its time. Every tick counts once, so the
outcomes of a strategy always add up to its ticks. Besides, how strategies last reported of themselves, and the parameters
that people changed since the daemon began.
Must not: decide what an outcome is (see `tick_outcome`).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from operator import itemgetter
from typing import Any, Final

import attrs
import msgspec

from traderd.model import events as ev
from traderd.model.ids import MarketTicker, StrategyName
from traderd.model.strategy_events import StrategyReport, TickOutcome
from traderd.model.units import Timestamp

ROWS_MAX: Final = 20_000
"""Bounds the rows (about 2 MB); those that did not count for longest go into their strategies' OTHERS rows."""
GIVEN_UP_PART: Final = 20
"""One of so many rows is given up at once: to find the oldest, all are looked at, which takes milliseconds."""
OTHERS: Final = MarketTicker("(other markets)")
"""The market of rows that were given up."""

Key = tuple[StrategyName, MarketTicker, TickOutcome, str]
"""Strategy, market, outcome and rule; the rule is empty where none is to blame."""


class TickRow(msgspec.Struct, eq=False, gc=False):
    """How often one outcome happened in one market; there may be one for each of ten thousand, so it is a small one."""

    count: int
    last_at: Timestamp
    sentence: str
    """The last reason."""


@attrs.define(eq=False)
class TickCounts:
    """The funnel of every strategy."""

    _rows: dict[tuple[StrategyName, TickOutcome, str], dict[MarketTicker, TickRow]] = attrs.Factory(
        dict
    )
    """By strategy, outcome and rule: a key with the market in it would take more than its row."""
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
    _kept: int = 0
    """How many rows there are."""
    _sentence: str = ""
    """The newest that says something: thousands of markets may end alike at once, and share one text."""

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
        key = (event.strategy, event.outcome, event.rule)
        rows = self._rows.get(key)
        if rows is None:
            rows = self._rows[key] = {}
        row = rows.get(event.ticker)
        if row is None:
            # It keeps its place: what is taken out and put in again each time makes a dictionary twice or four times as large.
            row = rows[event.ticker] = TickRow(0, event.at, "")
            self._kept += 1
        row.count += 1
        if event.sentence and event.sentence != self._sentence:
            self._sentence = event.sentence
        row.last_at, row.sentence = event.at, event.sentence and self._sentence
        if self._kept > ROWS_MAX:
            self._give_up_oldest()
        return []

    @property
    def rows(self) -> dict[Key, TickRow]:
        """All rows, the one that counted last as the last one; put together at each look."""
        rows = {
            (strategy, ticker, outcome, rule): row
            for (strategy, outcome, rule), markets in self._rows.items()
            for ticker, row in markets.items()
        }
        return dict(sorted(rows.items(), key=lambda each: each[1].last_at))

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

    def _give_up_oldest(self) -> None:
        oldest = heapq.nsmallest(
            max(1, ROWS_MAX // GIVEN_UP_PART),
            (
                (row.last_at, rows, ticker)
                for rows in self._rows.values()
                for ticker, row in rows.items()
                if ticker != OTHERS
            ),
            key=itemgetter(0),
        )
        for _, rows, ticker in oldest:
            row, kept = rows.pop(ticker), rows.get(OTHERS)
            if kept is None:
                rows[OTHERS] = row
                continue
            self._kept -= 1
            kept.count += row.count
            if row.last_at >= kept.last_at:
                kept.last_at, kept.sentence = row.last_at, row.sentence

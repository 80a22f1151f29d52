"""Strategies as documents: how each does, and why no trade.

Owns: the fields, their units in their names, and that the outcomes of a strategy are shown beside its ticks.
Must not: compute what the view does not say.
"""

from __future__ import annotations

from typing import Final

from traderd.core.tick_counts import TickCounts
from traderd.core.view import StateView
from traderd.model.ids import StrategyName
from traderd.model.strategy_events import StrategyReport
from traderd.model.units import NS_PER_MS, format_time
from traderd.services.documents import Document

ROWS_SHOWN: Final = 2_000
"""Bounds the rows of one answer, the newest first."""


def tenants_document(view: StateView) -> list[Document]:
    """Return one record per running strategy, with the sum of its ticks by outcome."""
    outcomes = outcomes_of(view.ticks)
    return [_tenant(report, view.ticks, outcomes) for report in view.ticks.reports]


def why_document(view: StateView) -> Document:
    """Return how ticks ended: a row per strategy, market, outcome and rule, the newest first."""
    ticks = view.ticks
    rows: list[Document] = [
        {
            "strategy": strategy,
            "ticker": ticker,
            "outcome": outcome.value,
            "rule": rule,
            "count": row.count,
            "last_at": format_time(row.last_at),
            "reason": row.sentence,
        }
        for (strategy, ticker, outcome, rule), row in reversed(ticks.rows.items())
    ]
    names = dict.fromkeys([*(report.strategy for report in ticks.reports), *ticks.ticks])
    outcomes = outcomes_of(ticks)
    return {
        "strategies": [
            {
                "strategy": name,
                "ticks": ticks.ticks.get(name, 0),
                "outcomes": outcomes.get(name, {}),
            }
            for name in names
        ],
        "rows": rows[:ROWS_SHOWN],
        "left_out": max(0, len(rows) - ROWS_SHOWN),
        "followed": list(view.followed),
    }


def outcomes_of(ticks: TickCounts) -> dict[StrategyName, dict[str, int]]:
    """Return how many of each strategy's ticks ended in each outcome; together they are its ticks."""
    found: dict[StrategyName, dict[str, int]] = {}
    # Once for all of them: there is a row for each market.
    for (name, _, outcome, _), row in ticks.rows.items():
        outcomes = found.setdefault(name, {})
        outcomes[outcome.value] = outcomes.get(outcome.value, 0) + row.count
    return found


def _tenant(
    report: StrategyReport, ticks: TickCounts, outcomes: dict[StrategyName, dict[str, int]]
) -> Document:
    return {
        "strategy": report.strategy,
        "status": report.status.value,
        "reason": report.reason,
        "ticks": ticks.ticks.get(report.strategy, 0),
        "outcomes": outcomes.get(report.strategy, {}),
        "callbacks": report.callbacks,
        "callback_p50_ms": _ms(report.p50_ns),
        "callback_p99_ms": _ms(report.p99_ns),
        "callback_max_ms": _ms(report.max_ns),
        "callback_budget_ms": _ms(report.budget_ns),
        "over_budget": report.over_budget,
        "loop_percent": report.loop_percent,
        "loop_percent_max": report.loop_percent_max,
        "failures": report.failures,
        "commands": report.commands,
        "commands_per_s": report.commands_per_s,
        "in_flight": report.in_flight,
        "parameters": [
            {"name": one.name, "value": one.value, "tunable": one.tunable, "doc": one.doc}
            for one in report.parameters
        ],
    }


def _ms(duration_ns: int) -> float:
    return round(duration_ns / NS_PER_MS, 3)

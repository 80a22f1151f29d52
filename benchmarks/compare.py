"""What every benchmark shares: rounds that alternate, medians, and rows with a goal.

Owns: the form of a row and of the printed table.
Must not: compare figures of different runs or machines.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import attrs

HERE: Final = Path(__file__).resolve().parent
RESULTS: Final = HERE / "results"
ROUNDS: Final = 7
"""Bounds the alternating rounds: enough that one disturbed round does not move a median."""


@attrs.frozen(kw_only=True)
class Row:
    """One comparison; `ours` and `peer` are in `unit`, `ratio` is how many times better ours is."""

    name: str
    ours: float
    peer: float
    peer_name: str
    ratio: float
    goal: float
    """The ratio that has to be reached."""
    holds: bool
    unit: str = "us"


def compare(
    name: str, ours: Callable[[], float], peer: Callable[[], float], *, peer_name: str, goal: float
) -> Row:
    """Run both sides in alternating rounds and compare their medians (microseconds per item)."""
    ours(), peer()  # caches and files are warm for both
    rounds = [(ours(), peer()) for _ in range(ROUNDS)]
    our_median = statistics.median(one for one, _ in rounds)
    peer_median = statistics.median(one for _, one in rounds)
    return ratio_row(name, our_median, peer_median, peer_name=peer_name, goal=goal)


def ratio_row(
    name: str, ours: float, peer: float, *, peer_name: str, goal: float, unit: str = "us"
) -> Row:
    """Return a row of two costs; less is better."""
    ratio = peer / ours
    return Row(
        name=name,
        ours=round(ours, 3),
        peer=round(peer, 3),
        peer_name=peer_name,
        ratio=round(ratio, 2),
        goal=goal,
        holds=ratio >= goal,
        unit=unit,
    )


def rate_row(name: str, ours: float, bound: float, *, peer_name: str = "goal") -> Row:
    """Return a row of two rates in items a second; more is better."""
    ratio = ours / bound
    return Row(
        name=name,
        ours=round(ours),
        peer=round(bound),
        peer_name=peer_name,
        ratio=round(ratio, 2),
        goal=1.0,
        holds=ratio >= 1.0,
        unit="/s",
    )


def report(rows: Sequence[Row], file_name: str) -> int:
    """Print the rows, write them beside the benchmarks, and return 1 if a goal does not hold."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    target = RESULTS / file_name
    target.write_text(json.dumps([attrs.asdict(row) for row in rows], indent=2) + "\n")
    for row in rows:
        verdict = "holds" if row.holds else "DOES NOT HOLD"
        print(
            f"{row.name}: {row.ours:g} {row.unit}, {row.peer_name}: {row.peer:g} {row.unit}; "
            f"ratio {row.ratio:g}, goal {row.goal:g}: {verdict}"
        )
    print(f"written to {target.relative_to(HERE.parent)}")
    return 0 if all(row.holds for row in rows) else 1

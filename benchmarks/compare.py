"""What every benchmark shares: rounds that alternate, medians, rows with a goal, and peers that may be absent.

Owns: the form of a row and of the printed table.
Must not: compare figures of different runs or machines.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from importlib import metadata
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
    peer: float | None
    """None: the peer is not installed."""
    peer_name: str
    ratio: float | None
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


@attrs.frozen(kw_only=True)
class Peer:
    """Something that a user would take instead, and by how much ours has to be better."""

    name: str
    distribution: str
    """What it is called where it is installed from; an empty text: it is always there."""
    goal: float
    run: Callable[[], float]
    """One round; returns its cost per item in microseconds."""

    def version(self) -> str | None:
        """Return the installed version, None when it is absent."""
        if not self.distribution:
            return ""
        try:
            return metadata.version(self.distribution)
        except metadata.PackageNotFoundError:
            return None


def side_by_side(
    name: str, ours: Callable[[], float], peers: Sequence[Peer], *, rounds: int = ROUNDS
) -> list[Row]:
    """Run ours and all peers that are there in alternating rounds; return a row for each peer, present or not."""
    there = [peer for peer in peers if peer.version() is not None]
    sides = [ours, *(peer.run for peer in there)]
    for side in sides:
        side()  # caches and files are warm for all
    costs: list[list[float]] = [[] for _ in sides]
    for number in range(rounds):
        # Forth and back, so that nobody always comes after the same neighbour.
        order = range(len(sides)) if number % 2 == 0 else reversed(range(len(sides)))
        for at in order:
            costs[at].append(sides[at]())
    mine, *theirs = (statistics.median(each) for each in costs)
    medians = {peer.name: cost for peer, cost in zip(there, theirs, strict=True)}
    return [_peer_row(name, mine, peer, medians.get(peer.name)) for peer in peers]


def _peer_row(name: str, mine: float, peer: Peer, cost: float | None) -> Row:
    if cost is None:
        return Row(
            name=name,
            ours=round(mine, 3),
            peer=None,
            peer_name=f"{peer.name}: ABSENT, {peer.distribution} is not installed",
            ratio=None,
            goal=peer.goal,
            holds=False,
        )
    label = f"{peer.name} {peer.version()}".strip()
    return ratio_row(name, mine, cost, peer_name=label, goal=peer.goal)


def bound_row(name: str, value: float, bound: float, unit: str) -> Row:
    """Return a row of a figure that must not be above a bound."""
    ratio = bound / value if value else float(bound)
    return Row(
        name=name,
        ours=round(value, 3),
        peer=bound,
        peer_name="bound",
        ratio=round(ratio, 2),
        goal=1.0,
        holds=value <= bound,
        unit=unit,
    )


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
        if row.peer is None or row.ratio is None:
            print(f"{row.name}: {row.ours:g} {row.unit}, {row.peer_name}; {verdict}")
            continue
        print(
            f"{row.name}: {row.ours:g} {row.unit}, {row.peer_name}: {row.peer:g} {row.unit}; "
            f"ratio {row.ratio:g}, goal {row.goal:g}: {verdict}"
        )
    print(f"written to {target.relative_to(HERE.parent)}")
    return 0 if all(row.holds for row in rows) else 1

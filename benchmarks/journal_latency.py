"""How long an event waits for the disk: in calm, and while the journal is compacted beside it.

Owns: one intent every 10 ms, as orders come, and the time until each is durable; the load of the machine stands beside the
figures, because they are those of its disk and of whoever else runs.
Must not: run on memory: the journal is beside the results, on a disk that really syncs.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import structlog
import trio

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.compare import RESULTS, bound_row, report
from tests.core import builders
from traderd.config import load_config
from traderd.model.events import Event, TradingPaused
from traderd.runtime.env import RealEnv
from traderd.services.journal_compaction import compact_when_due
from traderd.services.risk_limits import risk_limits
from traderd.store.journal import Journal, open_journal

EVENTS: Final = 60_000
"""What is compacted. The default waits for 200,000: the same work for each, for longer."""
EVERY_S: Final = 0.01
CALM_S: Final = 5.0
ROUNDS: Final = 3
BOUND_MS: Final = 50.0
"""The 99th percentile of a wait while it is compacted: an order's way to the exchange and back takes as long."""


def order(number: int) -> list[Event]:
    """Return the life of one order that fills: four events."""
    key, order_id = f"c{number}", f"x{number}"
    return [
        builders.intended(key, at=number),
        builders.sent(key, at=number),
        builders.accepted(key, order_id, at=number),
        builders.filled(f"t{number}", order_id=order_id, key=key, at=number),
    ]


async def fill(journal: Journal) -> None:
    """Write the events that are to be compacted."""
    for number in range(EVENTS // 4):
        journal.append(order(number))
        if number % 100 == 99:
            await journal.wait_durable(journal.position)


async def write_and_wait(journal: Journal, waits_ms: list[float]) -> None:
    """Write one event every 10 ms and note how long each took to be durable, until cancelled."""
    while True:
        began = trio.current_time()
        # Any private fact does: a row is a row to the disk.
        await journal.wait_durable(
            journal.append([TradingPaused(at=builders.second(1), reason="a benchmark")])
        )
        waits_ms.append((trio.current_time() - began) * 1e3)
        await trio.sleep(max(0.0, began + EVERY_S - trio.current_time()))


async def one_round(path: Path) -> tuple[list[float], list[float], float]:
    """Return the waits in calm, those beside the compaction, and how long that took."""
    env = RealEnv()
    async with open_journal(env=env, path=path) as journal:
        await fill(journal)
        shared = SimpleNamespace(
            journal=journal,
            env=env,
            config=SimpleNamespace(journal=SimpleNamespace(compact_after_events=EVENTS // 2)),
            view=SimpleNamespace(
                limits=risk_limits(load_config(variables={}, directory=path.parent))
            ),
        )
        context: Any = SimpleNamespace(
            shared=shared,
            env=env,
            config=shared.config,
            view=shared.view,
            log=structlog.get_logger("bench"),
        )
        calm: list[float] = []
        with trio.move_on_after(CALM_S):
            await write_and_wait(journal, calm)
        busy: list[float] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(write_and_wait, journal, busy)
            began = trio.current_time()
            await compact_when_due(context)
            took_s = trio.current_time() - began
            nursery.cancel_scope.cancel(reason="it is compacted")
        if journal.events_kept >= EVENTS:
            raise RuntimeError(f"nothing was compacted: {journal.events_kept} events are kept")
    return calm, busy, took_s


def load() -> str:
    """Return the load of the last minute and of the last five."""
    one, five, _ = os.getloadavg()
    return f"load {one:.1f} (5 min: {five:.1f}) on {os.cpu_count()} cores"


def main() -> int:
    """Print each round and the medians; returns 1 when the bound does not hold."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    rounds: list[dict[str, float]] = []
    for number in range(1, ROUNDS + 1):
        with tempfile.TemporaryDirectory(dir=RESULTS) as folder:
            calm, busy, took_s = trio.run(one_round, Path(folder) / "journal.sqlite3")
        figures = {
            "calm p50": statistics.median(calm),
            "calm p99": percentile(calm, 0.99),
            "compacting p50": statistics.median(busy),
            "compacting p99": percentile(busy, 0.99),
        }
        rounds.append(figures)
        words = ", ".join(f"{name} {value:.1f} ms" for name, value in figures.items())
        print(f"round {number}: {words}; {EVENTS:,} events in {took_s:.1f} s; {load()}")
    medians = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    print("medians: " + ", ".join(f"{name} {value:.1f} ms" for name, value in medians.items()))
    name = "journal: an event is durable while it is compacted, p99"
    return report(
        [bound_row(name, medians["compacting p99"], BOUND_MS, "ms")], "journal_latency.json"
    )


def percentile(values: list[float], share: float) -> float:
    """Return what this share of the values stays within."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


if __name__ == "__main__":
    sys.exit(main())

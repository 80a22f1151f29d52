"""What a step from state to state costs: the daemon's own work, from the word to the last inbox.

Owns: the bound of one millisecond for a transition, over the whole way up and an order's `ready -> acting -> ready`, with the readers
that a daemon has; and the cost of a health check beside it.
Must not: count the disk, which is asked after the news is out.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import trio
import trio.testing

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.compare import Row, bound_row, report
from tests.services.still_daemon import StillDaemon, still_daemon
from traderd.model import events as ev
from traderd.runtime.inbox import Policy
from traderd.services.health import HealthWatch

STEPS_PER_ROUND: Final = 200
ROUNDS: Final = 7
READERS: Final = 8
"""More than a daemon has: journal, health, console, notifier, metrics and some."""
BOUND_US: Final = 1_000.0


def one_order(daemon: StillDaemon) -> None:
    """Go from ready to acting and back, as every command does."""
    with daemon.shared.lifecycle.activity():
        pass


def one_recovery(daemon: StillDaemon) -> None:
    """Fail with the stage of the account and climb again: four steps, with all of their metadata."""
    lifecycle = daemon.shared.lifecycle
    lifecycle.failed("trading_client", "the line is gone", 1, 0.5)
    lifecycle.entering("trading_client")
    lifecycle.entering("sync")
    lifecycle.arrived()


async def measure() -> list[Row]:
    """Return the rows; the slowest round counts, not the median: a bound is one for bad days too."""
    with tempfile.TemporaryDirectory() as folder:
        async with still_daemon(Path(folder), level="info") as daemon:
            daemon.climb()
            readers = [
                daemon.context(f"reader {number}").subscribe(
                    ev.StateChanged, policy=Policy.DROP_OLDEST
                )
                for number in range(READERS)
            ]
            watch = HealthWatch(daemon.context("health"))
            rows = []
            for name, act, steps in (
                ("ready <-> acting", one_order, 2),
                ("error and the climb after it", one_recovery, 4),
                ("a health check", lambda _: watch.check(), 1),
            ):
                costs = []
                for _ in range(ROUNDS):
                    started = time.process_time()
                    for _ in range(STEPS_PER_ROUND):
                        act(daemon)
                    spent = time.process_time() - started
                    costs.append(spent / (STEPS_PER_ROUND * steps) * 1e6)
                    await trio.sleep(0.01)
                print(
                    f"{name}: median {statistics.median(costs):.0f} us, worst round {max(costs):.0f} us"
                )
                rows.append(bound_row(f"state: {name}, per step", max(costs), BOUND_US, "us"))
            for reader in readers:
                reader.close()
            return rows


if __name__ == "__main__":
    sys.exit(
        report(
            trio.run(measure, clock=trio.testing.MockClock(autojump_threshold=0)),
            "state_change.json",
        )
    )

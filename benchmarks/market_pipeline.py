"""Frame to book to three services: ours as the daemon runs it, beside other clients that end in three services.

Owns: the rows. Blasted, the CPU time of a delta counts; paced, the time from the server's send until the slowest
service has it.
Must not: compare runs that did not alternate.
"""

from __future__ import annotations

import statistics
import time
from array import array
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.compare import Peer, Row, ratio_row, side_by_side
from benchmarks.market_clients import (
    DEADLINE_S,
    SERVICES,
    Run,
    run_naive,
    run_ours,
    run_picows,
    run_pykalshi,
)
from benchmarks.market_ingest import blaster

DELTAS: Final = 60_000
SLOW_DELTAS: Final = 20_000
"""What a peer gets that takes many times as long; costs are per delta."""
PACED_PER_S: Final = 20_000
PACED_DELTAS: Final = 40_000
PACED_ROUNDS: Final = 5


def rows() -> list[Row]:
    """Return the blasted and the paced comparison."""
    with blaster(DELTAS) as (port, stamps):

        def cost(client: Callable[..., Run], deltas: int) -> float:
            return client(port, f"blast/{deltas}", deltas).cpu_us

        blasted = side_by_side(
            f"frame to book to {SERVICES} services: CPU of one delta",
            partial(cost, run_ours, DELTAS),
            [
                Peer(
                    name="pykalshi and queues",
                    distribution="pykalshi",
                    goal=6.0,
                    run=partial(cost, run_pykalshi, SLOW_DELTAS),
                ),
                Peer(
                    name="asyncio, picows, msgspec, queues",
                    distribution="picows",
                    goal=1.2,
                    run=partial(cost, run_picows, DELTAS),
                ),
            ],
        )
        return [*blasted, *_paced_rows(port, stamps)]


def _paced_rows(port: int, stamps: Path) -> list[Row]:
    plain = "the plain design on trio-websocket"
    clients: dict[str, Callable[..., Run]] = {"ours": run_ours, plain: run_naive}
    pykalshi = Peer(name="pykalshi and queues", distribution="pykalshi", goal=2.0, run=float)
    if pykalshi.version() is not None:
        clients[pykalshi.name] = run_pykalshi
    late: dict[str, list[tuple[float, float]]] = {name: [] for name in clients}
    for _ in range(PACED_ROUNDS):
        for name, client in clients.items():
            late[name].append(_paced(client, port, stamps))

    def row(peer: str, at: int, word: str, goal: float) -> Row:
        return ratio_row(
            f"{PACED_PER_S} deltas a second, send to service, {word}",
            statistics.median(each[at] for each in late["ours"]),
            statistics.median(each[at] for each in late[peer]),
            peer_name=peer,
            goal=goal,
        )

    rows = [row(plain, 0, "p50", 2.0), row(plain, 1, "p99", 10.0)]
    if pykalshi.name in clients:
        rows.append(row(pykalshi.name, 0, "p50", pykalshi.goal))
    return rows


def _paced(client: Callable[..., Run], port: int, stamps: Path) -> tuple[float, float]:
    path = f"paced/{PACED_DELTAS}/{PACED_PER_S}"
    stamps.unlink(missing_ok=True)
    arrivals = client(port, path, PACED_DELTAS, keep_times=True).arrivals_ns
    deadline = time.monotonic() + DEADLINE_S
    while not stamps.exists() and time.monotonic() < deadline:
        time.sleep(0.01)  # the server writes them down after its last delta
    sent = array("q")
    sent.frombytes(stamps.read_bytes())
    if not len(sent) == len(arrivals) == PACED_DELTAS:
        raise RuntimeError(f"{len(sent)} were sent and {len(arrivals)} arrived")
    late = sorted((came - went) / 1_000 for came, went in zip(arrivals, sent, strict=True))
    return late[len(late) // 2], late[int(len(late) * 0.99)]

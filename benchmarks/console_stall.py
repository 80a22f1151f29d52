"""What consoles cost everybody else: the lag of an unrelated task of 1 ms while a status goes to 10 or 100 WebSocket clients.

Owns: the bound of 0.4 times the p99 lag of waking all clients at once, at 100 clients and 10 Hz. Rounds of waking four clients in a
pass and all of them alternate on one server with the same clients, which are in a process of their own.
Must not: count joining; the measuring begins when all are there.
On a machine that is busy with other work the figures are about that work; `chrt -r 1` before the command leaves it out.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import trio

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.compare import Row, ratio_row, report
from tests.web.conftest import Face
from tests.web.test_server import UPGRADE
from traderd.runtime.env import RealEnv
from traderd.web import live
from traderd.web.server import serve_console

ROUNDS: Final = 5
ROUND_S: Final = 5.0
STEP_S: Final = 0.001
HERTZ: Final = 10
MANY: Final = 100
"""More than a daemon admits (`live.CLIENTS_MAX`): the bound is for these."""
FEW: Final = 10
STATUS: Final = {"state": "ready", "pad": "x" * 260}
"""300 bytes as a message."""
GOAL: Final = 2.5
"""Waking all at once must be this many times worse: the other one is at most 0.4 of it."""
IN_GROUPS: Final = live.WAKES_PER_PASS
ALL_AT_ONCE: Final = 10_000


async def lags_ms(seconds: float) -> list[float]:
    """Sleep a millisecond again and again; return by how much each was longer (ms)."""
    lags, end = [], trio.current_time() + seconds
    while (now := trio.current_time()) < end:
        await trio.sleep(STEP_S)
        lags.append((trio.current_time() - now - STEP_S) * 1_000)
    return lags


async def publish(hub: live.LiveHub) -> None:
    """Tell everybody the status at the pace of the consoles."""
    while True:
        hub.publish("trader_status", STATUS)
        await trio.sleep(1 / HERTZ)


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[live.LiveHub, int]]:
    """Serve the console's own stack; give the hub and the port."""
    face = Face()
    serve = partial(serve_console, face.app, env=RealEnv(), host="127.0.0.1", port=0)
    async with trio.open_nursery() as nursery:
        await nursery.start(face.hub.run)
        served = await nursery.start(partial(serve, socket_path=None, stop=face.stop))
        nursery.start_soon(publish, face.hub)
        yield face.hub, served.port
        nursery.cancel_scope.cancel()


@contextmanager
def clients(port: int, number: int) -> Iterator[None]:
    """Connect so many readers from a process of their own."""
    process = subprocess.Popen([sys.executable, __file__, "clients", str(port), str(number)])
    try:
        yield
    finally:
        process.kill()
        process.wait()


async def read_for_ever(port: int, number: int) -> None:
    """Be the clients: take what comes and look at nothing."""

    async def one() -> None:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(UPGRADE)
        while await stream.receive_some(65_536):
            pass

    async with trio.open_nursery() as nursery:
        for _ in range(number):
            nursery.start_soon(one)


async def both_ways(number: int) -> dict[int, list[list[float]]]:
    """Return the lags of each round, by how many clients are woken in a pass."""
    rounds: dict[int, list[list[float]]] = {IN_GROUPS: [], ALL_AT_ONCE: []}
    async with serving() as (hub, port):
        with clients(port, number):
            with trio.fail_after(60):
                while hub.statistics().clients < number:  # noqa: ASYNC110 - no event tells of it
                    await trio.sleep(0.1)
            await trio.sleep(1)
            for count in range(ROUNDS):
                for wakes in (IN_GROUPS, ALL_AT_ONCE) if count % 2 else (ALL_AT_ONCE, IN_GROUPS):
                    live.WAKES_PER_PASS = wakes  # type: ignore[misc]
                    rounds[wakes].append(await lags_ms(ROUND_S))
            assert hub.statistics().clients == number, "a client was lost"
    return rounds


def told(name: str, rounds: list[list[float]]) -> float:
    """Print one line of the table and return the median of the rounds' p99 (ms)."""
    p99 = statistics.median(statistics.quantiles(one, n=100)[98] for one in rounds)
    worst = statistics.median(max(one) for one in rounds)
    print(f"{name:<34} p99 {p99:6.2f} ms   max {worst:6.1f} ms")
    return p99


def main() -> int:
    """Measure, print the table, and return 1 if the bound does not hold."""
    live.CLIENTS_MAX = MANY  # type: ignore[misc]
    print("load of the machine", *(f"{one:.1f}" for one in os.getloadavg()))
    told("no server", [trio.run(lags_ms, ROUND_S) for _ in range(ROUNDS)])
    rows: list[Row] = []
    for number in (FEW, MANY):
        rounds = trio.run(both_ways, number)
        all_at_once = told(f"{number} clients, all at once", rounds[ALL_AT_ONCE])
        in_groups = told(f"{number} clients, {IN_GROUPS} a pass", rounds[IN_GROUPS])
        if number == MANY:
            name = f"console: p99 lag of others, {MANY} clients at {HERTZ} Hz"
            rows.append(
                ratio_row(
                    name, in_groups, all_at_once, peer_name="all at once", goal=GOAL, unit="ms"
                )
            )
    print("load of the machine", *(f"{one:.1f}" for one in os.getloadavg()))
    return report(rows, "console_stall.json")


if __name__ == "__main__":
    if sys.argv[1:2] == ["clients"]:
        trio.run(read_for_ever, int(sys.argv[2]), int(sys.argv[3]))
    else:
        sys.exit(main())

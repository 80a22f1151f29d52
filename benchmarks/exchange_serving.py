"""The served exchange from outside: orders over REST, deltas over WebSocket, memory of ten thousand markets.

Owns: one server process and one client process for each figure, beside a floor in the same run.
Must not: be a test; both cores are busy while it runs, and other load shows in every figure.
"""

from __future__ import annotations

import http.client
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.compare import HERE, Row, rate_row, report
from tests.contract.signed_client import SignedClient
from tests.process_tools import running_exchange

ROUNDS: Final = 5
"""Bounds the alternating rounds of each pair."""
ORDERS: Final = 1_000
TICKER: Final = "KXWNBAGAME-26AUG07PHXCONN-PHX"
CREATES_GOAL_PER_S: Final = 700
DELTAS: Final = 60_000
DELTAS_GOAL_PER_S: Final = 10_000
SUBSCRIBERS: Final = 100
SHARED_DELTAS: Final = 2_000
MARKETS: Final = 10_000
MEMORY_GOAL_MB: Final = 400


def creates(ready: dict[str, Any], round_number: int) -> float:
    """Place orders one after the other on one connection, each signed (RSA 2048); orders a second."""
    client = SignedClient(ready)
    started = time.perf_counter()
    for number in range(ORDERS):
        status, reply = client.place(
            TICKER, "bid", "1.00", "0.0100", client_order_id=f"b-{round_number}-{number}"
        )
        if status != 201:
            raise RuntimeError(f"order {number} was answered {status}: {reply}")
    spent = time.perf_counter() - started
    client.request("DELETE", "/portfolio/events/orders")
    client.close()
    return ORDERS / spent


def unsigned_reads(ready: dict[str, Any]) -> float:
    """Read the exchange's status without a signature: what HTTP itself costs here; reads a second."""
    parts = urlsplit(ready["rest_url"])
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port)
    started = time.perf_counter()
    for _ in range(ORDERS):
        connection.request("GET", f"{parts.path}/exchange/status")
        if connection.getresponse().read()[:1] != b"{":
            raise RuntimeError("the status is not JSON")
    spent = time.perf_counter() - started
    connection.close()
    return ORDERS / spent


def rest_rows(folder: Path) -> list[Row]:
    """Return the rate of signed creates beside the goal and beside unsigned reads."""
    with running_exchange(folder, account="trader:1000000", events_per_s=0) as ready:
        creates(ready, 0), unsigned_reads(ready)
        rounds = [(creates(ready, n + 1), unsigned_reads(ready)) for n in range(ROUNDS)]
    mine, floor = (statistics.median(side) for side in zip(*rounds, strict=True))
    return [
        rate_row("REST: signed creates on one connection", mine, CREATES_GOAL_PER_S),
        rate_row(
            "REST: signed creates beside unsigned status reads",
            mine,
            floor / 4,
            peer_name="a quarter of the reads",
        ),
    ]


@contextmanager
def piped(program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a neighbour of this file with both ends of its pipes here, and end it."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / program), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def feed_rate(mode: str, subscribers: int, deltas: int) -> float:
    """Return how many deltas a second arrive, over all subscribers; every one checks its sequence."""
    with piped("feed_blaster.py", mode, str(deltas)) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        where = server.stdout.readline()
        with piped("feed_reader.py", where, str(subscribers), str(deltas)) as reader:
            assert reader.stdout is not None
            if reader.stdout.readline() != "ready\n":
                raise RuntimeError("the reader could not subscribe")
            server.stdin.write("go\n")
            server.stdin.flush()
            return float(reader.stdout.readline())


def feed_rows() -> list[Row]:
    """Return what one subscriber and a hundred receive, beside bare frames sent by the same loop."""
    feed_rate("exchange", 1, DELTAS), feed_rate("bare", 1, DELTAS)
    rounds = [
        (feed_rate("exchange", 1, DELTAS), feed_rate("bare", 1, DELTAS)) for _ in range(ROUNDS)
    ]
    mine, floor = (statistics.median(side) for side in zip(*rounds, strict=True))
    shared = statistics.median(
        feed_rate("exchange", SUBSCRIBERS, SHARED_DELTAS) for _ in range(ROUNDS)
    )
    return [
        rate_row("WebSocket: deltas to one subscriber", mine, DELTAS_GOAL_PER_S),
        rate_row(
            "WebSocket: deltas beside frames that were made before",
            mine,
            floor / 20,
            peer_name="a twentieth of bare frames",
        ),
        rate_row(
            f"WebSocket: deliveries to {SUBSCRIBERS} subscribers of one market, none lost",
            shared,
            DELTAS_GOAL_PER_S,
        ),
    ]


def memory_row(folder: Path) -> Row:
    """Return the memory of an exchange with many markets, in MB."""
    with running_exchange(
        folder, "--markets", str(MARKETS), account="trader:1000", events_per_s=100
    ) as ready:
        time.sleep(10)
        text = Path(f"/proc/{ready['pid']}/status").read_text(encoding="ascii")
    line = next(line for line in text.splitlines() if line.startswith("VmRSS"))
    used = int(line.split()[1]) / 1024
    return Row(
        name=f"memory with {MARKETS} markets",
        ours=round(used, 1),
        peer=MEMORY_GOAL_MB,
        peer_name="bound",
        ratio=round(MEMORY_GOAL_MB / used, 2),
        goal=1.0,
        holds=used <= MEMORY_GOAL_MB,
        unit="MB",
    )


def main() -> int:
    """Run all of it and return 1 if a goal does not hold."""
    with tempfile.TemporaryDirectory() as folder:
        rows = rest_rows(Path(folder) / "rest")
        rows += feed_rows()
        rows.append(memory_row(Path(folder) / "memory"))
    return report(rows, "exchange_serving.json")


if __name__ == "__main__":
    sys.exit(main())

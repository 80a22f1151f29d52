"""What the running daemon costs: time to ready and to the first fill, memory, CPU while nothing is asked of it.

Owns: the bounds of a daemon that one person leaves running; rows as in `run.py`, with the bound as the peer.
Must not: be a test; a busy machine makes these figures worse without any fault of the daemon.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.contract.test_kill_and_restart import settings_for
from tests.process_tools import DaemonProcess, running_daemon, running_exchange, wait_for

RESULTS: Final = Path(__file__).resolve().parent / "results" / "footprint.json"
IDLE_S: Final = 30.0
FILL_BUDGET_S: Final = 60.0


def rss_mb(daemon: DaemonProcess) -> float:
    """Return the resident memory of a process in MB."""
    status = Path(f"/proc/{daemon.process.pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def cpu_share(daemon: DaemonProcess, seconds: float) -> float:
    """Return the share of one core, in percent, that a process used over some seconds."""
    before = _cpu_s(daemon)
    time.sleep(seconds)
    return (_cpu_s(daemon) - before) / seconds * 100


def _cpu_s(daemon: DaemonProcess) -> float:
    fields = Path(f"/proc/{daemon.process.pid}/stat").read_text(encoding="ascii").split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def row(name: str, ours: float, bound: float, unit: str) -> dict[str, Any]:
    """Return one row; the ratio is bound / ours, so that above 1 is good."""
    return {
        "name": f"{name} ({unit})",
        "ours": round(ours, 2),
        "peer": bound,
        "peer_name": "bound",
        "ratio": round(bound / ours, 2) if ours else None,
        "goal": 1.0,
        "holds": ours <= bound,
    }


def with_embedded_exchange(directory: Path) -> list[dict[str, Any]]:
    """Measure `traderd run` as a new user starts it."""
    with running_daemon(directory / "embedded") as daemon:
        ready_s = daemon.wait_ready()
        wait_for(
            lambda: daemon.client.get("/v3/status")["account"]["fills"],
            within_s=FILL_BUDGET_S,
            what="the first fill",
        )
        fill_s = time.monotonic() - daemon.started_at
        cpu = cpu_share(daemon, IDLE_S)
        rows = [
            row("start to ready", ready_s, 3.0, "s"),
            row("start to first fill", fill_s, FILL_BUDGET_S, "s"),
            row("memory with the exchange", rss_mb(daemon), 100.0, "MB"),
            row("CPU with the exchange and its order flow", cpu, 10.0, "% of a core"),
        ]
        daemon.stop()
    return rows


def without_embedded_exchange(directory: Path) -> list[dict[str, Any]]:
    """Measure the daemon beside an exchange in another process."""
    with (
        running_exchange(directory / "exchange") as ready,
        running_daemon(directory / "bare", **settings_for(ready)) as daemon,
    ):
        daemon.wait_ready()
        cpu = cpu_share(daemon, IDLE_S)
        rows = [
            row("memory without the exchange", rss_mb(daemon), 80.0, "MB"),
            row("CPU without the exchange", cpu, 10.0, "% of a core"),
        ]
        daemon.stop()
    return rows


def main() -> None:
    """Measure, print a table, and keep the rows."""
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        rows = with_embedded_exchange(directory) + without_embedded_exchange(directory)
    for each in rows:
        verdict = "holds" if each["holds"] else "FALLS SHORT"
        print(f"{each['name']:<58} {each['ours']:>8}  bound {each['peer']:>6}  {verdict}")
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(rows, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()

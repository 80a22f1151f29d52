"""Real daemons and exchanges in processes of their own, on loopback, for tests that need the real thing."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from traderd.cli.client import DaemonClient
from traderd.cli.json_request import CommandFailed

ROOT = Path(__file__).parent.parent
START_BUDGET_S = 90.0
"""Bounds a start. No test is about it: so much that only a daemon that never comes, and no slow machine, fails by it."""
STOP_BUDGET_S = 60.0
"""Bounds a stop, likewise."""
POLL_S = 0.02
PORTS = range(20_000, 32_000)
"""Below those that the kernel gives to connections and to whoever asks for port 0: between the choice of one of these and its
use nobody is handed it."""

_next_port = itertools.count(os.getpid() * 101)


def free_port() -> int:
    """Return a port that nobody listens on; each call another one, and two test runs beside each other begin elsewhere."""
    for number in itertools.islice(_next_port, len(PORTS)):
        port = PORTS[number % len(PORTS)]
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"no free port in {PORTS}")


def wait_for(condition: Callable[[], Any], *, within_s: float, what: str) -> Any:
    """Poll until the condition gives something true; a real process has no virtual clock to wait on."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        select_nothing(POLL_S)
    raise AssertionError(f"{what} did not happen within {within_s} s")


def select_nothing(seconds: float) -> None:
    """Give the other process time."""
    signal.sigtimedwait([], seconds)


class DaemonProcess:
    """One `traderd run`, its log, and the client of its control socket."""

    def __init__(
        self,
        state_dir: Path,
        *,
        settings: dict[str, Any],
        environment: str = "sim",
        directory: Path = ROOT,
    ) -> None:
        self.state_dir = state_dir
        # One that takes the place of another one keeps its port; `--port` would win over `--set`.
        self.port = int(settings.pop("web.port", None) or free_port())
        self.log_path = state_dir.with_suffix(".log")
        self.client = DaemonClient(state_dir / "control.sock")
        arguments = [
            sys.executable,
            "-m",
            "traderd",
            "run",
            "--state-dir",
            str(state_dir),
            "--environment",
            environment,
            "--port",
            str(self.port),
        ]
        for key, value in settings.items():
            arguments += ["--set", f"{key}={value}"]
        variables = {
            k: v for k, v in os.environ.items() if not k.startswith(("TRADERD_", "KALSHI_"))
        }
        self.log_file = self.log_path.open("ab")
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            arguments, cwd=directory, env=variables, stdout=self.log_file, stderr=subprocess.STDOUT
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def status(self) -> dict[str, Any] | None:
        try:
            document: dict[str, Any] = self.client.get("/v3/status")
        except CommandFailed:
            return None
        return document

    def is_ready(self) -> bool:
        status = self.status()
        return status is not None and status["state"] in {"ready", "acting"}

    def wait_ready(self) -> float:
        """Return how many seconds after its start the daemon was ready."""
        wait_for(self._ready_or_dead, within_s=START_BUDGET_S, what=f"ready, see {self.log()}")
        return time.monotonic() - self.started_at

    def _ready_or_dead(self) -> bool:
        assert self.process.poll() is None, f"the daemon ended: {self.log()}"
        return self.is_ready()

    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def stop(self, number: int = signal.SIGTERM, *, within_s: float = STOP_BUDGET_S) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=within_s)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log_file.close()


@contextmanager
def running_daemon(
    state_dir: Path, *, environment: str = "sim", directory: Path = ROOT, **settings: Any
) -> Iterator[DaemonProcess]:
    """Run a daemon in a directory, where its plugins are; double underscores in the names of settings stand for the dot."""
    dotted = {key.replace("__", "."): value for key, value in settings.items()}
    daemon = DaemonProcess(state_dir, settings=dotted, environment=environment, directory=directory)
    try:
        yield daemon
    finally:
        daemon.close()


def settings_of(exchange: dict[str, Any]) -> dict[str, str]:
    """Return how a daemon is told to trade on an exchange of its own process, for its first account."""
    account = exchange["accounts"][0]
    return {
        "exchange__embedded": "false",
        "exchange__rest_url": exchange["rest_url"],
        "exchange__ws_url": exchange["ws_url"],
        "exchange__key_id": account["key_id"],
        "exchange__key_file": account["key_file"],
    }


@contextmanager
def running_exchange(
    directory: Path,
    *options: str,
    seed: int = 1,
    events_per_s: float = 6.0,
    account: str | None = "trader:1000.00",
    stop_signal: int = signal.SIGTERM,
) -> Iterator[dict[str, Any]]:
    """Serve an exchange in its own process and give its ready file's document.

    Without a `--tier` among the options nothing is limited: these tests are about something else. Without an account
    there are those of the scenario.
    """
    directory.mkdir(parents=True, exist_ok=True)
    ready_file = directory / "ready.json"
    ready_file.unlink(missing_ok=True)
    log = (directory / "exchange.log").open("ab")
    arguments = {
        "--port": "0",
        "--seed": str(seed),
        "--events-per-s": str(events_per_s),
        "--keys-dir": str(directory / "keys"),
        "--ready-file": str(ready_file),
        "--tier": "unlimited",
    }
    if account is not None:
        arguments["--account"] = account
    given = dict(zip(options[::2], options[1::2], strict=True))
    command = [word for pair in (arguments | given).items() for word in pair]
    process = subprocess.Popen(
        [sys.executable, "-m", "traderd", "exchange", "serve", *command],
        cwd=ROOT,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        wait_for(
            lambda: ready_file.exists() or process.poll() is not None,
            within_s=START_BUDGET_S,
            what="the exchange's ready file",
        )
        assert process.poll() is None, (directory / "exchange.log").read_text(encoding="utf-8")
        yield {**json.loads(ready_file.read_text(encoding="utf-8")), "pid": process.pid}
    finally:
        # One that a test has stopped would never hear of its end.
        process.send_signal(signal.SIGCONT)
        process.send_signal(stop_signal)
        try:
            process.wait(timeout=STOP_BUDGET_S)
        finally:
            process.kill()
            process.wait()
            log.close()

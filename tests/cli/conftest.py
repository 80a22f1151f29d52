"""One real daemon for the tests of a module, and the command line in processes of its own."""

from __future__ import annotations

import json
import os
import re
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.process_tools import DaemonProcess, running_daemon

PLACES_TO_WAIT_S = 120.0
"""Bounds one run: only what never ends fails by it, not a busy machine."""
SIGNS = re.compile(
    r"^(?:still examining|the drill goes on|[a-z-]+: the daemon works), \d+ s(?:: .*)?\n",
    re.MULTILINE,
)


@attrs.frozen
class Ran:
    """How one run of the command line ended."""

    code: int
    out: str
    err: str
    """Without the signs of life."""
    signs: tuple[str, ...]
    """What a person is told who waits for longer than two seconds: on a busy machine that is anybody."""


def run_traderd(*arguments: str, directory: Path, **variables: str) -> Ran:
    """Run the command line in a process of its own, without this machine's settings."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TRADERD_", "KALSHI_", "XDG_"))
    }
    ran = subprocess.run(
        [sys.executable, "-m", "traderd", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        env={**clean, "XDG_CONFIG_HOME": str(directory / "config"), **variables},
        timeout=PLACES_TO_WAIT_S,
    )
    return Ran(
        ran.returncode, ran.stdout, SIGNS.sub("", ran.stderr), tuple(SIGNS.findall(ran.stderr))
    )


@contextmanager
def daemon_answering(
    state_dir: Path, answers: dict[str, tuple[int, Any]], slow_s: dict[str, float] | None = None
) -> Iterator[None]:
    """Stand where a daemon's control socket is and give these answers by path, for what no real daemon says at will.

    `slow_s` has the seconds that some of them take.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, document = answers[self.path]
            body = json.dumps(document).encode()
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            threading.Event().wait((slow_s or {}).get(self.path, 0.0))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *args: Any) -> None:
            pass

    with socketserver.ThreadingUnixStreamServer(str(state_dir / "control.sock"), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@attrs.frozen
class Shell:
    """A directory in which to run the command line against one daemon."""

    directory: Path
    daemon: DaemonProcess

    def __call__(self, *arguments: str, **variables: str) -> Ran:
        """Run one command against the daemon."""
        name, *rest = arguments
        state_dir = str(self.daemon.state_dir)
        return run_traderd(
            name, "--state-dir", state_dir, *rest, directory=self.directory, **variables
        )

    def document(self, name: str) -> Any:
        """Ask the daemon without the command line."""
        return self.daemon.client.get(f"/v3/{name}")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A daemon whose exchange is quiet and whose strategy sleeps, so that only the tests trade."""
    directory = tmp_path_factory.mktemp("cli")
    with running_daemon(
        directory / "state",
        exchange__events_per_s="0",
        strategies__spread_maker__enabled="false",
    ) as daemon:
        daemon.wait_ready()
        yield Shell(directory, daemon)

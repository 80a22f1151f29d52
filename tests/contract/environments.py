"""Environments of clients that other people wrote: built once from a complete list of versions, kept in `.clients`.

A client lives in an environment of its own because its pins are not ours, and because it must meet the exchange as a
stranger does: over a socket, with nothing of ours to import.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import pytest

from tests.process_tools import ROOT, running_exchange

SCRIPTS: Final = Path(__file__).parent / "clients"
"""Beside each other: `NAME.txt` says what is in the environment of NAME, and the scripts run in it."""
ENVIRONMENTS: Final = ROOT / ".clients"
STAMP: Final = "built-from"
INSTALL_OPTIONS: Final = ("--no-deps", "--ignore-requires-python", "--retries", "1")
"""The lists are complete, so nothing is resolved; two of the clients declare a newer Python than they need."""
INSTALL_BUDGET_S: Final = 300.0
SCRIPT_BUDGET_S: Final = 300.0


@attrs.frozen
class ClientEnvironment:
    """A client that can be run."""

    python: Path

    def run(self, script: str, *arguments: str | Path) -> Any:
        """Run one of the scripts and return the JSON document that it prints."""
        done = subprocess.run(
            [self.python, "-W", "ignore", SCRIPTS / script, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=SCRIPT_BUDGET_S,
        )
        assert done.returncode == 0, f"{script} failed\n{done.stderr[-6000:]}"
        return json.loads(done.stdout)


def client_session(directory: Path, *options: str, client: str, script: str | None = None) -> Any:
    """Run a client's script against an exchange of its own and return the script's document.

    Args:
        directory: where the exchange keeps its files.
        options: flags and values for the exchange.
        client: which environment.
        script: its file name, if it is not called as the environment.
    """
    environment = client_environment(client)
    venue = ("--scenario", str(SCRIPTS / "venue.toml"))
    with running_exchange(directory, *venue, *options, events_per_s=0.0, account=None):
        return environment.run(script or f"{client}.py", directory / "ready.json")


def client_environment(
    name: str, *, lists: Path = SCRIPTS, environments: Path = ENVIRONMENTS
) -> ClientEnvironment:
    """Return a client's environment, built if it is not there or its list has changed.

    Skips the test if pip cannot install the client: that is about this machine, not about the exchange.
    """
    wanted = lists / f"{name}.txt"
    folder = environments / name
    environments.mkdir(exist_ok=True)
    stamp = hashlib.sha256(f"{sys.version}\n{wanted.read_text()}".encode()).hexdigest()
    with _alone(environments / f"{name}.lock"):
        if not _is_built(folder, stamp):
            _build(folder, wanted)
            (folder / STAMP).write_text(stamp)
    return ClientEnvironment(_python_of(folder))


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Keep other test runs out; a lock of a run that died is free."""
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _is_built(folder: Path, stamp: str) -> bool:
    written = folder / STAMP
    return written.is_file() and written.read_text() == stamp


def _build(folder: Path, wanted: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    python = sys.executable
    subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True, timeout=60)
    pip_there = [python, "-m", "pip", "--python", _python_of(folder)]
    command = [*pip_there, "install", *INSTALL_OPTIONS, "-r", wanted]
    try:
        pip = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=INSTALL_BUDGET_S
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"{wanted.stem} could not be installed within {INSTALL_BUDGET_S:g} s")
    if pip.returncode != 0:
        pytest.skip(f"{wanted.stem} could not be installed: {_last_line(pip.stderr)}")


def _last_line(said: str) -> str:
    lines = said.strip().splitlines()
    return lines[-1] if lines else "pip said nothing"


def _python_of(folder: Path) -> Path:
    return folder / "bin" / "python"

"""What tests of the console share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process_tools import DaemonProcess, running_daemon


@pytest.fixture
def still(tmp_path: Path) -> Iterator[DaemonProcess]:
    """Give one on whose exchange nobody else trades either: what is in the book stays there."""
    with running_daemon(
        tmp_path / "state", strategies__spread_maker__enabled="false", exchange__events_per_s="0"
    ) as process:
        process.wait_ready()
        yield process


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[DaemonProcess]:
    """Give a daemon on its embedded exchange that trades only when it is told to."""
    with running_daemon(tmp_path / "state", strategies__spread_maker__enabled="false") as process:
        process.wait_ready()
        yield process

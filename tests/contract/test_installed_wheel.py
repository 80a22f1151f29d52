"""The wheel trades in an empty folder: it carries the plugins as its examples."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.process_tools import ROOT, free_port, wait_for

pytestmark = pytest.mark.process
START_S = 30.0


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (path,) = folder.glob("*.whl")
    return path


def trade_in_an_empty_folder(command: list[str], tmp_path: Path, **variables: str) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    state = ("--state-dir", str(tmp_path / "state"))
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TRADERD_", "KALSHI_", "XDG_"))
    }
    environment = clean | variables | {"XDG_CONFIG_HOME": str(tmp_path / "config")}

    def ask(*arguments: str):
        ran = subprocess.run(
            [*command, *arguments, *state, "--json"],
            cwd=empty,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return json.loads(ran.stdout) if ran.stdout else {}

    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(
            [*command, "run", "--port", str(free_port()), *state],
            cwd=empty,
            env=environment,
            stdout=log,
            stderr=log,
        ) as daemon,
    ):
        try:
            orders = wait_for(
                lambda: ask("orders").get("orders"), within_s=START_S, what="an order"
            )
            assert {order["owner"] for order in orders} == {"spread_maker"}
            listed = {one["name"]: one for one in ask("plugins", "list")["plugins"]}
            assert listed["spread_maker"]["origin"] == "example"
            reloaded = ask("plugins", "reload", "spread_maker")
            assert "live orders adopted" in reloaded["sentence"]
            disabled = ask("plugins", "disable", "spread_maker")
            assert "is disabled, also after a restart" in disabled["sentence"]
            assert [one for one in ask("orders")["orders"] if one["status"] == "resting"] == []
        finally:
            daemon.terminate()
    assert list(empty.iterdir()) == []


def test_an_installed_traderd_trades_in_an_empty_folder(wheel, tmp_path):
    site = tmp_path / "site"
    # The wheel as it is, over the libraries of this environment: they need no second download.
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"),
            *("--target", str(site), str(wheel)),
        ],
        check=True,
    )
    trade_in_an_empty_folder([sys.executable, "-m", "traderd"], tmp_path, PYTHONPATH=str(site))


@pytest.mark.soak
def test_the_wheel_in_a_fresh_environment_from_the_registry_does_so_too(wheel, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    constraints = str(ROOT / "constraints.txt")
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "-c", constraints, str(wheel)], check=True
    )
    trade_in_an_empty_folder([str(tmp_path / "venv" / "bin" / "traderd")], tmp_path)

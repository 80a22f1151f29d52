"""The drill is real: an exchange, a daemon, `traderd kill`, each in its own process."""

import contextlib
import json
import socket

import pytest

from tests.cli.conftest import run_traderd
from traderd.cli import exit_codes
from traderd.cli.drill_run import LIMIT_S, ScenarioResult, _line
from traderd.config_web import WebConfig

pytestmark = pytest.mark.process


@pytest.fixture
def _own_daemon():
    """Hold the port of the person's own console; where it is taken, somebody holds it already."""
    with socket.socket() as console, contextlib.suppress(OSError):
        console.bind(("127.0.0.1", WebConfig().port))
        console.listen()
        yield
        return
    yield


@pytest.mark.usefixtures("_own_daemon")
@pytest.mark.parametrize("scenario", ["alive", "dead", "hanging"])
def test_a_hundred_orders_are_verified_gone_in_time_whatever_the_daemon_does(tmp_path, scenario):
    # Settings of the person's own account, which must not decide over a rehearsal.
    (tmp_path / "config" / "traderd").mkdir(parents=True)
    (tmp_path / "config" / "traderd" / "traderd.toml").write_text("[strategies.nobody]\nx = 1\n")
    ran = run_traderd(
        *("drill", "kill", "--scenario", scenario, "--json"),
        *("--state-dir", str(tmp_path / "state")),
        directory=tmp_path,
    )
    receipt = json.loads(ran.out)
    print(receipt["sentence"])
    (result,) = receipt["scenarios"]
    assert (result["verified"], result["latched"]) == (True, True)
    assert result["fills_recorded"] == result["fills_meanwhile"] > 0
    # How long depends on what else the machine does; the receipt judges by three seconds.
    assert result["seconds_until_verified"] < LIMIT_S * 10
    assert ran.code == (exit_codes.OK if receipt["passed"] else exit_codes.ERROR)
    (file,) = (tmp_path / "state" / "drills").iterdir()
    assert json.loads(file.read_text()) == receipt
    assert receipt["tier"] == "basic"
    phases = result["phases"]
    assert list(phases.values()) == sorted(phases.values())
    assert phases["verified"] <= result["seconds_until_verified"]
    assert 0 < phases["process_started"] <= phases["latched"]
    # Beside a daemon that is alive this process cancels only when a busy machine lets it answer late (test_kill_run).
    assert "last_cancelled" in phases or scenario == "alive"


def test_a_scenario_that_failed_says_why():
    result = ScenarioResult(daemon="dead", orders=100, problems=["it took longer than 3 s"])
    assert not result.passed
    assert _line(result) == "daemon dead: FAILED: it took longer than 3 s"

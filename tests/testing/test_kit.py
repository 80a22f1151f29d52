from pathlib import Path

import pytest

from tests.test_plugin_checks import HEAD, write
from traderd.cli.plugins_new import KINDS, new_files
from traderd.errors import ConfigError
from traderd.testing import check_plugin
from traderd.testing.kit import find_file

STRATEGY = """
import random, threading, time
import attrs
from traderd.plugin_api import (
    Side, StrategySpec, cancel, hookimpl, parse_count, parse_price, place
)

@attrs.frozen
class Parameters:
    size: int {default}

class Mine:
    def __init__(self, parameters):
        self.looks = 0

    def decide(self, observation):
        self.looks += 1
        {body}

@hookimpl
def traderd_strategies():
    return [StrategySpec(name="mine", make=Mine, parameters=Parameters)]
"""


def failures(tmp_path, body: str, default: str = "= 1") -> dict[str, str]:
    path = write(tmp_path, STRATEGY.format(body=body, default=default))
    report = check_plugin(path, minutes=3)
    return {check.name: check.detail for check in report.checks if not check.passed}


FAULTS = {
    "no exception": ("return [] if self.looks < 3 else 1 / 0", "ZeroDivisionError"),
    "commands": ("return ['buy'] if self.looks == 3 else []", "'buy' among its commands"),
    "threads, sockets, processes": (
        "self.looks == 3 and threading.Thread(target=int).start(); return []",
        "it starts a thread in line",
    ),
    "standard output": ("print('hello'); return []", "it wrote 'hello"),
    "time of calls": ("time.sleep(0.06 * (self.looks < 3)); return []", "50 ms are bearable"),
    "the same twice": (
        "return [cancel(one) for one in observation.orders] or [place(ticker=observation.ticker, "
        "side=Side.BID, price=parse_price('0.01'), count=parse_count(random.SystemRandom().randint(1, 9)))]",
        "two runs with one seed differ",
    ),
}


@pytest.mark.parametrize("check", FAULTS)
def test_each_fault_of_a_plugin_is_found_by_its_check(tmp_path, check):
    body, words = FAULTS[check]
    found = failures(tmp_path, body)
    assert words in found[check]


def test_a_plugin_whose_parameters_cannot_be_is_told_at_once(tmp_path):
    assert "size" in failures(tmp_path, "return []", default="")["parameters"]


def test_a_plugin_that_does_not_fit_is_told_at_once(tmp_path):
    path = write(tmp_path, HEAD + "@hookimpl\ndef traderd_strategys():\n    return []\n")
    report = check_plugin(path)
    assert [check.name for check in report.checks] == ["hooks"]
    assert f"{path}:4" in report.checks[0].detail
    assert "did you mean traderd_strategies?" in report.checks[0].detail


@pytest.mark.parametrize("kind", KINDS)
def test_every_new_plugin_passes_as_it_is(tmp_path, kind):
    path, test = new_files("my_own", kind, tmp_path)
    path.parent.mkdir(mode=0o755)
    path.write_text(new_files("my_own", kind, tmp_path)[path])
    path.chmod(0o644)
    report = check_plugin(path, minutes=3)
    assert report.passed, report.lines()
    assert test == tmp_path / "tests" / "test_my_own.py"


def test_a_plugin_is_found_by_path_or_name(tmp_path):
    folder = tmp_path / "plugins"
    folder.mkdir()
    path = write(folder, HEAD)
    assert find_file(str(path), Path("/")) == path
    assert find_file("mine", tmp_path) == path
    for gone in ("gone", "gone.py"):
        with pytest.raises(ConfigError, match="there is no"):
            find_file(gone, tmp_path)

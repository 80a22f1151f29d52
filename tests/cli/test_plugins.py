import json
import re

import pytest
from click.testing import CliRunner

from tests.test_plugin_checks import HEAD
from traderd.cli.json_request import CommandFailed
from traderd.cli.main import cli
from traderd.store.plugin_switches import read_switches


@pytest.fixture
def traderd(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def run(*arguments: str):
        return CliRunner().invoke(cli, arguments, prog_name="traderd")

    return run


@pytest.fixture
def state(tmp_path):
    return ("--state-dir", str(tmp_path / "state"))


def test_new_writes_a_plugin_and_its_test_and_says_what_comes_next(traderd, tmp_path):
    ran = traderd("plugins", "new", "my_maker")
    assert ran.exit_code == 0
    lines = ran.output.splitlines()
    assert lines[:2] == ["wrote plugins/my_maker.py", "wrote tests/test_my_maker.py"]
    assert len(lines) == 6
    assert lines[3].split("  ")[1].startswith("traderd plugins check plugins/my_maker.py")
    assert len((tmp_path / "plugins" / "my_maker.py").read_text().splitlines()) < 60


def test_new_never_overwrites(traderd, tmp_path):
    traderd("plugins", "new", "my_maker")
    path = tmp_path / "plugins" / "my_maker.py"
    path.write_text("mine now")
    ran = traderd("plugins", "new", "my_maker", "--kind", "service")
    assert ran.exit_code == 2
    assert "exists already" in ran.output
    assert path.read_text() == "mine now"


@pytest.mark.parametrize("name", ["My", "a-b", "1a", "../x", "", "class.py"])
def test_new_refuses_what_cannot_be_a_module(traderd, tmp_path, name):
    assert traderd("plugins", "new", name).exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_list_without_a_daemon_tells_what_the_next_start_would_find(traderd, tmp_path, state):
    traderd("plugins", "new", "my_maker")
    broken = tmp_path / "plugins" / "broken.py"
    broken.write_text(HEAD + "import nothing_here\n")
    broken.chmod(0o644)
    ran = traderd("plugins", "list", *state)
    assert ran.exit_code == 0
    assert re.search(r"^my_maker +running +0\.1 ", ran.output, re.MULTILINE)
    assert f"broken is failed: {broken}:3" in ran.output
    assert "pip install nothing_here" in ran.output
    assert "no daemon runs here" in ran.output
    document = json.loads(traderd("plugins", "list", "--json", *state).output)
    assert document["daemon"] is False
    found = {one["name"]: one for one in document["plugins"]}
    assert found["my_maker"]["offers"] == {"strategies": ["my_maker"]}
    assert (found["broken"]["state"], found["broken"]["line"]) == ("failed", 3)
    everything = json.loads(traderd("plugins", "list", "--all", "--json", *state).output)
    assert "orders" in [one["name"] for one in everything["plugins"]]


def test_disable_and_enable_hold_without_a_daemon(traderd, tmp_path, state):
    traderd("plugins", "new", "my_maker")
    ran = traderd("plugins", "disable", "my_maker", "--author", "ann", *state)
    assert ran.exit_code == 0
    assert "so that holds from its next start" in ran.output
    assert read_switches(tmp_path / "state")["my_maker"].by == "ann"
    assert "my_maker is off" in traderd("plugins", "list", *state).output
    ran = traderd("plugins", "enable", "my_maker", "--json", *state)
    assert json.loads(ran.output)["answer"] == "done"
    assert read_switches(tmp_path / "state") == {}


@pytest.mark.parametrize("name", ["gone", "orders"])
def test_what_is_no_plugin_cannot_be_disabled(traderd, tmp_path, state, name):
    ran = traderd("plugins", "disable", name, *state)
    assert ran.exit_code == 2
    assert f"there is no plugin {name}" in ran.output
    assert read_switches(tmp_path / "state") == {}


def test_a_reload_needs_a_daemon(traderd, state):
    ran = traderd("plugins", "reload", "my_maker", *state)
    assert isinstance(ran.exception, CommandFailed)
    assert ran.exception.exit_code == 3


def test_check_prints_a_table_and_its_exit_code_tells(traderd, tmp_path):
    traderd("plugins", "new", "my_rule", "--kind", "risk-rule")
    ran = traderd("plugins", "check", "my_rule", "--minutes", "3")
    assert ran.exit_code == 0, ran.output
    assert ran.output.splitlines()[-1] == "it fits"
    bad = tmp_path / "plugins" / "bad.py"
    bad.write_text("x = (\n")
    bad.chmod(0o644)
    ran = traderd("plugins", "check", "plugins/bad.py", "--json")
    assert ran.exit_code == 1
    assert json.loads(ran.output)["passed"] is False

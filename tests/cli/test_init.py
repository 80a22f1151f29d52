import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from tests.cli.conftest import run_traderd
from tests.cli.doctor_tools import KEY_ID, resolve_nothing
from tests.process_tools import START_BUDGET_S, STOP_BUDGET_S, free_port, wait_for
from tests.simulation.harness import REPOSITORY
from traderd.cli import exit_codes
from traderd.cli.client import DaemonClient
from traderd.cli.json_request import CommandFailed
from traderd.cli.main import cli, exit_code_of
from traderd.kalshi.auth import generate_key

QUESTION = re.compile(r"^(?:Which|The id|The file|How many).*?: ?", re.MULTILINE)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty directory to work in, with a key, where no name can be resolved."""
    for name in tuple(os.environ):
        if name.startswith(("TRADERD_", "KALSHI_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRADERD_WEB__PORT", "0")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("traderd.cli.doctor_network.resolve_name", resolve_nothing)
    (tmp_path / "key.pem").write_bytes(generate_key("ed25519")[0])
    (tmp_path / "key.pem").chmod(0o600)
    return tmp_path


def init(*flags, answers=""):
    return CliRunner().invoke(cli, ["init", *flags], input=answers, prog_name="traderd")


def code_of(result):
    if isinstance(result.exception, SystemExit):
        return result.exit_code
    return 0 if result.exception is None else exit_code_of(result.exception)


def test_in_sim_three_questions_lead_to_a_set_up_and_the_next_command(place):
    result = init(answers="\n\n250\n")
    assert result.exception is None, result.output
    assert len(QUESTION.findall(result.output)) == 3
    assert result.output.splitlines()[-1] == "next: traderd run"
    assert 'max_exposure_dollars = "250.00"' in (place / "traderd.toml").read_text()


def test_for_the_demo_there_are_five_and_it_stops_at_the_network(place):
    result = init(answers=f"demo\n{KEY_ID}\nkey.pem\nseries:KXMLB\n100\n")
    assert len(QUESTION.findall(result.output)) == 5
    assert code_of(result) == exit_codes.ERROR
    assert "DNS: the name external-api.demo.kalshi.co cannot be resolved" in result.output
    assert str(result.exception).startswith(
        "the set-up is written, and 2 checks failed, first way to REST"
    )
    assert "next: traderd run" not in result.output
    env_file = place / ".env.paper"
    assert env_file.stat().st_mode & 0o777 == 0o600
    assert env_file.read_text().splitlines()[1:] == [
        f"KALSHI_API_KEY_ID={KEY_ID}",
        f"KALSHI_PRIVATE_KEY_PATH='{place / 'key.pem'}'",
    ]


def test_every_answer_can_be_a_flag_and_then_nothing_is_asked(place):
    result = init(
        *("--environment", "demo", "--key-id", KEY_ID, "--key-file", "key.pem"),
        *("--markets", "KX-A,KX-B", "--limits", "50", "--offline"),
    )
    assert result.exception is None, result.output
    assert QUESTION.findall(result.output) == []
    assert 'markets = ["KX-A", "KX-B"]' in (place / "traderd.toml").read_text()


def test_a_bad_answer_is_explained_and_asked_again(place):
    result = init(answers="moon\nsim\nKXMLB\nall\nmany\n100\n")
    assert result.exception is None, result.output
    assert "That cannot be: there is no environment 'moon'" in result.output
    assert "for a whole series write series:KXMLB" in result.output
    assert "write dollars, like 100 or 250.50" in result.output
    assert len(QUESTION.findall(result.output)) == 6


def test_who_never_answers_well_is_let_go_and_nothing_was_written(place):
    result = init(answers="moon\n" * 5)
    assert code_of(result) == exit_codes.USAGE
    assert "5 times; nothing was written" in result.output
    assert not (place / "traderd.toml").exists()


def test_who_leaves_in_the_middle_has_changed_nothing(place):
    result = init(answers=f"demo\n{KEY_ID}\n")
    assert result.exit_code != 0
    assert sorted(path.name for path in place.iterdir()) == ["key.pem"]


def test_a_bad_flag_is_asked_for_or_refused_when_nothing_may_be_asked(place):
    result = init("--limits", "5", answers="\n\n100\n")
    assert result.exception is None, result.output
    assert "--limits: the amount at risk must lie between" in result.output
    (place / "traderd.toml").unlink()
    result = init("--limits", "5", "--yes")
    assert code_of(result) == exit_codes.USAGE
    result = init("--environment", "demo", "--yes")
    assert code_of(result) == exit_codes.USAGE
    assert "--key-id is needed here" in result.output


def test_nothing_is_overwritten_without_a_word(place):
    (place / "traderd.toml").write_text("mine")
    result = init("--yes")
    assert code_of(result) == exit_codes.REFUSED
    assert "traderd.toml is there already" in str(result.exception)
    result = init(answers="\n\n\nn\n")
    assert code_of(result) == exit_codes.REFUSED
    assert (place / "traderd.toml").read_text() == "mine"
    result = init(answers="\n\n\ny\n")
    assert result.exception is None
    assert "what stood there is now traderd.toml.old-1" in result.output
    assert (place / "traderd.toml.old-1").read_text() == "mine"
    result = init("--yes", "--overwrite")
    assert result.exception is None


def test_the_shape_of_json(place):
    result = init("--json")
    document = json.loads(result.output)
    assert sorted(document) == ["checks", "environment", "files", "next", "ok"]
    assert document["files"] == [{"path": str(place / "traderd.toml"), "kept": None}]
    assert document["next"] == "traderd run"


@contextmanager
def traderd_run(directory, state_dir):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TRADERD_", "KALSHI_"))}
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "traderd", "run", "--port", str(free_port())),
            *("--state-dir", str(state_dir)),
        ],
        cwd=directory,
        env=clean,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=STOP_BUDGET_S)
        finally:
            process.kill()
            process.wait()


@pytest.mark.process
def test_what_init_leaves_runs_and_orders_appear(tmp_path):
    shutil.copytree(REPOSITORY / "plugins", tmp_path / "plugins")
    ran = run_traderd("init", "--yes", directory=tmp_path, TRADERD_WEB__PORT="0")
    assert ran.code == 0, ran.out + ran.err
    assert ran.out.splitlines()[-1] == "next: traderd run"
    client = DaemonClient(tmp_path / "state" / "control.sock")

    def orders():
        try:
            return client.get("/v3/orders")["orders"]
        except CommandFailed:
            return []

    with traderd_run(tmp_path, tmp_path / "state"):
        (order, *_) = wait_for(orders, within_s=START_BUDGET_S, what="an order")
    assert order["owner"] == "spread_maker"

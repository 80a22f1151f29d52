"""`traderd strategies`, against a daemon that runs the demo strategy on a quiet exchange."""

import re

import pytest

from tests.cli.conftest import Ran, Shell, run_traderd
from tests.process_tools import running_daemon
from traderd.cli import exit_codes

pytestmark = pytest.mark.process

OK, ERROR, USAGE, REFUSED = (
    exit_codes.OK,
    exit_codes.ERROR,
    exit_codes.USAGE,
    exit_codes.REFUSED,
)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory):
    directory = tmp_path_factory.mktemp("strategies")
    with running_daemon(directory / "state", exchange__events_per_s="0") as daemon:
        daemon.wait_ready()
        yield Shell(directory, daemon)


def ask(shell: Shell, *arguments: str) -> Ran:
    """Run `traderd strategies ...` against the daemon."""
    state = ("--state-dir", str(shell.daemon.state_dir))
    return run_traderd("strategies", *arguments, *state, directory=shell.directory)


def test_what_runs_is_listed_and_each_verb_has_an_example(shell):
    ran = ask(shell, "list")
    assert (ran.code, ran.err) == (OK, "")
    assert "spread_maker" in ran.out
    assert re.search(r"with_orders +loop_% +commands", ran.out)
    assert re.search(r" \d+/25 ", ran.out)
    (row,) = [
        r for r in shell.document("strategies")["strategies"] if r["strategy"] == "spread_maker"
    ]
    assert (row["status"], row["callback_budget_ms"]) == ("running", 100.0)
    for verb in ("list", "show", "set", "release"):
        assert f"traderd strategies {verb}" in ask(shell, verb, "--help").out


def test_a_live_parameter_is_changed_and_shown(shell):
    assert "order_contracts" in ask(shell, "show", "spread_maker").out
    ran = ask(shell, "set", "spread_maker", "order_contracts=2", "--author", "ann")
    assert ran.code == OK
    assert ran.out.startswith("strategies.spread_maker.order_contracts is 2 now, it was 5; until")
    shown = ask(shell, "show", "spread_maker", "--json")
    assert '"value": "2"' in shown.out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (
            ("set", "spread_maker", "order_contracts=0"),
            REFUSED,
            "order_contracts: it must be above 0",
        ),
        (("set", "spread_maker", "markets_max=2"), REFUSED, "cannot be changed while the strategy"),
        (("set", "nobody", "x=1"), REFUSED, "no strategy nobody runs; there are: spread_maker"),
        (("release", "spread_maker"), REFUSED, "is running, not quarantined"),
        (("show", "nobody"), ERROR, "no strategy 'nobody' runs"),
        (("set", "spread_maker", "x"), USAGE, "write it as PARAM=VALUE"),
        (("set", "spread_maker", "x="), USAGE, "write it as PARAM=VALUE"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(shell, arguments, code, words):
    ran = ask(shell, *arguments)
    assert ran.code == code
    assert words in ran.err


def test_without_a_daemon_it_says_so(tmp_path):
    ran = run_traderd("strategies", "list", "--state-dir", str(tmp_path), directory=tmp_path)
    assert ran.code == exit_codes.NOT_RUNNING

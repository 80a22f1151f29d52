"""Commands of plugins: found when they are wanted, contained when they fail, and never in the place of ours."""

import pytest

from tests.cli.conftest import daemon_answering, run_traderd
from traderd.cli import exit_codes
from traderd.store.plugin_switches import Switch, write_switch

pytestmark = pytest.mark.process

HEAD = """
import click
from traderd.plugin_api import BadInput, CommandAnswer, CommandSpec, hookimpl

def spec(name, run, **changes):
    return CommandSpec(name=name, meaning="Say it.", example=f"traderd {name}", run=run, **changes)

def greet(daemon, name):
    state = daemon.get("/v3/status")["state"]
    return CommandAnswer(text=f"{name}: {state}", document={"state": state}, exit_code=7 if name == "drift" else 0)

def broken(daemon):
    return 1 / 0

def wrong(daemon):
    return "text"

def picky(daemon):
    raise BadInput("name a market")

@hookimpl
def traderd_commands():
    return [
        spec("greet", greet, parameters=(click.Argument(["name"]),)),
        spec("broken", broken),
        spec("wrong", wrong),
        spec("picky", picky),
        spec("status", broken),
    ]
"""


@pytest.fixture
def shell(tmp_path):
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "mine.py").write_text(HEAD)

    def run(*arguments, answers=None):
        with daemon_answering(tmp_path, answers or {"/v3/status": (200, {"state": "ready"})}):
            ran = run_traderd(*arguments, "--state-dir", str(tmp_path), directory=tmp_path)
        (tmp_path / "control.sock").unlink()
        return ran

    return run


def test_a_command_talks_to_the_daemon_and_prints_text_or_json(shell):
    ran = shell("greet", "ann")
    assert (ran.code, ran.out, ran.err) == (exit_codes.OK, "ann: ready\n", "")
    assert shell("greet", "ann", "--json").out == '{\n  "state": "ready"\n}\n'


def test_its_exit_code_is_that_of_the_process(shell):
    ran = shell("greet", "drift")
    assert (ran.code, ran.out) == (exit_codes.DRIFT, "drift: ready\n")


def test_its_help_has_its_example_its_plugin_and_our_options(shell):
    ran = shell("greet", "--help")
    for part in (
        "Say it.",
        "From the plugin mine.",
        "Example: traderd greet",
        "--json",
        "--state-dir",
    ):
        assert part in ran.out


def test_one_that_fails_ends_with_file_and_line(shell):
    ran = shell("broken")
    assert ran.code == exit_codes.ERROR
    assert "the plugin mine failed at" in ran.err
    assert "plugins/mine.py:13: ZeroDivisionError" in ran.err
    assert "Traceback" not in ran.err
    assert "must return a CommandAnswer, it returned str" in shell("wrong").err


def test_what_a_person_got_wrong_is_no_defect(shell):
    ran = shell("picky")
    assert (ran.code, ran.err) == (exit_codes.ERROR, "traderd: name a market\n")


def test_a_command_of_ours_is_never_taken_over(shell):
    ran = shell("status", "--json")
    assert ran.code == exit_codes.OK
    assert "ZeroDivisionError" not in ran.err


def test_the_list_of_commands_has_them(tmp_path, shell):
    ran = run_traderd("--help", directory=tmp_path)
    assert ran.code == exit_codes.OK
    assert "  greet " in ran.out
    assert "  status " in ran.out


def test_with_broken_settings_there_is_still_help(tmp_path, shell):
    (tmp_path / "traderd.toml").write_text("not toml at all")
    ran = run_traderd("--help", directory=tmp_path)
    assert (ran.code, "  status " in ran.out) == (exit_codes.OK, True)
    unknown = run_traderd("greet", "ann", directory=tmp_path)
    assert unknown.code == exit_codes.USAGE
    assert "traderd.toml cannot be read" in unknown.err


def test_a_plugin_that_is_switched_off_is_not_even_imported(tmp_path, shell):
    variables = {"TRADERD_STATE_DIR": str(tmp_path / "state")}
    (tmp_path / "state").mkdir()
    write_switch(tmp_path / "state", "mine", Switch(by="ann"))
    (tmp_path / "plugins" / "mine.py").write_text("raise SystemExit(99)")
    ran = run_traderd("--help", directory=tmp_path, **variables)
    assert (ran.code, "greet" in ran.out) == (exit_codes.OK, False)


def test_a_command_of_a_plugin_that_does_not_load_is_explained(tmp_path, shell):
    (tmp_path / "plugins" / "torn.py").write_text("def x(:\n")
    ran = run_traderd("torn-command", directory=tmp_path)
    assert ran.code == exit_codes.USAGE
    assert "No such command 'torn-command'." in ran.err
    assert "torn.py" in ran.err
    assert run_traderd("--help", directory=tmp_path).code == exit_codes.OK

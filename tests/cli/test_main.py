import re
import signal
import sys

import click
import pytest
from click.testing import CliRunner

from tests.architecture.sources import ROOT
from tests.cli.conftest import run_traderd
from tests.process_tools import DaemonProcess, running_daemon
from traderd import __version__
from traderd.cli import exit_codes
from traderd.cli.json_request import CommandFailed
from traderd.cli.main import cli, exit_code_of, main
from traderd.errors import (
    AlreadyRunning,
    BadInput,
    ConfigError,
    ExchangeRefused,
    InvariantViolation,
    StoreError,
)


def commands(group: click.Group, prefix: str = "traderd") -> list[tuple[str, click.Command]]:
    """Return every command with its whole name."""
    found: list[tuple[str, click.Command]] = []
    for name, command in group.commands.items():
        found.append((f"{prefix} {name}", command))
        if isinstance(command, click.Group):
            found += commands(command, f"{prefix} {name}")
    return found


COMMANDS = commands(cli)


def traderd(*arguments: str):
    return CliRunner().invoke(cli, arguments, prog_name="traderd")


# --- help -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_command_has_help_with_an_example_that_is_valid(name, command):
    shown = traderd(*name.split()[1:], "--help")
    assert shown.exit_code == 0
    assert shown.output.startswith(f"Usage: {name} ")
    (example,) = re.findall(r"^  Example: traderd (.*)$", shown.output, re.MULTILINE)
    assert f"traderd {example}".startswith(name)
    # Every word of an example is one that its command knows.
    words = re.findall(r'"[^"]*"|\S+', example)[len(name.split()) - 1 :]
    context = command.make_context(name, [word.strip('"') for word in words] or [])
    assert context.command is command


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_option_says_what_it_is(name, command):
    silent = [
        option.name
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ]
    assert silent == []


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_the_list_of_commands_shows_whole_sentences(name, command):
    short = command.get_short_help_str(limit=60)
    assert not short.endswith("...")
    assert short[0].isupper()


def test_both_names_of_help_are_understood():
    assert traderd("-h").output == traderd("--help").output
    assert "Exit codes: 0 ok" in traderd("-h").output


def test_every_command_that_asks_the_daemon_has_json():
    local = (
        "run",
        "version",
        "exchange",
        "serve",
        "keys",
        "drill",
        "plugins",
        "notify",
        "strategies",
        "config",
        "completion",
    )
    for name, command in COMMANDS:
        if isinstance(command, click.Group):
            continue
        options = [option.name for option in command.params]
        assert ("as_json" in options) is (name.split()[-1] not in local), name


def test_the_commands_of_the_readme_are_ones_that_it_understands():
    lines = re.findall(
        r"^    \.venv/bin/traderd ([^#\n]+)", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    assert len(lines) >= 5
    for line in lines:
        name, *rest = line.split()
        if name == "--help":
            continue
        command = cli.commands[name]
        while isinstance(command, click.Group):
            name, *rest = rest
            command = command.commands[name]
        context = command.make_context(name, rest)
        assert (line, context.args) == (line, [])
    unknown = re.findall(r"`traderd ([a-z-]+)", (ROOT / "README.md").read_text())
    assert [name for name in unknown if name not in cli.commands] == []


def test_the_environment_may_be_called_demo():
    parsed = cli.commands["status"].make_context("status", ["-e", "demo"])
    assert parsed.params["environment"] == "demo"


# --- how it ends ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), exit_codes.CONFIGURATION),
        (AlreadyRunning("x"), exit_codes.CONFIGURATION),
        (StoreError("x"), exit_codes.ERROR),
        (BadInput("x"), exit_codes.ERROR),
        (InvariantViolation("x"), exit_codes.ERROR),
        (CommandFailed("x", 6), exit_codes.REFUSED),
        (KeyError("x"), None),
        (ExceptionGroup("g", [ExceptionGroup("g", [ConfigError("x")])]), exit_codes.CONFIGURATION),
        # A defect beside a foreseen error is still a defect, and needs its traceback.
        (ExceptionGroup("g", [ConfigError("x"), KeyError("x")]), None),
    ],
    ids=repr,
)
def test_each_kind_of_error_has_its_exit_code(error, code):
    assert exit_code_of(error) == code


def ends(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["traderd", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code


def test_wrong_usage_is_two(monkeypatch, capsys):
    assert ends(monkeypatch, "statsu") == exit_codes.USAGE
    assert "No such command 'statsu'" in capsys.readouterr().err
    assert ends(monkeypatch, "status", "--set", "x") == exit_codes.USAGE
    assert "--set needs SECTION.KEY=VALUE, not 'x'" in capsys.readouterr().err
    assert ends(monkeypatch, "run", "--port", "70000") == exit_codes.USAGE
    assert "70000 is not in the range" in capsys.readouterr().err


def test_nobody_running_is_three_and_says_how_to_start(monkeypatch, capsys, tmp_path):
    assert ends(monkeypatch, "status", "--state-dir", str(tmp_path)) == exit_codes.NOT_RUNNING
    assert capsys.readouterr().err == (
        f"traderd: no traderd is running here ({tmp_path}/control.sock does not answer); start one "
        "with `traderd run`, or name its --environment or --state-dir\n"
    )


def test_an_error_with_words_of_others_cannot_move_the_cursor(monkeypatch, capsys):
    def refused(*arguments, **options):
        raise ExchangeRefused(status=400, code="odd", message="a line\n\x1b[2Jgone")

    monkeypatch.setattr(cli, "main", refused)
    assert ends(monkeypatch) == exit_codes.ERROR
    assert "a line\n\\x1b[2Jgone" in capsys.readouterr().err


def test_a_defect_shows_its_traceback(monkeypatch):
    def broken(*arguments, **options):
        raise KeyError("a defect")

    monkeypatch.setattr(cli, "main", broken)
    with pytest.raises(KeyError):
        main()


def test_an_interrupt_ends_like_one(monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "main", interrupted)
    assert ends(monkeypatch) == exit_codes.INTERRUPTED


# --- processes of its own -------------------------------------------------------------------------


@pytest.mark.process
def test_the_version_is_told_in_every_way(tmp_path):
    for arguments in (("version",), ("--version",)):
        ran = run_traderd(*arguments, directory=tmp_path)
        assert (ran.code, ran.out, ran.err) == (0, f"traderd {__version__}\n", "")


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--set", "risk.max_open_order=4"), "did you mean risk.max_open_orders?"),
        (("--set", "web.host=0.0.0.0"), "which others could reach"),
        (("--environment", "production"), "only when trading.live is true"),
        (("--environment", "paper"), "KALSHI_API_KEY_ID"),
        (("--config", "none.toml"), "configuration file none.toml does not exist"),
        (("--set", "strategies.nobody.x=1"), "strategies.nobody is not a strategy"),
    ],
    ids=str,
)
def test_a_wrong_configuration_is_four_and_one_sentence(tmp_path, arguments, words):
    state = ("--state-dir", str(tmp_path / "state"))
    ran = run_traderd("run", *state, *arguments, directory=tmp_path)
    assert ran.code == exit_codes.CONFIGURATION
    (sentence,) = ran.err.splitlines()
    assert sentence.startswith("traderd: ")
    assert words in sentence


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    with running_daemon(
        tmp_path_factory.mktemp("main") / "state", exchange__events_per_s="0"
    ) as daemon:
        daemon.wait_ready()
        yield daemon


@pytest.mark.process
def test_a_second_daemon_on_the_same_state_is_refused_with_lock_and_pid(daemon, tmp_path):
    ran = run_traderd("run", "--state-dir", str(daemon.state_dir), directory=tmp_path)
    assert ran.code == exit_codes.CONFIGURATION
    assert ran.err == (
        f"traderd: another traderd (pid {daemon.process.pid}) holds {daemon.state_dir}/lock: "
        "stop it first, or give this one another state directory\n"
    )
    assert daemon.is_ready()


@pytest.mark.process
def test_the_port_of_another_daemon_is_refused_by_its_number(daemon, tmp_path):
    state, port = str(tmp_path / "state"), str(daemon.port)
    ran = run_traderd("run", "--state-dir", state, "--port", port, directory=tmp_path)
    assert ran.code == exit_codes.CONFIGURATION
    assert ran.err.startswith(f"traderd: 127.0.0.1:{port} is taken, perhaps by another traderd")
    assert "set web.port to a free port" in ran.err
    assert daemon.is_ready()


@pytest.mark.process
def test_a_daemon_is_found_by_its_environment_when_no_directory_is_named(tmp_path):
    ran = run_traderd("status", "-e", "demo", directory=tmp_path, XDG_STATE_HOME=str(tmp_path))
    assert ran.code == exit_codes.NOT_RUNNING
    assert f"{tmp_path}/traderd/paper/control.sock" in ran.err


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_a_signal_ends_it_in_order_with_zero(tmp_path, number):
    with running_daemon(tmp_path / "state") as own:
        own.wait_ready()
        assert own.stop(number) == exit_codes.OK
        assert f"{number.name}: stopping in order" in own.log()
        assert '"event":"stopped"' in own.log().splitlines()[-1]
        kept = (own.state_dir / "traderd.log").read_text().splitlines()
        printed = [line for line in own.log().splitlines() if line.startswith("{")]
        assert kept == printed, "the disk has the lines from the first one to the last"
        assert not (own.state_dir / "control.sock").exists()
        ran = run_traderd("status", "--state-dir", str(own.state_dir), directory=tmp_path)
        assert ran.code == exit_codes.NOT_RUNNING


@pytest.mark.process
def test_a_running_daemon_keeps_its_files_to_itself(daemon):
    assert isinstance(daemon, DaemonProcess)
    modes = {path.name: path.stat().st_mode & 0o077 for path in daemon.state_dir.iterdir()}
    assert [name for name, others in modes.items() if others] == []
    wanted = {"control.sock", "control.token", "journal.sqlite3", "lock", "traderd.log"}
    assert wanted <= modes.keys()
    assert daemon.state_dir.stat().st_mode & 0o077 == 0


def test_an_option_before_the_command_is_told_where_it_belongs():
    ran = traderd("-e", "sim", "orders")
    assert ran.exit_code == exit_codes.USAGE
    assert "No such option '-e' of `traderd` itself" in ran.output
    assert "as in `traderd orders -e sim`" in ran.output
    assert "traderd` itself" not in traderd("orders", "--wath").output

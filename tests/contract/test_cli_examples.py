"""Every example of every `--help` is run as it is printed, against one `sim` daemon and one exchange."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import click
import pytest

from tests.process_tools import (
    ROOT,
    DaemonProcess,
    free_port,
    running_daemon,
    running_exchange,
    wait_for,
)
from traderd.cli import exit_codes
from traderd.cli.json_request import CommandFailed
from traderd.cli.main import cli
from traderd.config_layers import variable_of

TICKER = "KXMLBGAME-26AUG072140LADAZ-LAD"
PATIENCE_S = 180.0
PLACEHOLDER_KEY = "1a2b3c4d-1-7"
FIXED_PORT = "8006"


def examples(group: click.Group = cli, prefix: str = "traderd") -> Iterator[tuple[str, str]]:
    """Yield each command and its example, in the order in which they were added."""
    for name, command in group.commands.items():
        (example,) = re.findall(r"^\s*Example: (traderd .*)$", command.help or "", re.MULTILINE)
        yield f"{prefix} {name}", example
        if isinstance(command, click.Group):
            yield from examples(command, f"{prefix} {name}")


@attrs.define(eq=False)
class World:
    """A directory, a daemon and an exchange, as somebody has who reads the help."""

    directory: Path
    daemon: DaemonProcess
    exchange: dict[str, Any]

    def variables(self) -> dict[str, str]:
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TRADERD_", "KALSHI_", "XDG_"))
        }
        home = {"XDG_CONFIG_HOME": str(self.directory / "config"), "HOME": str(self.directory)}
        # What an operator of this daemon has in the environment, so that the examples need no options for it.
        return (
            clean
            | home
            | {
                variable_of("state_dir"): str(self.daemon.state_dir),
                # Whoever has the usual port on this machine must not matter.
                variable_of("web.port"): "0",
            }
        )

    def start(self, example: str, directory: Path, **variables: str) -> subprocess.Popen[str]:
        program, *arguments = shlex.split(example)
        assert program == "traderd"
        return subprocess.Popen(
            [sys.executable, "-m", "traderd", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=directory,
            env=self.variables() | variables,
        )

    def place(self) -> str:
        """Place an order that rests, and return its key."""
        body = {"ticker": TICKER, "side": "bid", "price_dollars": "0.02", "count": "5"}
        return str(self.daemon.client.command("place", body)["key"])


@attrs.frozen(kw_only=True)
class Case:
    """What is special about one example."""

    code: int = exit_codes.OK
    says: str = ""
    """What stands in its output."""
    why: str = ""
    """Why it cannot end with 0 here."""
    too_slow: str = ""
    """What it says, with exit code 1, where it judges by the clock of a machine that does much else."""
    stdin: str = ""
    prepare: Callable[[World, Path], dict[str, str]] = lambda world, directory: {}
    """Does what must be there before, and returns what stands for placeholders."""
    runs_until: str = ""
    """It does not end by itself: what its output shows once it works."""
    apart: bool = False
    """In a directory with nothing but plugins, with a state directory of its own."""


def real_key(world: World, directory: Path) -> dict[str, str]:
    open_for_orders(world, directory)
    return {PLACEHOLDER_KEY: world.place()}


def free(world: World, directory: Path) -> dict[str, str]:
    return {FIXED_PORT: str(free_port())}


def after(*commands: str) -> Callable[[World, Path], dict[str, str]]:
    """Run these commands before the example."""

    def ask(world: World, directory: Path) -> dict[str, str]:
        for command in commands:
            process = world.start(f"traderd {command}", directory)
            _, err = process.communicate(timeout=PATIENCE_S)
            assert process.returncode == 0, err
        return {}

    return ask


def open_for_orders(world: World, directory: Path) -> dict[str, str]:
    """End what the examples of `halt` and `pause` left behind."""
    client = world.daemon.client
    for halt in client.get("/v3/status")["halts"]:
        client.command("clear-halt", {"halt_id": halt["id"]})
    with suppress(CommandFailed):  # it is not paused
        client.command("resume", {})
    return {}


def without_plugin(world: World, directory: Path) -> dict[str, str]:
    for made in ("plugins/my_maker.py", "tests/test_my_maker.py"):
        (directory / made).unlink(missing_ok=True)
    return {}


def with_plugin(world: World, directory: Path) -> dict[str, str]:
    if not (directory / "plugins" / "my_maker.py").exists():
        after("plugins new my_maker")(world, directory)
    return {}


def write_faults(world: World, directory: Path) -> dict[str, str]:
    (directory / "faults.toml").write_text('[[fault]]\nkind = "slow_reply"\nmax_ms = 1\n')
    return {}


def one_order(price: str) -> str:
    return json.dumps([{"ticker": TICKER, "side": "bid", "price_dollars": price, "count": "1"}])


CASES = {
    "traderd run": Case(prepare=free, runs_until="ready", apart=True),
    "traderd status": Case(runs_until="health"),
    "traderd place": Case(prepare=open_for_orders),
    "traderd place-orders": Case(prepare=open_for_orders, stdin=one_order("0.03"), says="1."),
    "traderd drill": Case(too_slow="it took longer than"),
    "traderd drill kill": Case(too_slow="it took longer than"),
    "traderd amend": Case(prepare=real_key),
    "traderd decrease": Case(prepare=real_key),
    "traderd reset-strategy": Case(
        code=exit_codes.REFUSED, says="is not stopped", why="no strategy was stopped"
    ),
    "traderd resume": Case(prepare=after("pause --strategy spread_maker")),
    "traderd exchange dispute": Case(
        prepare=after("exchange reset", f"exchange settle {TICKER} yes")
    ),
    "traderd exchange close": Case(prepare=after("exchange reset")),
    "traderd exchange reopen": Case(prepare=after("exchange reset", f"exchange close {TICKER}")),
    "traderd exchange keys": Case(apart=True),
    "traderd exchange keys new": Case(apart=True),
    "traderd clear-halt": Case(
        code=exit_codes.REFUSED,
        says="breaker",
        why="nothing is halted by the breaker, and the sentence says so",
    ),
    "traderd plugins": Case(prepare=without_plugin),
    "traderd plugins new": Case(prepare=without_plugin),
    "traderd plugins reload": Case(prepare=with_plugin),
    "traderd plugins disable": Case(prepare=with_plugin),
    "traderd plugins enable": Case(prepare=with_plugin),
    "traderd notify test": Case(
        code=exit_codes.ERROR, says="there is no notifier", why="no notifier is set up"
    ),
    "traderd notify ack": Case(
        code=exit_codes.ERROR, says="there is no alert", why="nothing was alerted"
    ),
    "traderd strategies release": Case(
        code=exit_codes.REFUSED, says="not quarantined", why="no strategy is quarantined"
    ),
    "traderd confirm-limits": Case(
        code=exit_codes.REFUSED,
        says="no limit waits for a confirmation",
        why="no limit was raised since the run before",
    ),
    "traderd reconcile": Case(
        code=exit_codes.REFUSED,
        says="no difference",
        why="account and exchange agree, so nothing can be adopted",
    ),
    "traderd kill": Case(
        code=exit_codes.CONFIGURATION,
        says="NOTHING WAS CANCELLED",
        why="it needs a key of Kalshi's demo and its network",
        apart=True,
    ),
    "traderd exchange": Case(runs_until="curl ", apart=True),
    "traderd exchange serve": Case(prepare=free, runs_until="curl ", apart=True),
    "traderd exchange faults": Case(prepare=write_faults),
    "traderd init": Case(says="next: traderd run", apart=True),
    "traderd arm": Case(says="production is armed", apart=True),
}
"""By the command whose help has the example."""


EXAMPLES = list(examples())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("examples")
    shutil.copytree(ROOT / "plugins", directory / "plugins")
    with (
        running_daemon(
            directory / "state",
            directory=directory,
            exchange__events_per_s="0",
            risk__max_open_orders="40",
        ) as daemon,
        running_exchange(
            directory / "exchange", "--keys-dir", str(directory / "exchange-keys")
        ) as exchange,
    ):
        daemon.wait_ready()
        yield World(directory, daemon, exchange)


@pytest.mark.process
@pytest.mark.parametrize(("command", "example"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_the_example_works_as_printed(world, tmp_path, command, example):
    case = CASES.get(command, Case())
    directory = tmp_path if case.apart else world.directory
    if case.apart:
        shutil.copytree(ROOT / "plugins", tmp_path / "plugins")
    for placeholder, real in case.prepare(world, directory).items():
        assert placeholder in example
        example = example.replace(placeholder, real)
    variables = {variable_of("state_dir"): str(tmp_path / "state")} if case.apart else {}
    process = world.start(example, directory, **variables)
    try:
        if case.runs_until:
            shown = watch_until(process, case.runs_until)
            assert case.runs_until in shown
            return
        out, err = process.communicate(case.stdin, timeout=PATIENCE_S)
    finally:
        process.kill()
        process.communicate()
    is_late = case.too_slow != "" and case.too_slow in out
    code = exit_codes.ERROR if is_late else case.code
    assert process.returncode == code, f"{case.why}\n{out}{err}"
    assert case.says in out + err
    assert "Traceback" not in err
    if "--json" in example:
        json.loads(out)


def watch_until(process: subprocess.Popen[str], words: str) -> str:
    """Read until the words come, then end it as Ctrl-C does."""
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    os.set_blocking(descriptor, False)
    seen = ""

    def look() -> bool:
        nonlocal seen
        try:
            seen += os.read(descriptor, 65_536).decode()
        except BlockingIOError:
            pass
        return words in seen or process.poll() is not None

    wait_for(look, within_s=PATIENCE_S, what=f"{words!r} in the output")
    os.set_blocking(descriptor, True)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode in {exit_codes.OK, exit_codes.INTERRUPTED}, seen
    return seen


def test_every_case_belongs_to_an_example_and_every_refusal_says_why():
    commands = [name for name, _ in EXAMPLES]
    for name, case in CASES.items():
        assert name in commands
        assert (case.code == exit_codes.OK) is (case.why == ""), name

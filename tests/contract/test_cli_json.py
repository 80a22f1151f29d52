"""The shapes of `--json`: what docs/cli.md promises is what a real daemon answers, field by field."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator

import attrs
import pytest

from tests.cli.conftest import run_traderd
from tests.contract.json_shapes import PAGE, documented, fields, missing
from tests.process_tools import DaemonProcess, running_daemon, wait_for
from traderd.cli.main import cli
from traderd.config_layers import variable_of

TICKER = "KXMLBGAME-26AUG072140LADAZ-LAD"
TOP_ONLY = ("status",)
"""Large documents of the console, of which the page lists the first level."""
DEPTH = 4
COMMANDS = {
    "status": "status",
    "status --history": "status --history",
    "balance": "balance",
    "orders": "orders",
    "positions": "positions",
    "positions --strategies": "positions --strategies",
    "fills": "fills",
    "markets": "markets",
    "book": f"book {TICKER}",
    "logs": "logs --lines 1 --grep ready",
    "place": f"place {TICKER} bid 1 0.02",
    "cancel": "cancel --all",
    "pause": "pause --reason test",
    "resume": "resume",
    "calibrate": "calibrate",
    "config show": "config show web",
    "config check": "config check",
    "doctor": "doctor --offline",
    "init": "init --overwrite",
    "arm": "arm --environment production --confirm production",
    "arm --off": "arm --environment production --off",
    "kill": "kill --reason test",
}
"""What the page calls a command, and how it is called here."""


@attrs.frozen
class Traded:
    """A daemon with an order, a fill and a position."""

    daemon: DaemonProcess

    def answer(self, command: str, directory) -> dict[str, set[str]]:
        state = str(self.daemon.state_dir)
        if command.startswith("arm"):
            state = str(directory / "production")
        ran = run_traderd(
            *shlex.split(COMMANDS[command]),
            "--json",
            directory=directory,
            **{variable_of("state_dir"): state, variable_of("web.port"): "0"},
        )
        assert ran.code == 0, ran.out + ran.err
        depth = 1 if command in TOP_ONLY else DEPTH
        return fields(json.loads(ran.out), depth=depth)


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traded]:
    directory = tmp_path_factory.mktemp("json")
    with running_daemon(directory / "state", status__interval_s="1") as daemon:
        daemon.wait_ready()
        body = {"ticker": TICKER, "side": "bid", "price_dollars": "0.70", "count": "1"}
        daemon.client.command("place", body)
        wait_for(
            lambda: daemon.client.get("/v3/positions")["positions"],
            within_s=20.0,
            what="a position",
        )
        yield Traded(daemon)


@pytest.mark.process
@pytest.mark.parametrize("command", COMMANDS)
def test_every_field_is_documented_and_every_documented_field_is_there(traded, tmp_path, command):
    promised, answered = documented()[command], traded.answer(command, tmp_path)
    assert sorted(set(answered) - set(promised)) == [], "fields that docs/cli.md does not list"
    assert missing(promised, answered) == [], "fields that docs/cli.md lists in vain"
    wrong = {
        path: (kinds, promised[path])
        for path, kinds in answered.items()
        if not kinds <= promised[path]
    }
    assert wrong == {}


def test_the_page_names_every_command():
    page = PAGE.read_text(encoding="utf-8")
    named = {
        word
        for row in re.findall(r"^\| `traderd .* \|$", page, re.MULTILINE)
        for word in re.findall(r"`(?:traderd )?([a-z-]+)", row)
    }
    assert sorted(set(cli.commands) - named) == []


def test_the_page_lists_no_command_that_is_not_compared():
    assert list(documented()) == list(COMMANDS)

"""Commands come when they are asked for: each is where the table says, and the daemon's process has none but its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from traderd.cli.lazy_commands import WHERE, LazyCommands
from traderd.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]

LOADED = """
import sys
import traderd.cli.main
print(sorted(name.rpartition(".")[2] for name in sys.modules if name.startswith("traderd.cli.")))
halves = ("traderd.paper", "traderd.core", "traderd.services", "traderd.kalshi")
print([name for name in sys.modules if name.startswith(halves)])
"""


@pytest.mark.parametrize("name", WHERE)
def test_each_command_is_where_the_table_says_and_has_its_name(name):
    assert LazyCommands()[name].name == name


def test_the_table_is_in_the_order_of_the_alphabet():
    assert list(WHERE) == sorted(WHERE)


def test_who_only_starts_has_imported_no_command_and_nothing_of_the_daemon_or_the_exchange():
    told = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert not {*WHERE.values()} & set(told[0].strip("[]").replace("'", "").split(", "))
    assert told[1] == "[]"


def test_a_name_that_is_looked_for_is_not_imported():
    lazy = LazyCommands({"nothing": "there_is_no_such_module"})
    assert "nothing" in lazy
    assert list(lazy) == ["nothing"]
    assert len(lazy) == 1
    with pytest.raises(ModuleNotFoundError):
        lazy["nothing"]


def test_a_command_that_is_added_stands_beside_them_and_can_be_taken_away():
    lazy = LazyCommands({"kill": "kill"})
    added = lazy["mine"] = click.Command("mine")
    assert lazy["mine"] is added
    assert sorted(lazy) == ["kill", "mine"]
    del lazy["mine"]
    assert "mine" not in lazy
    with pytest.raises(KeyError):
        lazy["mine"]


def test_the_group_lists_all_of_them():
    assert {*WHERE, "run", "version"} <= set(cli.list_commands(click.Context(cli)))

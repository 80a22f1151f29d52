"""The group of the exchange's commands."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from traderd.cli.exchange import exchange


def leaves(group, path=()) -> list[tuple[str, ...]]:
    found = []
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            found += leaves(command, (*path, name))
        else:
            found.append((*path, name))
    return found


@pytest.mark.parametrize("path", leaves(exchange), ids=" ".join)
def test_every_command_finds_the_exchange_by_its_keys_and_speaks_json(path):
    ran = CliRunner().invoke(exchange, [*path, "--help"])
    assert "--keys-dir" in ran.output
    assert ("--json" in ran.output) is (path != ("serve",))


def test_every_command_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "test-your-own-bot.md").read_text()
    assert [
        path for path in leaves(exchange) if f"traderd exchange {' '.join(path)}" not in page
    ] == []


def test_the_group_names_its_exit_codes():
    ran = CliRunner().invoke(exchange, ["--help"])
    text = " ".join(ran.output.split())
    assert "3 no exchange is served with these keys" in text
    assert "6 refused by the exchange" in text

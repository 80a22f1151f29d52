"""The pages under docs/ have every command and every event, and whoever begins at the README finds each of them.

Settings, hooks, metrics, error codes and the fields of documents have tests of their own beside what they are of.
"""

import inspect
import re
import typing
from collections.abc import Iterator

import click
import pytest

from tests.architecture.sources import ROOT
from traderd.cli.main import cli
from traderd.model import events as ev

DOCS = ROOT / "docs"
ROW = re.compile(r"^\| `(?P<name>\w+)` \| (?P<journal>yes|) ?\| (?P<sentence>.+) \|$", re.MULTILINE)


def commands(group: click.Group = cli, prefix: str = "traderd") -> Iterator[str]:
    for name, command in group.commands.items():
        yield f"{prefix} {name}"
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")


def events_of(kind: object) -> Iterator[type]:
    parts = typing.get_args(kind)
    if not parts:
        assert isinstance(kind, type)
        yield kind
    for part in parts:
        yield from events_of(part)


EVENTS = list(dict.fromkeys(events_of(ev.Event)))


@pytest.mark.parametrize("command", sorted({name.split()[1] for name in commands()}))
def test_every_command_has_its_line_on_the_page_of_the_command_line(command):
    table = (DOCS / "cli.md").read_text().partition("## ")[0]
    names = re.findall(r"`(?:traderd )?([a-z-]+)(?: [^`]*)?`", table)
    assert command in names


@pytest.mark.parametrize("command", [name for name in commands() if name.count(" ") > 1])
def test_every_command_of_a_group_is_shown_on_some_page(command):
    pages = [page.read_text() for page in (*DOCS.glob("*.md"), ROOT / "README.md")]
    assert any(command in page for page in pages), f"no page shows {command}"


def rows() -> dict[str, re.Match[str]]:
    return {row["name"]: row for row in ROW.finditer((DOCS / "events.md").read_text())}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_every_event_is_listed_with_its_own_sentence(event):
    (sentence, *_) = (inspect.getdoc(event) or "").splitlines()
    row = rows()[event.__name__]
    assert row["sentence"] == re.sub(r"\s+", " ", sentence)
    assert bool(row["journal"]) == (event in ev.JOURNALED)


def test_no_event_is_listed_in_vain():
    assert set(rows()) - {event.__name__ for event in EVENTS} == set()


@pytest.mark.parametrize("page", sorted(page.name for page in DOCS.glob("*.md")))
def test_every_page_can_be_found_from_the_readme(page):
    sources = [ROOT / "README.md", *(other for other in DOCS.glob("*.md") if other.name != page)]
    assert any(f"{page})" in source.read_text() for source in sources)

"""The clients' environments themselves: built once, and a machine without packages skips instead of failing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.contract.environments import SCRIPTS, client_environment

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.+!]*")

pytestmark = pytest.mark.process


def test_an_environment_is_built_once_and_again_when_its_list_changes(tmp_path: Path):
    wanted = tmp_path / "nothing.txt"
    wanted.write_text("")

    def build() -> Path:
        return client_environment("nothing", lists=tmp_path, environments=tmp_path).python

    mark = build().parent / "mark"
    mark.touch()
    assert build().parent == mark.parent
    assert mark.exists()
    wanted.write_text("# changed\n")
    build()
    assert not mark.exists()


def test_what_cannot_be_installed_skips_with_the_last_words_of_pip(tmp_path: Path):
    (tmp_path / "gone.txt").write_text(f"gone @ file://{tmp_path}/gone.whl\n")
    with pytest.raises(pytest.skip.Exception, match=r"^gone could not be installed: \S"):
        client_environment("gone", lists=tmp_path, environments=tmp_path)


def test_the_lists_are_plain_so_that_builds_repeat():
    lists = sorted(SCRIPTS.glob("*.txt"))
    assert len(lists) == 4
    faults = [
        f"{path.name}: {line}"
        for path in lists
        for line in path.read_text().splitlines()
        if PLAIN.fullmatch(line) is None
    ]
    assert faults == []

"""The repository stands alone: no machine's paths, no unfinished marks, plain constraints."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

# Put together from pieces, so that this file does not find itself.
MACHINE_PATH = re.compile(
    r"(?<![\w.$}-])/(?:" + "|".join(["wo" + "rk", "ro" + "ot"]) + r")(?:/|\b(?![\w-]))"
)
HOME_PATH = re.compile(r"(?<![\w.$}-])/(?:" + "|".join(["ho" + "me", "Us" + "ers"]) + r")/\w")
UNFINISHED = re.compile(r"\b(?:" + "|".join(["TO" + "DO", "FIX" + "ME"]) + r")\b")
ELSEWHERE = re.compile(r"(?<![\w/-])" + "sha" + r"red/")
CONSTRAINT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.+!]*")
FROM_ELSEWHERE = re.compile(
    r"--(?:extra-)?index-url|--find-links|--trusted-host|https?://[^\s\"']*(?:pypi|simple)"
)
VENDORED = "/vendor/"
"""Other people's files may say what they like about their own plans."""


def kept_files() -> list[str]:
    """Return the files that are in the repository, or would be at the next commit."""
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "-c", "-o", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=60,
    )
    names = sorted(filter(None, listed.stdout.decode().split("\0")))
    return [name for name in names if (ROOT / name).is_file()]


def text_of(path: Path) -> str | None:
    """Return the file's text, None if it is not a text file."""
    data = path.read_bytes()
    return None if b"\0" in data else data.decode("utf-8", "replace")


def text_faults(text: str, name: str) -> list[str]:
    """Return what a file says that only makes sense on one machine or is not finished."""
    patterns = [MACHINE_PATH, HOME_PATH, ELSEWHERE]
    if VENDORED not in f"/{name}":
        patterns.append(UNFINISHED)
    return [
        f"{name}:{number}: {found[0]!r}"
        for number, line in enumerate(text.splitlines(), start=1)
        for pattern in patterns
        if (found := pattern.search(line)) is not None
    ]


def constraint_faults(text: str) -> list[str]:
    """Return the lines that are not a plain `name==version`, and names that appear twice."""
    lines = text.splitlines()
    faults = [line for line in lines if CONSTRAINT.fullmatch(line) is None]
    names = [normal_name(line.partition("==")[0]) for line in lines]
    return faults + sorted({name for name in names if names.count(name) > 1})


def normal_name(requirement: str) -> str:
    """Return the name that pip compares by."""
    name = re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def test_no_file_speaks_of_one_machine_or_is_unfinished():
    faults = []
    for name in kept_files():
        text = text_of(ROOT / name)
        faults += text_faults(text, name) if text is not None else []
    assert faults == []


def test_the_list_of_files_is_real():
    assert {"pyproject.toml", "Makefile", "tests/architecture/test_repository.py"} <= set(
        kept_files()
    )


def test_constraints_are_plain_lines():
    assert constraint_faults((ROOT / "constraints.txt").read_text()) == []


def test_every_dependency_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["dev"],
        *project["build-system"]["requires"],
    ]
    pinned = [normal_name(line) for line in (ROOT / "constraints.txt").read_text().splitlines()]
    assert sorted(one for one in map(normal_name, wanted) if one not in pinned) == []


@pytest.mark.parametrize("name", ["constraints.txt", "pyproject.toml", "Makefile", ".ci/run"])
def test_where_packages_come_from_is_the_machines_business(name):
    assert FROM_ELSEWHERE.findall((ROOT / name).read_text()) == []


@pytest.mark.parametrize(
    "text",
    [
        "see /" + "work/main",
        "cd /" + "root",
        "'/" + "home/alice/x'",
        "path=/" + "Users/a",
        "# TO" + "DO: later",
        "read sha" + "red/notes.md",
    ],
)
def test_what_should_not_be_there_is_noticed(text):
    assert len(text_faults(f"fine\n{text}\n", "a.py")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "GET /workers",
        "https://host/" + "work/x",
        "ProtectHome=yes",
        "$HOME/root-ca",
        "todo",
        "/etc/traderd",
    ],
)
def test_what_may_be_there_is_left_alone(text):
    assert text_faults(text, "a.py") == []


def test_vendored_files_may_have_plans_but_no_machine_paths():
    assert text_faults("TO" + "DO", "traderd/web/console/vendor/plot.js") == []
    assert text_faults("/" + "work/", "traderd/web/console/vendor/plot.js") != []


@pytest.mark.parametrize(
    "line",
    [
        "trio",
        "trio>=1",
        "-e .",
        "# note",
        "",
        "trio==1.0 ; x",
        "a @ file:///x",
        "trio==1.0\ntrio==1.1",
    ],
)
def test_a_constraint_that_is_not_plain_is_noticed(line):
    assert constraint_faults(f"attrs==26.1.0\n{line}\n") != []


def test_a_registry_is_noticed():
    assert FROM_ELSEWHERE.search("pip install --index-url x")
    assert FROM_ELSEWHERE.search("https://mirror.example/simple/")
    assert not FROM_ELSEWHERE.search("https://keepachangelog.com/en/1.1.0/")

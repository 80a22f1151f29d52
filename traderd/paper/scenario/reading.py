"""Scenario files as text: TOML in, a checked scenario out.

Owns: decoding, and the packaged scenarios.
Must not: touch the disk but for the packaged files; whoever has a path reads it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any, Final

import msgspec

from traderd.errors import BadInput, ConfigError
from traderd.paper.file_words import located
from traderd.paper.scenario.checks import check_scenario
from traderd.paper.scenario.file import Scenario

DEFAULT: Final = "default"


def parse_scenario(data: bytes, *, source: str = "the scenario") -> Scenario:
    """Return a scenario file's content, checked as a whole.

    Args:
        data: TOML.
        source: the file's name, for messages.

    Raises:
        ConfigError: not the form, or something in it cannot be; the message names the file, the table and the cure.
    """
    try:
        tree = tomllib.loads(data.decode(), parse_float=str)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ConfigError(f"{source} is not TOML: {exc}") from exc
    return scenario_from(tree, source=source)


def scenario_from(tree: Mapping[str, Any], *, source: str = "the scenario") -> Scenario:
    """Return a scenario from the tables of its file; raises ConfigError as `parse_scenario` does."""
    try:
        scenario = msgspec.convert(tree, Scenario)
    except msgspec.ValidationError as exc:
        raise ConfigError(f"{source}: {located(exc, tree, Scenario)}") from exc
    try:
        check_scenario(scenario)
    except BadInput as exc:
        raise ConfigError(f"{source}: {exc}") from exc
    return scenario


def packaged_names() -> tuple[str, ...]:
    """Return the names of the scenarios that come with the program."""
    folder = resources.files("traderd.paper").joinpath("scenarios")
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def packaged_scenario(name: str) -> Scenario:
    """Return a scenario that comes with the program; raises ConfigError for one that does not."""
    known = packaged_names()
    if name not in known:
        raise ConfigError(f"there is no scenario {name!r}; there are {', '.join(known)}")
    packaged = resources.files("traderd.paper").joinpath("scenarios", f"{name}.toml")
    return parse_scenario(packaged.read_bytes(), source=f"scenarios/{name}.toml")


def default_scenario() -> Scenario:
    """Return the packaged scenario: twelve production markets with their recorded opening books."""
    return packaged_scenario(DEFAULT)

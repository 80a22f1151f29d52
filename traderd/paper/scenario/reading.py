"""Scenario files as text: TOML in, a checked scenario out, and what is wrong in words that find the place.

Owns: decoding, and the packaged scenarios.
Must not: touch the disk but for the packaged files; whoever has a path reads it.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any, Final

import msgspec
from msgspec import inspect

from traderd.errors import BadInput, ConfigError
from traderd.paper.scenario.checks import check_scenario
from traderd.paper.scenario.file import Scenario

DEFAULT: Final = "default"
_PLACE: Final = re.compile(r"(?P<fault>.*) - at `\$(?P<path>.*)`", re.DOTALL)
_INDEXED: Final = re.compile(r"\.(?P<table>\w+)\[(?P<index>\d+)\](?P<rest>.*)")
_STEP: Final = re.compile(r"\.\w+|\[[^]]*\]")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(?P<key>.*)`")
_MISSING: Final = re.compile(r"Object missing required field `(?P<key>.*)`")


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
        raise ConfigError(f"{source}: {_located(str(exc), tree)}") from exc
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


def _located(text: str, tree: Mapping[str, Any]) -> str:
    # From "... - at `$.markets[2].ticker`" to "[[markets]] KX-1-A, ticker: ...".
    found = _PLACE.fullmatch(text)
    fault, path = (found["fault"], found["path"]) if found else (text, "")
    cured = _with_cure(fault, _type_at(path))
    inside = _INDEXED.fullmatch(path)
    if inside is None:
        return f"[{path.removeprefix('.')}]: {cured}" if path else f"top level: {cured}"
    named = _called(tree, inside["table"], int(inside["index"]))
    key = inside["rest"].removeprefix(".")
    return f"[[{inside['table']}]] {named}{', ' + key if key else ''}: {cured}"


def _called(tree: Mapping[str, Any], table: str, index: int) -> str:
    entry = tree[table][index]
    named = entry.get("ticker") or entry.get("name") if isinstance(entry, Mapping) else None
    return str(named) if named else f"number {index + 1}"


def _with_cure(fault: str, kind: inspect.Type | None) -> str:
    if (missing := _MISSING.fullmatch(fault)) is not None:
        return f"the key {missing['key']!r} is missing; add it"
    if fault.startswith("Invalid enum value"):
        return f"{fault}; write one of {', '.join(map(repr, _values_of(kind)))}"
    unknown = _UNKNOWN.fullmatch(fault)
    if unknown is None or not isinstance(kind, inspect.StructType):
        return fault
    known = [field.name for field in kind.fields]
    near = difflib.get_close_matches(unknown["key"], known, n=1)
    cure = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
    return f"the key {unknown['key']!r} does not exist; {cure}"


def _values_of(kind: inspect.Type | None) -> list[object]:
    if isinstance(kind, inspect.EnumType):
        return [each.value for each in kind.cls]
    return list(kind.values) if isinstance(kind, inspect.LiteralType) else []


def _type_at(path: str) -> inspect.Type | None:
    # Which type the form has at a path like `.markets[2].price_ranges[0]`.
    kind: inspect.Type | None = inspect.type_info(Scenario)
    for step in _STEP.findall(path):
        if isinstance(kind, inspect.StructType):
            fields = (field.type for field in kind.fields if f".{field.name}" == step)
            kind = next(fields, None)
        elif isinstance(kind, inspect.VarTupleType):
            kind = kind.item_type
        else:
            return None
        if isinstance(kind, inspect.UnionType):
            kind = next((one for one in kind.types if not isinstance(one, inspect.NoneType)), None)
    return kind

"""What is wrong in a TOML file, in words that find the place: for scenarios and fault plans.

Owns: turning a decoder's complaint into the table, the key and the cure.
Must not: know what a file is about, or read one.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import inspect

_PLACE: Final = re.compile(r"(?P<fault>.*) - at `\$(?P<path>.*)`", re.DOTALL)
_INDEXED: Final = re.compile(r"\.(?P<table>\w+)\[(?P<index>\d+)\](?P<rest>.*)")
_STEP: Final = re.compile(r"\.\w+|\[[^]]*\]")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(?P<key>.*)`")
_MISSING: Final = re.compile(r"Object missing required field `(?P<key>.*)`")
_ONE_TABLE: Final = "Expected `array`, got `object`"


def located(
    error: msgspec.ValidationError, tree: Mapping[str, Any], form: type[msgspec.Struct]
) -> str:
    """Return a complaint about a file's tables with its place and, where there is one, its cure.

    Args:
        error: what msgspec said about `tree` as a `form`.
        tree: the tables of the file.
        form: what they should have been.
    """
    # From "... - at `$.markets[2].ticker`" to "[[markets]] KX-1-A, ticker: ...".
    text = str(error)
    found = _PLACE.fullmatch(text)
    fault, path = (found["fault"], found["path"]) if found else (text, "")
    cured = _with_cure(fault, path, _type_at(path, form))
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


def _with_cure(fault: str, path: str, kind: inspect.Type | None) -> str:
    if (missing := _MISSING.fullmatch(fault)) is not None:
        return f"the key {missing['key']!r} is missing; add it"
    if fault.startswith("Invalid enum value"):
        return f"{fault}; write one of {', '.join(map(repr, _values_of(kind)))}"
    if fault == _ONE_TABLE and path.count(".") == 1:
        return f"there may be many of them; write [[{path.removeprefix('.')}]]"
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


def _type_at(path: str, form: type[msgspec.Struct]) -> inspect.Type | None:
    # Which type the form has at a path like `.markets[2].price_ranges[0]`.
    kind: inspect.Type | None = inspect.type_info(form)
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

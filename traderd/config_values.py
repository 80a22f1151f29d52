"""From a table of given texts to typed values, with a sentence for each that cannot be.

Owns: the words of every complaint about a single setting: its dotted name, where it was given, what would be right.
Must not: know any setting by name; the tree's type is given to it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Final, get_args

import msgspec

from traderd.config_layers import Given, Layer, setting_of, variable_of
from traderd.config_secrets import is_secret
from traderd.errors import ConfigError

SIMILAR: Final = 0.8
"""How alike (0 to 1) two names must be for one to be suggested: two wrong letters in ten."""


def settings_of(root: type[msgspec.Struct], *, free: str) -> dict[str, Any]:
    """Return every setting's dotted name and type, in the order of the tree; `free` has names of its own."""
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(root):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            for inner, kind in settings_of(field.type, free="").items():
                found[f"{field.name}.{inner}"] = kind
        elif field.name != free:
            found[field.name] = field.type
    return found


def build_tree(layer: Layer, known: Mapping[str, Any], *, free: str) -> dict[str, Any]:
    """Return the layer as a nested tree of typed values.

    Args:
        layer: what was given.
        known: every setting and its type, as `settings_of` returns them.
        free: the section whose names and values are not known here: `free.<name>.<key>` is taken as it is.

    Raises:
        ConfigError: a setting does not exist, or its value cannot be.
    """
    tree: dict[str, Any] = {}
    for name, given in layer.items():
        *sections, key = name.split(".")
        if sections[:1] == [free] and len(sections) == 2:
            value = given.value
        elif sections == [free] and given.value == {}:
            value = {}
        elif given.value == {} and any(each.startswith(f"{name}.") for each in known):
            continue  # a section whose settings all stand as they are
        elif name in known:
            value = _value(name, known[name], given)
        else:
            raise ConfigError(_unknown(name, given, known, free))
        node = tree
        for section in sections:
            node = node.setdefault(section, {})
        node[key] = value
    return tree


def _value(name: str, kind: Any, given: Given) -> Any:
    value = given.value
    if kind is str and isinstance(value, int) and not isinstance(value, bool):
        # `max_order_contracts = 100` is what a person writes; the number is exact either way.
        value = str(value)
    elif kind == tuple[str, ...] and isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as exc:
        choices = get_args(kind)
        wanted = f"one of {', '.join(choices)}" if _all_texts(choices) else _wanted(str(exc))
        secret = is_secret(name, value)
        is_not = (
            "and what was given is not shown, because it is a secret"
            if secret
            else f"not {value!r}"
        )
        raise ConfigError(f"{name} ({given.where}) must be {wanted}, {is_not}") from exc


def _all_texts(choices: tuple[Any, ...]) -> bool:
    return bool(choices) and all(isinstance(choice, str) for choice in choices)


def _wanted(text: str) -> str:
    """Turn the validator's words into ours: "Expected `int` >= 1" becomes "a whole number >= 1"."""
    wanted = text.removeprefix("Expected ").partition(", got ")[0].partition(" - at ")[0]
    words = {
        "`int`": "a whole number",
        "`float`": "a number",
        "`bool | null`": "true or false",
        "`bool`": "true or false",
        "`str`": "a text",
        "`array`": "a list of texts",
    }
    for theirs, ours in words.items():
        wanted = wanted.replace(theirs, ours)
    return wanted


def _unknown(name: str, given: Given, known: Mapping[str, Any], free: str) -> str:
    section, _, key = name.rpartition(".")
    if any(each.startswith(f"{name}.") for each in (*known, f"{free}.")):
        return f"{name} ({given.where}) is a section with settings of its own, not a value"
    if name.startswith(f"{free}."):
        return f"{name} ({given.where}) cannot be; write {free}.<name>.<parameter>"
    hint = _suggestion(section, key, known)
    if hint and setting_of(given.where.rpartition(" ")[2]) is not None:
        hint = f"{hint} ({variable_of(hint)})"
    if not hint:
        inside = [each for each in known if each.rpartition(".")[0] == section]
        shown = inside or [*dict.fromkeys(each.partition(".")[0] for each in known), free]
        return f"{name} ({given.where}) does not exist; known are {', '.join(shown)}"
    return f"{name} ({given.where}) does not exist; did you mean {hint}?"


def _suggestion(section: str, key: str, known: Mapping[str, Any]) -> str:
    """Return the known name that was probably meant: by its whole name, or the same key elsewhere."""
    key = key.lower()
    whole = f"{section}.{key}".lower() if section else key
    # Dots and underscores look alike to who types them, above all in names of variables.
    flat = {name.replace(".", "_"): name for name in known}
    near = difflib.get_close_matches(whole.replace(".", "_"), flat, n=1, cutoff=SIMILAR)
    if near:
        return flat[near[0]]
    by_key = {name.rpartition(".")[2]: name for name in known}
    near = difflib.get_close_matches(key, by_key, n=1, cutoff=SIMILAR)
    return by_key[near[0]] if near else ""

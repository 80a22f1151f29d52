"""Bodies of requests as a server reads them, with Kalshi's words for what is wrong with one.

Owns: the flat refusal of JSON that does not fit, in the sentences of the decoder behind Kalshi's API, and the nested
refusals of a body whose values make no sense.
Must not: know a particular body.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final, TypeVar

import msgspec

from traderd.kalshi.wire.errors import ErrorShape, Refusal, RequestRefused

T = TypeVar("T")
E = TypeVar("E", bound=Enum)

_WRONG_TYPE: Final = re.compile(r"Expected `([^`]*)`, got `([^`]*)`(?: - at `\$\.?([^`]*)`)?")
_MISSING: Final = re.compile(r"missing required field `(\w+)`")
_JSON_WORDS: Final = {"int": "number", "float": "number", "str": "string"}
_GO_WORDS: Final = {"int": "int64", "str": "string", "array": "slice", "object": "struct"}


def decode_request(body: bytes, kind: type[T], name: str) -> T:
    """Return a body whose fields have their right types; fields that `kind` does not know are ignored.

    Args:
        body: what was sent.
        kind: the struct; its fields without a default are required.
        name: what the exchange calls it in its errors.

    Raises:
        RequestRefused: flat 400 `bad_request` for what is no JSON or of a wrong JSON type (Kalshi: capture),
            nested 400 `missing_parameters` for a required field that is absent or null.
    """
    if not body.strip():
        raise bad_request("EOF")
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise _refusal_of(str(exc), name) from exc


def _refusal_of(text: str, name: str) -> RequestRefused:
    missing = _MISSING.search(text)
    if missing:
        return missing_parameter(missing[1])
    wrong = _WRONG_TYPE.search(text)
    if wrong is None:
        return bad_request(f"json: {text}")
    expected, got = wrong[1].partition(" | ")[0], wrong[2]
    field = (wrong[3] or "").partition("[")[0]
    if got == "null" and field:
        return missing_parameter(field)
    kind = _GO_WORDS.get(expected, expected)
    where = (
        f"Go struct field {name}.{field} of type {kind}" if field else f"Go value of type {name}"
    )
    return bad_request(f"json: cannot unmarshal {_JSON_WORDS.get(got, got)} into {where}")


def bad_request(details: str) -> RequestRefused:
    """Return the flat refusal of a body that could not be decoded."""
    return RequestRefused(
        Refusal(
            status=400,
            code="bad_request",
            message="bad request",
            details=details,
            shape=ErrorShape.FLAT,
        )
    )


def missing_parameter(field: str) -> RequestRefused:
    """Return the refusal of a body without a field that it needs."""
    return refused("missing_parameters", field)


def invalid_parameters(details: str) -> RequestRefused:
    """Return the refusal of a body whose values make no sense."""
    return refused("invalid_parameters", details)


def refused(code: str, details: str = "") -> RequestRefused:
    """Return a nested 400 whose message is its code in words."""
    message = code.replace("_", " ")
    return RequestRefused(Refusal(status=400, code=code, message=message, details=details))


def word_of(words: type[E], text: str, field: str) -> E:
    """Return the member of an enum that a text names; raises RequestRefused 400 `invalid_parameters`."""
    try:
        return words(text)
    except ValueError as exc:
        allowed = ", ".join(str(word.value) for word in words)
        raise invalid_parameters(f"{field} must be one of {allowed}") from exc

"""Error bodies: reading the four shapes that Kalshi uses, and writing them.

Owns: the shapes and the refusal that a server's parser raises.
Must not: decide what a code means for an order.
"""

from __future__ import annotations

import enum
import re
from typing import Any, Final, NamedTuple

import attrs
import msgspec

from traderd.errors import BadInput

TEXT_CHARACTERS_MAX: Final = 300
"""Bounds what is kept of a foreign error text: an HTML error page must not fill the log."""
CODE_CHARACTERS_MAX: Final = 64
"""Bounds a code made from a sentence."""


class ErrorWords(NamedTuple):
    """What an error body says; each part is empty when the body does not give it."""

    code: str
    message: str
    details: str


class ErrorShape(enum.Enum):
    """The four error bodies.  Source: Kalshi captures."""

    NESTED = "nested"
    """Authentication and everything that the exchange core refuses."""
    FLAT = "flat"
    """A body that could not be decoded."""
    MSG = "msg"
    """A query parameter out of range."""
    STRING = "string"
    """Too many requests."""


@attrs.frozen(kw_only=True)
class Refusal:
    """An answer that says no, ready for the wire."""

    status: int
    code: str
    message: str
    details: str = ""
    shape: ErrorShape = ErrorShape.NESTED

    def body(self) -> bytes:
        """Return the JSON body in this refusal's shape."""
        return _ENCODERS[self.shape](self.code, self.message, self.details)


class RequestRefused(BadInput):
    """A request that a server must refuse; `refusal` is the answer."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.details or refusal.message)
        self.refusal = refusal


def encode_nested(code: str, message: str, details: str = "") -> bytes:
    """Return `{"error":{"code":…,"message":…,"details":…}}`."""
    return msgspec.json.encode({"error": _words(code, message, details)})


def encode_flat(code: str, message: str, details: str = "") -> bytes:
    """Return `{"code":…,"message":…,"details":…}`."""
    return msgspec.json.encode(_words(code, message, details))


def encode_msg(code: str, message: str, details: str = "") -> bytes:
    """Return `{"msg":…}`: the shape has room for one text, the details if there are any."""
    return msgspec.json.encode({"msg": details or message or code})


def encode_string(code: str, message: str, details: str = "") -> bytes:
    """Return `{"error":"…"}`: the shape has room for one text, the message."""
    return msgspec.json.encode({"error": message or details or code})


_ENCODERS: Final = {
    ErrorShape.NESTED: encode_nested,
    ErrorShape.FLAT: encode_flat,
    ErrorShape.MSG: encode_msg,
    ErrorShape.STRING: encode_string,
}


def decode_error(status: int, body: bytes) -> ErrorWords:
    """Return code, message and details of an error body of any of the four shapes.

    A body that is none of them (a proxy's HTML page, nothing at all) gives an empty code and a message that
    names the status and begins with the text itself.
    """
    try:
        parsed = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        text = body.decode("utf-8", "replace").strip()
        return ErrorWords("", _cut(f"HTTP {status}: {text}" if text else f"HTTP {status}"), "")
    inner = parsed.get("error")
    source: dict[str, Any] = inner if isinstance(inner, dict) else parsed
    code, message = _text(source.get("code")), _text(source.get("message"))
    for key in ("error", "msg"):
        sentence = _text(parsed.get(key))
        if sentence:
            code, message = code or _slug(sentence), message or sentence
    return ErrorWords(code, message, _text(source.get("details")))


def _words(code: str, message: str, details: str) -> dict[str, str]:
    words = {"code": code, "message": message}
    return words | {"details": details} if details else words


def _slug(sentence: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", sentence.lower()).strip("_")[:CODE_CHARACTERS_MAX]


def _text(value: Any) -> str:
    if value is None or isinstance(value, dict):
        return ""
    return _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_CHARACTERS_MAX else text[:TEXT_CHARACTERS_MAX] + "…"

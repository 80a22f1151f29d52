"""What may stand in a log line: plain values, no secrets, nothing that moves a terminal's cursor.

Owns: the reduction of any value to JSON types, the masks, the escapes. None of it raises.
Must not: know where lines go.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

import msgspec

Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"
"""What JSON can say."""

TEXT_CHARACTERS_MAX: Final = 8_000
"""Bounds one value in a line: a long traceback still fits, a whole response body does not."""
DEPTH_MAX: Final = 4
"""Bounds nesting, so that a value which holds itself ends."""
ITEMS_MAX: Final = 50
"""Bounds the items shown of one list or mapping."""
MASK: Final = "[masked]"
MILLISECONDS: Final = len("2026-11-20T10:30:15.123")
"""What a person reads of a time; the other forms have microseconds."""
BLOCKS: Final = ("box", "exception")
"""Fields of several lines; people see them below the line as they are."""

SECRET_WORDS: Final = frozenset({
    *("key", "keys", "apikey", "token", "tokens", "secret", "secrets", "signature"),
    *("password", "passwords", "passwd", "passphrase", "credential", "credentials"),
    *("authorization", "cookie", "jwt", "pem"),
})
"""A field with one of these words in its name holds a secret, unless it ends in a word below."""
NOT_SECRET_ENDINGS: Final = frozenset({"path", "file", "count", "name", "age"})

SECRET_LENGTH_MIN: Final = 4
"""Shorter texts are not masked where they stand in others: they would make words unreadable and are no secrets."""

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_WORD_BORDER: Final = re.compile(r"[\W_]+|(?<=[a-z])(?=[A-Z])")
_PEM: Final = re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)
_KEY_MATERIAL: Final = re.compile(
    # Armour, or what lies in it: the DER of RSA, EC and Ed25519 keys begins with these in base64.
    r"-----BEGIN|PRIVATE KEY|\A\s*(?:MII|MIG|MHc|MHQ|MC4CAQ)[A-Za-z0-9+/=\s]{40,}\Z"
)
_NAMED_SECRET: Final = re.compile(
    # token=abc in an address or a command line; 'KALSHI-ACCESS-SIGNATURE': 'abc' in a printed mapping;
    # (b'kalshi-access-key', b'abc') in printed headers; Authorization: Bearer abc; Login(token='abc') of a printed object.
    r"""((?:token|secret|signature|password|passphrase|access-key|api[_-]?key)(?:=b?['"]?|b?['"]\s*[:,]\s*b?['"])"""
    r"""|\bBearer\s+|\bAuthorization\W{1,6}Basic\s+)[^\s'"&;,]+""",
    re.IGNORECASE,
)
# C0 and C1 controls, DEL, line and paragraph separators, marks that reorder text, and lone surrogates.
_UNPRINTABLE: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_UNPRINTABLE_IN_BLOCK: Final = re.compile(
    _UNPRINTABLE.pattern.replace(r"\x00-\x1f", r"\x00-\x08\x0b-\x1f")
)


def is_secret_name(name: str) -> bool:
    """Tell whether a field of this name holds a secret: `api_key`, `KALSHI-ACCESS-SIGNATURE`, `accessToken`."""
    words = [word.lower() for word in _WORD_BORDER.split(name) if word]
    return (
        bool(words) and words[-1] not in NOT_SECRET_ENDINGS and not SECRET_WORDS.isdisjoint(words)
    )


def clean_text(text: str, *, block: bool = False) -> str:
    """Return the text with secrets masked, control characters escaped and its length bounded.

    A `block` (a traceback) keeps its line breaks and tabs.
    """
    # Masked before it is cut: half of a key is still half of a key.
    text = _NAMED_SECRET.sub(rf"\1{MASK}", _PEM.sub(MASK, text))
    if len(text) > TEXT_CHARACTERS_MAX:
        # The end of a traceback says what happened, the beginning of anything else does.
        cut = f"...{len(text) - TEXT_CHARACTERS_MAX} characters left out..."
        text = cut + text[-TEXT_CHARACTERS_MAX:] if block else text[:TEXT_CHARACTERS_MAX] + cut
    pattern = _UNPRINTABLE_IN_BLOCK if block else _UNPRINTABLE
    return pattern.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape", "surrogatepass").decode("ascii")


def mask_texts(text: str, secrets: Iterable[str]) -> str:
    """Return the text with each of these secrets masked wherever it stands, also as Python quotes it."""
    forms = [form for secret in secrets for form in (secret, repr(secret)[1:-1])]
    # A longer one first: it may hold a shorter one.
    for form in sorted(forms, key=len, reverse=True):
        if len(form) >= SECRET_LENGTH_MIN:
            text = text.replace(form, MASK)
    return text


def is_key_material(text: str) -> bool:
    """Tell whether a text is a key itself, where the path of its file was wanted."""
    return _KEY_MATERIAL.search(text) is not None


def clean_field(name: str, value: object, *, depth: int = DEPTH_MAX) -> Plain:
    """Return the value as JSON types, masked when the name says that it is a secret.

    Numbers are kept under any name: `tokens=40` is a rate limit, never a credential.
    """
    if value is None or isinstance(value, bool):
        return value
    # Through the built-in types, so that an IntEnum or a str subclass cannot print itself.
    if isinstance(value, int):
        return int(value) if value.bit_length() < 64 else clean_text(hex(value))
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else repr(float(value))
    if is_secret_name(name):
        return MASK
    if isinstance(value, str):
        return clean_text(str.__str__(value))
    if depth > 0 and isinstance(value, Mapping):
        return _clean_mapping(value, depth)
    if depth > 0 and isinstance(value, (list, tuple)):
        items = [clean_field(name, item, depth=depth - 1) for item in value[:ITEMS_MAX]]
        rest = len(value) - ITEMS_MAX
        return [*items, f"...and {rest} more"] if rest > 0 else items
    return clean_text(describe(value))


def _clean_mapping(value: Mapping[object, object], depth: int) -> Plain:
    cleaned: dict[str, Plain] = {}
    try:
        for key, item in list(value.items())[:ITEMS_MAX]:
            name = describe(key) if not isinstance(key, str) else key
            cleaned[clean_text(name)] = clean_field(name, item, depth=depth - 1)
    except Exception as exc:  # noqa: BLE001 - a mapping of somebody else's making; the line says so
        return f"<{type(value).__name__} that cannot be read: {type(exc).__name__}>"
    if len(value) > ITEMS_MAX:
        cleaned["..."] = f"and {len(value) - ITEMS_MAX} more"
    return cleaned


def describe(value: object) -> str:
    """Return the object's own text, or what went wrong when it was asked for."""
    try:
        return str(value) if isinstance(value, BaseException) else repr(value)
    except Exception as exc:  # noqa: BLE001 - the line is still worth having, and says what went wrong
        return f"<{type(value).__name__} that cannot be printed: {type(exc).__name__}>"


def says_nothing_new(value: Plain, event: str) -> bool:
    """Tell whether a person who reads the sentence learns nothing from this field: it is empty, in there already, or a UUID.

    Whoever looks for them has the forms with all fields: JSON, the journal's, the log on the disk.
    """
    # A number in the sentence may be another one than that of the field.
    if not isinstance(value, str):
        return value is None
    if not value or _UUID.fullmatch(value):
        return True
    return re.search(rf"(?<![\w.-]){re.escape(value)}(?![\w-])", event) is not None


def plain_text(value: Plain) -> str:
    """Return a value as JSON says it, but a text without quotes."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()

"""Query parameters and pages, with Kalshi's words for what is wrong with them.

Owns: validation in the `msg` error shape, and opaque cursors that name the last item of a page, so that news at
the front of a list neither repeats nor skips anything behind it.
Must not: know a route or a record.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from traderd.kalshi.wire.errors import ErrorShape, Refusal, RequestRefused
from traderd.model.units import NS_PER_S, Timestamp

T = TypeVar("T")

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
"""Fits a signed 64-bit integer, which is what the exchange itself parses."""
YES_WORDS: Final = ("true", "True", "TRUE", "t", "T", "1")
NO_WORDS: Final = ("false", "False", "FALSE", "f", "F", "0")
"""What the exchange's own parser takes for a boolean; `True` is what Python's `requests` writes."""
TEXT_SHOWN_MAX: Final = 40
"""Bounds how much of a bad value comes back in the error text."""
SECONDS_MAX: Final = 10**11
"""Bounds a time in seconds: above it was meant in milliseconds."""
PAGE_DEFAULT: Final = 100
PAGE_MAX: Final = 1000
"""Items of a page, when nobody says otherwise and at most (Kalshi: most lists)."""
_CURSOR_VERSION: Final = b"1:"


class Query:
    """The parameters of one request; `operation` is the name that errors carry, for example `GetMarkets`."""

    def __init__(self, operation: str, fields: Iterable[tuple[str, str]]) -> None:
        self._operation = operation
        self._fields: dict[str, str] = {}
        self._repeats: dict[str, list[str]] = {}
        for name, value in fields:
            self._fields.setdefault(name, value)
            self._repeats.setdefault(name, []).append(value)

    def text(self, name: str) -> str | None:
        """Return a parameter, None when it is absent or empty."""
        return self._fields.get(name) or None

    def integer(self, name: str, default: int, *, low: int, high: int) -> int:
        """Return an integer from `low` to `high`; raises RequestRefused 400."""
        text = self.text(name)
        if text is None:
            return default
        if _INTEGER.fullmatch(text) is None:
            shown = text[:TEXT_SHOWN_MAX]
            raise self._refused(f'strconv.ParseInt: parsing "{shown}": invalid syntax')
        value = int(text)
        if value < low:
            raise self._failed(name, "gte")
        if value > high:
            raise self._failed(name, "lte")
        return value

    def limit(self, *, low: int = 0, high: int = PAGE_MAX, default: int = PAGE_DEFAULT) -> int:
        """Return how long a page may be; 0, where `low` lets it pass, is the default.

        Kalshi: lists of markets and trades take 0, which is what a Go client sends for "not set"; one's own orders,
        fills, positions and settlements begin at 1.
        """
        return self.integer("limit", default, low=low, high=high) or default

    def require(self, *names: str) -> None:
        """Raise RequestRefused 400 when one of these parameters is absent or empty."""
        for name in names:
            if self.text(name) is None:
                raise self._failed(name, "required")

    def choice(self, name: str, words: Sequence[str]) -> str | None:
        """Return one of `words`, None when absent; raises RequestRefused 400."""
        text = self.text(name)
        if text is not None and text not in words:
            raise self._failed(name, "oneof")
        return text

    def flag(self, name: str) -> bool | None:
        """Return a boolean, None when absent; raises RequestRefused 400."""
        text = self.choice(name, (*YES_WORDS, *NO_WORDS))
        return None if text is None else text in YES_WORDS

    def words(self, name: str, *, at_most: int) -> tuple[str, ...]:
        """Return a comma list without repeats; raises RequestRefused 400 when it is too long."""
        listed = (word.strip() for word in (self.text(name) or "").split(","))
        words = tuple(dict.fromkeys(word for word in listed if word))
        if len(words) > at_most:
            raise self._failed(name, "max")
        return words

    def chosen(self, name: str, words: Sequence[str]) -> tuple[str, ...]:
        """Return a comma list of some of `words`; raises RequestRefused 400 for any other."""
        listed = self.words(name, at_most=len(words))
        if any(word not in words for word in listed):
            raise self._failed(name, "oneof")
        return listed

    def repeated(self, name: str, *, at_most: int) -> tuple[str, ...]:
        """Return the values of a repeated key, each of which may be a comma list too; none may be too many.

        Raises:
            RequestRefused: 400, there is none, or there are more than `at_most`.
        """
        listed = (
            word.strip() for value in self._repeats.get(name, ()) for word in value.split(",")
        )
        values = tuple(dict.fromkeys(word for word in listed if word))
        if not values:
            raise self._failed(name, "required")
        if len(values) > at_most:
            raise self._failed(name, "max")
        return values

    def seconds(self, name: str) -> Timestamp | None:
        """Return Unix seconds as Timestamp, None when absent; raises RequestRefused 400."""
        if self.text(name) is None:
            return None
        return Timestamp(self.integer(name, 0, low=0, high=SECONDS_MAX) * NS_PER_S)

    def _failed(self, name: str, tag: str) -> RequestRefused:
        field = "".join(part.capitalize() for part in name.split("_"))
        return self._refused(
            f"Key: '{self._operation}Params.{field}' "
            f"Error:Field validation for '{field}' failed on the '{tag}' tag"
        )

    def _refused(self, text: str) -> RequestRefused:
        message = f"Parameter validation failed for {self._operation}: {text}"
        return RequestRefused(
            Refusal(status=400, code="invalid_parameters", message=message, shape=ErrorShape.MSG)
        )


def bad_request(details: str) -> RequestRefused:
    """Return the refusal of parameters that are each right and together wrong, or of a status (Kalshi: capture)."""
    return RequestRefused(
        Refusal(status=400, code="bad_request", message="bad request", details=details)
    )


def within(at: Timestamp, low: Timestamp | None, high: Timestamp | None) -> bool:
    """Tell whether a time lies between two bounds, both included, None being open."""
    return (low is None or at >= low) and (high is None or at <= high)


def page_of(
    items: Iterable[T],
    key: Callable[[T], str],
    *,
    limit: int,
    cursor: str | None,
    keep: Callable[[T], bool] | None = None,
) -> tuple[list[T], str]:
    """Return one page and the cursor of the next, `""` after the last; nothing behind the page is looked at.

    A cursor that is no cursor, or whose item is gone, means the first page (Kalshi: capture).

    Args:
        items: what there is, in the order of the list.
        key: an item's name, unique among them.
        limit: the most items of a page.
        cursor: what the page before gave.
        keep: which items count. Filtering here and not before lets a list go on behind an item that passed when
            its page was made and does not any more, as a resting order does when it ends.
    """
    last_seen = _decode_cursor(cursor)
    found = last_seen is None
    first: list[T] = []
    page: list[T] = []
    # One item more than fits tells that there is another page.
    for item in items:
        if not found:
            found = key(item) == last_seen
            if len(first) <= limit and (keep is None or keep(item)):
                first.append(item)
        elif keep is None or keep(item):
            page.append(item)
            if len(page) > limit:
                break
    if not found:
        page = first
    more = len(page) > limit
    del page[limit:]
    return page, _encode_cursor(key(page[-1])) if more else ""


def _encode_cursor(key: str) -> str:
    return base64.urlsafe_b64encode(_CURSOR_VERSION + key.encode()).decode("ascii").rstrip("=")


def _decode_cursor(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        raw = base64.urlsafe_b64decode(padded)
        return raw.removeprefix(_CURSOR_VERSION).decode() if raw[:2] == _CURSOR_VERSION else None
    except (binascii.Error, ValueError):
        return None

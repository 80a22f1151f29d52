"""State as rows of JSON and back: any tree of our own records, with what is shared still shared.

Owns: the form of the rows. Records that change (`attrs.define`) get a row and a number each, and whoever holds one holds
its number; values are written where they stand; a large collection is spread over rows, so that no step takes long.
Must not: know the engine, or be read by other code than that which wrote it: fields have no names in a row.
"""

from __future__ import annotations

import enum
import functools
import importlib
from collections import Counter, deque
from collections.abc import Generator, Iterator, Mapping
from typing import Any, Final, TypeAlias

import attrs
import msgspec

from traderd.errors import InvariantViolation

ITEMS_A_ROW: Final = 100
"""Bounds the items of a collection in one row: about 10 kB, and well below a millisecond of work."""
PACKAGES: Final = ("traderd.core.", "traderd.model.")
"""Where the classes of the state live; a row can name no other."""
_IS_PLAIN: Final = frozenset({int, str, float, bool, type(None)})
_COLLECTIONS: Final[dict[type, str]] = {dict: "d", list: "l", deque: "q", Counter: "c"}
_COLLECTION_OF: Final = {word: kind for kind, word in _COLLECTIONS.items()}

Steps: TypeAlias = Generator[bytes, None, Any]
"""Yields rows and returns what stands for the value that was written."""
Parts: TypeAlias = Mapping[str, Mapping[str, object]]
"""Field values by the name of the part that has them."""


def write_rows(parts: Parts) -> Iterator[bytes]:
    """Yield the rows of these parts; nobody may change them meanwhile.

    Raises:
        InvariantViolation: something is of a class that a row cannot hold; names it.
    """
    writer = _Writer()
    for name, fields in parts.items():
        written: dict[str, Any] = {}
        for field, value in fields.items():
            written[field] = yield from writer.write(value)
        yield writer.row("p", name, written)


class _Writer:
    """Numbers what changes, in the order in which it is met."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._held: list[object] = []
        self._parts = 0

    @staticmethod
    def row(*content: object) -> bytes:
        return msgspec.json.encode(content)

    def write(self, value: Any) -> Steps:
        kind = type(value)
        if kind in _IS_PLAIN:
            return value
        if kind in _COLLECTIONS:
            return (yield from self._collection(value))
        if attrs.has(kind) and not attrs.inspect(kind).is_frozen:
            return (yield from self._record(value))
        return _value(value)

    def _record(self, record: Any) -> Steps:
        # Each is kept alive in `_held`, so no other can get its number.
        number = self._numbers.get(id(record))  # sim-ok: compared only while the object lives
        if number is None:
            fields = []
            for name in _fields_of(type(record)):
                fields.append((yield from self.write(getattr(record, name))))
            number = len(self._held)
            self._held.append(record)
            self._numbers[id(record)] = number  # sim-ok: compared only while the object lives
            yield self.row("r", _name_of(type(record)), fields)
        return ["r", number]

    def _collection(self, value: Any) -> Steps:
        pairs = isinstance(value, dict)
        part, waiting = None, []
        for item in value.items() if pairs else value:
            for one in item if pairs else (item,):
                waiting.append(one if type(one) in _IS_PLAIN else (yield from self.write(one)))
            if len(waiting) >= ITEMS_A_ROW:
                if part is None:
                    part, self._parts = self._parts, self._parts + 1
                yield self.row("i", part, waiting)
                waiting = []
        bound = value.maxlen if isinstance(value, deque) else None
        return ["c", _COLLECTIONS[type(value)], bound, part, waiting]


def _value(value: Any) -> object:
    kind = type(value)
    if kind in _IS_PLAIN:
        return value
    if kind is tuple:
        return ["t", *map(_value, value)]
    if isinstance(value, enum.Enum):
        return ["e", _name_of(kind), value.name]
    if attrs.has(kind) and attrs.inspect(kind).is_frozen:
        return ["v", _name_of(kind), *(_value(getattr(value, name)) for name in _fields_of(kind))]
    raise InvariantViolation(f"a checkpoint cannot hold a {kind.__module__}.{kind.__qualname__}")


class RowReader:
    """Takes the rows of `write_rows`, in order; what they made is in `parts` then.

    A row names only what came before it.
    """

    def __init__(self) -> None:
        self.parts: dict[str, dict[str, object]] = {}
        self._records: list[object] = []
        self._items: dict[int, list[object]] = {}

    def take(self, line: bytes) -> None:
        """Take one row.

        Raises:
            ValueError, LookupError, TypeError, AttributeError: it is damaged, or of other code.
        """
        word, name, content = msgspec.json.decode(line)
        if word == "r":
            self._records.append(_made(name, [self._read(item) for item in content]))
        elif word == "i":
            self._items.setdefault(name, []).extend(self._read(item) for item in content)
        elif word == "p":
            self.parts[name] = {field: self._read(value) for field, value in content.items()}
        else:
            raise ValueError(f"a row begins with {word!r}")

    def _read(self, value: Any) -> Any:
        if type(value) is not list:
            return value
        word = value[0]
        if word == "t":
            return tuple(map(self._read, value[1:]))
        if word == "r":
            return self._records[value[1]]
        if word == "e":
            return _class(value[1])[value[2]]
        if word == "v":
            return _made(value[1], [self._read(item) for item in value[2:]])
        if word == "c":
            return self._collection(*value[1:])
        raise ValueError(f"a value begins with {word!r}")

    def _collection(self, word: str, bound: int | None, part: int | None, last: list[Any]) -> Any:
        items = [] if part is None else self._items.pop(part)
        items.extend(self._read(item) for item in last)
        kind = _COLLECTION_OF[word]
        if kind is deque:
            return deque(items, bound)
        if kind is list:
            return items
        pairs = iter(items)
        return kind(dict(zip(pairs, pairs, strict=True)))


def _made(name: str, values: list[object]) -> object:
    kind = _class(name)
    record = kind.__new__(kind)
    for field, value in zip(_fields_of(kind), values, strict=True):
        # Past the checks of a frozen class: it passed them when it was made.
        object.__setattr__(record, field, value)
    return record


def _name_of(kind: type) -> str:
    name = f"{kind.__module__}:{kind.__qualname__}"
    if not name.startswith(PACKAGES):
        raise InvariantViolation(f"a checkpoint cannot hold a {name}")
    return name


@functools.cache
def _class(name: str) -> Any:
    if not name.startswith(PACKAGES):
        raise ValueError(f"a row names the class {name!r}")
    module, _, qualified = name.partition(":")
    found: Any = importlib.import_module(module)
    for step in qualified.split("."):
        found = getattr(found, step)
    return found


def _fields_of(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in attrs.fields(kind))

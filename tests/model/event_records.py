"""Which records a module of events defines."""

from types import ModuleType

import attrs
import msgspec


def records_of(module: ModuleType) -> list[type]:
    """Return the attrs classes and structs that the module itself defines."""
    return [
        member
        for member in vars(module).values()
        if isinstance(member, type)
        and member.__module__ == module.__name__
        and (attrs.has(member) or issubclass(member, msgspec.Struct))
    ]

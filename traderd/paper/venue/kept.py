"""The two kinds of what the venue keeps: records that change in place, and facts that never do.

Owns: their bases. They are msgspec structs because an attrs object costs eight times as much to make, a snapshot is
then one C copy, and the state file gets its rows for nothing.
Must not: hold a field.
"""

from __future__ import annotations

import copy
from typing import TypeVar

import msgspec

R = TypeVar("R", bound="Record")


class Record(msgspec.Struct, kw_only=True, eq=False, gc=False):
    """Base of everything that is kept; holds only plain values, so the collector need not look inside."""

    def snapshot(self: R) -> R:
        """Return a copy that later changes do not reach."""
        return copy.copy(self)


class Fact(msgspec.Struct, frozen=True, kw_only=True, eq=False, gc=False):
    """Base of what is kept and never changes."""

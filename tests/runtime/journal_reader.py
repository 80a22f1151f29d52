"""A reader of the journal's native protocol, written from its description and not from ours.

Owns: taking an entry apart, and refusing what the journal would refuse.
Must not: share code with `traderd.runtime.journald`.
"""

from __future__ import annotations


def read_entry(data: bytes) -> dict[str, str]:
    """Return the fields of one entry; raises ValueError for what journald would drop."""
    fields: dict[str, str] = {}
    while data:
        line, newline, rest = data.partition(b"\n")
        if not newline:
            raise ValueError(f"the entry ends in the middle of {line[:40]!r}")
        name, equals, value = line.partition(b"=")
        if not equals:
            size = int.from_bytes(rest[:8], "little")
            value, rest = rest[8 : 8 + size], rest[8 + size :]
            if len(value) != size or rest[:1] != b"\n":
                raise ValueError(f"{name!r} is shorter than it says")
            rest = rest[1:]
        shown = name.decode("ascii")
        if not shown.replace("_", "A").isalnum() or shown != shown.upper():
            raise ValueError(f"{shown!r} is no name of a field")
        if shown[0] == "_" or shown[0].isdigit() or len(shown) > 64:
            raise ValueError(f"{shown!r} is a name that only the journal may give")
        if shown in fields:
            raise ValueError(f"{shown} is there twice")
        fields[shown] = value.decode("utf-8")
        data = rest
    return fields

"""Which exchange the daemon of a state directory trades on, readable without the daemon and without its journal.

Owns: the file `exchange.json` in the state directory. The kill switch's own process goes by it: a configuration may have
changed since, or may never have been the daemon's.
Must not: hold a key; it only names the file that does.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from traderd.store.private_file import write_private

TRADED_FILE: Final = "exchange.json"
BYTES_MAX: Final = 16_384
"""Bounds what is read: an address, a name and a path."""


class TradedExchange(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says."""

    environment: str
    embedded: bool
    """Whether it lives in the daemon, and ends with it."""
    rest_url: str
    ws_url: str
    key_id: str = ""
    key_file: str = ""
    """Where the key is, as an absolute path; empty for an embedded exchange, whose key nobody else has."""


def write_traded_exchange(directory: Path, traded: TradedExchange) -> None:
    """Keep it, durably; on a disk that refuses there is no file at all, because an old one may name another exchange."""
    path = directory / TRADED_FILE
    try:
        write_private(path, msgspec.json.encode(traded))
    except OSError:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def read_traded_exchange(directory: Path) -> TradedExchange | None:
    """Return what the newest daemon of this directory noted before it could trade, None when nobody knows."""
    try:
        with (directory / TRADED_FILE).open("rb") as file:
            content = file.read(BYTES_MAX)
        return msgspec.json.decode(content, type=TradedExchange)
    except (OSError, msgspec.DecodeError, UnicodeError):
        return None

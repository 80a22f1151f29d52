"""How the operator's commands find a served exchange: the content and the name of the admin file.

Owns: the form that `ready` writes and the command line reads; it is as private as the keys beside it.
Must not: touch the disk.
"""

from __future__ import annotations

from typing import Final

import msgspec

from traderd.errors import ConfigError

ADMIN_FILE: Final = "admin.json"
"""In the keys directory."""


class AdminAccess(msgspec.Struct, frozen=True, kw_only=True):
    """Where the admin address is, and the token that it asks for."""

    admin_url: str
    token: str

    def encode(self) -> bytes:
        """Return the file's content."""
        return msgspec.json.encode(self) + b"\n"


def decode_admin_access(content: bytes, *, source: str) -> AdminAccess:
    """Return what an admin file says.

    Raises:
        ConfigError: an exchange wrote something else, or nobody did; names `source` and the cure.
    """
    try:
        return msgspec.json.decode(content, type=AdminAccess)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(
            f"{source} is not what an exchange writes: remove it and start the exchange anew"
        ) from exc

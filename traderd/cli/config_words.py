"""How values of the configuration may be shown.

Owns: the mask of a key's id.
Must not: import more than the language: commands that start fast use it.
"""

from __future__ import annotations

from typing import Final

KEY_ID_SHOWN: Final = 4
"""Of a key's id, which is not the key, but half of what is needed to use one: enough to tell two apart."""


def mask_key_id(key_id: str) -> str:
    """Return a key's id as it may be shown."""
    return f"{key_id[:KEY_ID_SHOWN]}…" if len(key_id) > 2 * KEY_ID_SHOWN else "…" * bool(key_id)

"""Ids that repeat from run to run: one seed and a counter give one stream.

Owns: how a seeded exchange names orders, trades, accounts and transfers. They are spread like random UUIDs, so no
client can take the order of two ids for the order of two events.
Must not: be used where ids have to be new over restarts; a trader's journal that outlives a seeded exchange takes a
repeated trade id for a fill that it knows.
"""

from __future__ import annotations

import hashlib
from typing import Final

from traderd.errors import BadInput

PERSON: Final = b"traderd-ids"
"""Keeps these ids apart from every other use of the same hash of the same numbers."""
_VARIANT: Final = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
"""The two bits that every UUID of this kind begins its fourth group with."""


class SeededIds:
    """Call it for the next id; `count` says how many were given, and is what a state file keeps."""

    def __init__(self, seed: int, start: int = 0) -> None:
        """Begin after `start` ids of this seed.

        Raises:
            BadInput: `start` is below 0.
        """
        if start < 0:
            raise BadInput(f"ids are counted from 0, not from {start}")
        self.seed = seed
        self.count = start

    def __call__(self) -> str:
        """Return the next id, in the form of a random UUID (RFC 9562 section 5.4)."""
        text = f"{self.seed}:{self.count}".encode()
        self.count += 1
        digits = hashlib.blake2b(text, digest_size=16, person=PERSON).hexdigest()
        variant = _VARIANT[digits[16]]
        return (
            f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
        )

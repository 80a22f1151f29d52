"""How often an address gave a wrong token, and how long it has to wait for it.

Owns: the counts and the waits.
Must not: know requests or tokens, or read a clock.
"""

from __future__ import annotations

from typing import Final

import attrs

FREE_ATTEMPTS: Final = 5
"""Bounds the wrong tokens that cost nothing: a person who copies one wrong tries two or three times."""

WAIT_FIRST_S: Final = 1.0
WAIT_MAX_S: Final = 60.0
"""Bound the wait after one more wrong token; it doubles from the first to the second."""

ADDRESSES_MAX: Final = 1_000
"""Bounds the addresses that are remembered; the one that was quiet for longest is forgotten first."""

FORGOTTEN_S: Final = 900.0
"""How long after its last wrong token an address starts anew."""


@attrs.define
class _Attempts:
    count: int
    last_at: float
    free_at: float


class WrongTokens:
    """The addresses that gave wrong tokens; all times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._by_address: dict[str, _Attempts] = {}

    def wait_s(self, address: str, now: float) -> float:
        """Return how long the address has to wait, 0 when it does not."""
        known = self._by_address.get(address)
        return 0.0 if known is None else max(0.0, known.free_at - now)

    def note_wrong(self, address: str, now: float) -> None:
        """Count one more wrong token."""
        known = self._by_address.pop(address, None)
        if known is None or now - known.last_at > FORGOTTEN_S:
            known = _Attempts(count=0, last_at=now, free_at=now)
        known.count, known.last_at = known.count + 1, now
        if known.count > FREE_ATTEMPTS:
            doublings = min(known.count - FREE_ATTEMPTS - 1, 10)
            known.free_at = now + min(WAIT_FIRST_S * 2.0**doublings, WAIT_MAX_S)
        # Put back at the end: the first of the dictionary was quiet for longest.
        self._by_address[address] = known
        if len(self._by_address) > ADDRESSES_MAX:
            del self._by_address[next(iter(self._by_address))]

    def note_right(self, address: str) -> None:
        """Forget the wrong tokens of an address."""
        self._by_address.pop(address, None)

    def __len__(self) -> int:
        return len(self._by_address)

"""Read faster than a basic account may, with any version of the official SDK, and tell how that ends."""

from __future__ import annotations

from typing import Any

import kalshi_python_sync
from official_recorder import Recorder
from served import Served, tell

ATTEMPTS_MAX = 2_000


def session(served: Served) -> dict[str, Any]:
    """Return how many reads were answered, and what was raised then."""
    alice = Recorder.of(served, "alice")
    for answered in range(ATTEMPTS_MAX):
        try:
            alice.get_balance()
        except kalshi_python_sync.ApiException as exc:
            said = {"class": type(exc).__name__, "status": exc.status, "reason": exc.reason}
            return said | {"body": exc.body, "answered": answered}
    raise AssertionError("nobody was too fast")


if __name__ == "__main__":
    tell(session)

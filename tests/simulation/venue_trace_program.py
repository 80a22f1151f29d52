"""Lets the venue live through one random history and prints all that it broadcast as one hash.

Run it from the repository as `python -m tests.simulation.venue_trace_program SEED STEPS`; it prints one JSON object.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from random import Random

import msgspec

from tests.simulation.twin_venues import TwinVenues
from traderd.paper.venue.messages import Broadcast


def trace(seed: int, steps: int) -> dict[str, object]:
    """Return the hash of every broadcast, byte for byte, and how many there were of each kind."""
    digest, kinds = hashlib.sha256(), Counter[str]()

    def hear(broadcast: Broadcast) -> None:
        kind = type(broadcast).__name__
        kinds[kind] += 1
        digest.update(kind.encode() + msgspec.json.encode(broadcast) + b"\n")

    rng = Random(seed)
    twins = TwinVenues(rng)
    twins.hears = hear
    for _ in range(steps):
        twins.step(rng)
    return {"hash": digest.hexdigest(), "kinds": dict(sorted(kinds.items()))}


def main() -> None:
    """Read the command line and print the trace."""
    seed, steps = sys.argv[1:]
    print(json.dumps(trace(int(seed), int(steps))))


if __name__ == "__main__":
    main()

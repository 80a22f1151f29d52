"""The same requests give the same broadcasts, byte for byte, in every process."""

import json
import os
import subprocess
import sys

import pytest

from tests.simulation.harness import REPOSITORY
from tests.simulation.venue_trace_program import trace
from traderd.paper.venue.messages import ANY_BROADCAST

STEPS = 400
DEADLINE_S = 100.0


def run(seed: int, hash_seed: str) -> dict:
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-m",
            "tests.simulation.venue_trace_program",
            str(seed),
            str(STEPS),
        ],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        check=True,
        timeout=DEADLINE_S,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("seed", [1, 2])
def test_two_processes_with_different_hash_seeds_broadcast_the_same_bytes(seed):
    first, second = run(seed, "0"), run(seed, "12345")
    assert first == second == trace(seed, STEPS)
    # It was a busy history: only new events are never made in it.
    assert len(first["kinds"]) == len(ANY_BROADCAST) - 1
    assert first["kinds"]["TradeHappened"] > 10


def test_another_history_broadcasts_something_else():
    assert trace(1, 60)["hash"] != trace(2, 60)["hash"]

"""The same requests give the same broadcasts, byte for byte, in every process."""

import pytest

from tests.simulation.fresh_process import finish, start
from tests.simulation.venue_trace_program import trace
from traderd.paper.venue.messages import ANY_BROADCAST

STEPS = 400
DEADLINE_S = 100.0


def run(seed: int, hash_seed: str) -> dict:
    program = "tests.simulation.venue_trace_program"
    return finish(start(program, seed, STEPS, hash_seed=hash_seed), within_s=DEADLINE_S)


@pytest.mark.parametrize("seed", [1, 2])
def test_two_processes_with_different_hash_seeds_broadcast_the_same_bytes(seed):
    first, second = run(seed, "0"), run(seed, "12345")
    assert first == second == trace(seed, STEPS)
    # It was a busy history: only new events are never made in it.
    assert len(first["kinds"]) == len(ANY_BROADCAST) - 1
    assert first["kinds"]["TradeHappened"] > 10


def test_another_history_broadcasts_something_else():
    assert trace(1, 60)["hash"] != trace(2, 60)["hash"]

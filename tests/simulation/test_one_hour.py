"""One simulated trading hour is the same, step by step, wherever it runs.

The program of `trace_program` runs in fresh processes. The order flow has its usual rate; an hour takes about 20 s of real time, and both hours run at once.
"""

import pytest

from tests.simulation.fresh_process import finish, start
from tests.simulation.trace_program import trace

HOUR_S = 3_600.0
DEADLINE_S = 600.0
"""Bounds a program that hangs, also on a machine that does five other things."""


def begin(seed, seconds, directory, hash_seed):
    directory.mkdir()
    program = "tests.simulation.trace_program"
    return start(program, seed, seconds, directory, hash_seed=hash_seed)


def test_an_hour_gives_the_same_trace_in_two_processes_with_different_hash_seeds(tmp_path):
    processes = [begin(1, HOUR_S, tmp_path / seed, seed) for seed in ("0", "12345")]
    first, second = [finish(process, within_s=DEADLINE_S) for process in processes]
    assert first == second
    # It was a trading hour, not an idle one.
    assert first["fills"] > 100
    assert first["deltas"] > 10_000
    assert first["journaled"] > 1_000
    assert first["steps"] > 100_000


def test_another_seed_gives_another_trace(tmp_path):
    processes = [begin(seed, 60.0, tmp_path / str(seed), "0") for seed in (1, 2)]
    first, second = [finish(process, within_s=DEADLINE_S) for process in processes]
    assert first["hash"] != second["hash"]


@pytest.mark.parametrize("seed", [7])
def test_the_same_seed_gives_the_same_trace_in_one_process(tmp_path, seed):
    # What the first run leaves behind (caches, the log's set-up) must not reach into the second.
    runs = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        runs.append(trace(seed, 60.0, tmp_path / name))
    assert runs[0] == runs[1]

"""One simulated trading hour is the same, step by step, wherever it runs.

The program of `trace_program` runs in fresh processes, because one process shares caches and object addresses. The
order flow has its usual rate; an hour takes about 20 s of real time, and both hours run at once.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.harness import REPOSITORY
from tests.simulation.trace_program import trace

PROGRAM = "tests.simulation.trace_program"
HOUR_S = 3_600.0
DEADLINE_S = 140.0


def start(seed: int, seconds: float, directory: Path, hash_seed: str) -> subprocess.Popen[bytes]:
    directory.mkdir()
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", PROGRAM, str(seed), str(seconds), str(directory)],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[bytes]) -> dict:
    try:
        output, errors = process.communicate(timeout=DEADLINE_S)
    finally:
        process.kill()
    assert process.returncode == 0, errors.decode()
    return json.loads(output)


def test_an_hour_gives_the_same_trace_in_two_processes_with_different_hash_seeds(tmp_path):
    processes = [start(1, HOUR_S, tmp_path / seed, seed) for seed in ("0", "12345")]
    first, second = [finish(process) for process in processes]
    assert first == second
    # It was a trading hour, not an idle one.
    assert first["fills"] > 100
    assert first["deltas"] > 10_000
    assert first["journaled"] > 1_000
    assert first["steps"] > 100_000


def test_another_seed_gives_another_trace(tmp_path):
    processes = [start(seed, 60.0, tmp_path / str(seed), "0") for seed in (1, 2)]
    first, second = [finish(process) for process in processes]
    assert first["hash"] != second["hash"]


@pytest.mark.parametrize("seed", [7])
def test_the_same_seed_gives_the_same_trace_in_one_process(tmp_path, seed):
    # What the first run leaves behind (caches, the log's set-up) must not reach into the second.
    runs = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        runs.append(trace(seed, 60.0, tmp_path / name))
    assert runs[0] == runs[1]

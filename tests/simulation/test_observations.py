"""The observations of a live session and of its recorded events replayed are the same, bit for bit.

The session runs in fresh processes with different hash seeds, so that no order of a set can hide in it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.simulation.harness import REPOSITORY

PROGRAM = "tests.simulation.observation_program"
DEADLINE_S = 120.0


def start(directory: Path, hash_seed: str, *, seed: int = 1) -> subprocess.Popen[bytes]:
    directory.mkdir()
    return subprocess.Popen(
        [sys.executable, "-m", PROGRAM, str(seed), "300", str(directory)],
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


def test_a_session_and_its_replay_show_the_same_in_every_process(tmp_path):
    processes = [start(tmp_path / seed, seed) for seed in ("0", "12345")]
    first, second = [finish(process) for process in processes]
    assert first["live"] == first["replayed"]
    assert first == second
    # It was a session with everything in it, not an idle one.
    assert first["observations"] > 3_000
    assert first["last_known"] > 100, "the feed was lost for a while"
    assert first["with_orders"] > 100
    assert first["with_trades"] > 1_000
    assert first["fills"] > 5


def test_another_seed_shows_something_else(tmp_path):
    processes = [start(tmp_path / str(seed), "0", seed=seed) for seed in (1, 2)]
    first, second = [finish(process) for process in processes]
    assert first["live"] != second["live"]

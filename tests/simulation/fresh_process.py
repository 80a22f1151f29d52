"""Programs of the simulation in fresh processes, because one process shares caches and object addresses.

Owns: how such a program is started, with a seed of its hashes, and how its one JSON object is read.
Must not: know what a program does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from tests.simulation.harness import REPOSITORY


def start(program: str, *arguments: object, hash_seed: str) -> subprocess.Popen[bytes]:
    """Start a module of the repository, for which every warning is an error."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", program, *(str(one) for one in arguments)],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[bytes], *, within_s: float) -> dict[str, Any]:
    """Return what it printed when it ended well; it is killed when it did not end in time."""
    try:
        output, errors = process.communicate(timeout=within_s)
    finally:
        process.kill()
    assert process.returncode == 0, errors.decode()
    told: dict[str, Any] = json.loads(output)
    return told

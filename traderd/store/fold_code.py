"""Which code folds events into the state: a checkpoint is true only for the code that made it.

Owns: the fingerprint of that code. Whoever changes a fold need not remember anything: the next start replays.
Must not: know what a checkpoint holds.
"""

from __future__ import annotations

import functools
import hashlib
from importlib import resources
from typing import Final

PACKAGES: Final = ("traderd.core", "traderd.model")
"""All that decides what an event does to the state, and how the state is written down."""
FINGERPRINT_CHARACTERS: Final = 16
"""Enough that no two versions share one by accident."""


@functools.cache
def fold_code() -> str:
    """Return the fingerprint; reads about a hundred files the first time (10 ms).

    The first time must be soon after the start: an upgrade replaces the files of a daemon that runs the old ones.
    """
    digest = hashlib.sha256()
    for package in PACKAGES:
        for file in sorted(resources.files(package).iterdir(), key=lambda file: file.name):
            if file.name.endswith(".py"):
                digest.update(f"{package}/{file.name}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:FINGERPRINT_CHARACTERS]

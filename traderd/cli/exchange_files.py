"""The files that the exchange's commands are given: scenarios and fault plans.

Owns: reading them, and the sentence when one cannot be read.
Must not: judge their content; whoever parses it does.
"""

from __future__ import annotations

from pathlib import Path

from traderd.errors import ConfigError
from traderd.paper.faults.plan import FaultPlan, parse_fault_plan


def read_file(path: Path, *, what: str, cure: str) -> bytes:
    """Return a file's content; raises ConfigError with `what` it should be and the `cure`."""
    try:
        return path.read_bytes()
    except OSError as exc:
        raise ConfigError(f"{what} {path} cannot be read: {exc.strerror or exc}; {cure}") from exc


def read_fault_plan(path: Path) -> FaultPlan:
    """Return the rules of a TOML file; raises ConfigError."""
    content = read_file(path, what="the fault plan", cure="name a TOML file")
    return parse_fault_plan(content, source=str(path))

"""What is left of the machine: memory of this process against its bound, and room on the disk.

Owns: where Linux tells that, and that what a machine does not tell is `None`.
Must not: judge any of it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import attrs

STATM: Final = Path("/proc/self/statm")
OWN_GROUP: Final = Path("/proc/self/cgroup")
GROUPS: Final = Path("/sys/fs/cgroup")
BOUND_FILE: Final = "memory.max"
"""Where cgroup v2 keeps the bound that systemd sets as `MemoryMax=`; the word `max` means none."""


@attrs.frozen(kw_only=True)
class MachineReading:
    """One look at the machine; sizes in bytes."""

    disk_free: int | None
    """What an ordinary user may still write where the state directory is."""
    memory_used: int | None
    """Resident memory of this process."""
    memory_max: int | None
    """The tightest bound of its control groups; None when there is none."""


def read_machine(directory: Path) -> MachineReading:
    """Return what the machine tells of itself; blocking, but only for what the kernel has at hand."""
    return MachineReading(
        disk_free=_disk_free(directory), memory_used=_memory_used(), memory_max=_memory_max()
    )


def _disk_free(directory: Path) -> int | None:
    try:
        status = os.statvfs(directory)
    except OSError:
        return None
    return status.f_bavail * status.f_frsize


def _memory_used() -> int | None:
    try:
        return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    except (OSError, ValueError, IndexError):
        return None


def _memory_max() -> int | None:
    try:
        # The line of version 2 is `0::/path`; a group is bound by all that it is in as well.
        lines = [line for line in OWN_GROUP.read_text().splitlines() if line.startswith("0::")]
        path = GROUPS / lines[0].removeprefix("0::").strip().lstrip("/")
    except (OSError, IndexError):
        return None
    bounds = [_bound(group / BOUND_FILE) for group in (path, *path.parents)]
    return min((bound for bound in bounds if bound is not None), default=None)


def _bound(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None

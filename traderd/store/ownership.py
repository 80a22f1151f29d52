"""Files that root leaves in a daemon's state directory: they belong to the daemon's user.

Owns: that one step. Under systemd the commands of people run as root (`sudo traderd kill`, `arm`, `plugins disable`), the daemon does not; a file
that only root can read would be no word to it.
Must not: change files that were there.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

ROOT: Final = 0


def give_to_owner(descriptor: int, directory: Path) -> None:
    """Give an open file to whom its directory belongs, when we are root; raises OSError."""
    if os.geteuid() != ROOT:
        return
    owner = directory.stat()
    if os.fstat(descriptor).st_uid != owner.st_uid:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)

"""Who may read a file that has an access list beside its mode.

Owns: that one question. systemd hands a key over (`LoadCredential=`) as a file of root's with one entry in its access list:
the service's user may read. The mode of such a file shows a group that may read, which is only the list's mask.
Must not: change anything.
Source: acl(5); the layout of the attribute is the kernel's `struct posix_acl_xattr_header` and its entries.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Final

ATTRIBUTE: Final = "system.posix_acl_access"
VERSION: Final = 2
HEADER: Final = struct.Struct("<I")
ENTRY: Final = struct.Struct("<HHI")
"""What the entry is about, what it grants, and to whom."""
OWNER: Final = 0x01
USER: Final = 0x02
MASK: Final = 0x10
WRITE: Final = 0x02


def only_we_may_read(path: Path) -> bool:
    """Tell whether an access list keeps the file to its owner and to reads of ours; False without a list."""
    try:
        # The owner is somebody that everybody trusts anyhow, or ourselves.
        owned = path.stat().st_uid in {0, os.geteuid()}
        return owned and grants_only(os.getxattr(path, ATTRIBUTE), user=os.geteuid())
    except OSError:
        return False  # no list, or a file system that has none: the mode says it all


def grants_only(attribute: bytes, *, user: int) -> bool:
    """Tell whether a list grants nothing to anybody but the owner, and to this user no more than reading."""
    body = attribute[HEADER.size :]
    if len(attribute) < HEADER.size or HEADER.unpack_from(attribute) != (VERSION,):
        return False
    if len(body) % ENTRY.size:
        return False
    for about, granted, whom in ENTRY.iter_unpack(body):
        harmless = about in {OWNER, MASK} or not granted
        ours = about == USER and whom == user and not granted & WRITE
        if not (harmless or ours):
            return False
    return True

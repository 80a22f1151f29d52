"""The C library's share of the process's memory: what large texts leave behind goes back to the system.

Owns: two settings of glibc's allocator (man mallopt, man malloc_trim); with another C library nothing happens.
Must not: decide when memory has settled.
"""

from __future__ import annotations

import ctypes
from typing import Final

M_MMAP_THRESHOLD: Final = -3
"""The number of the setting in `malloc.h`."""
OWN_MAPPING_BYTES: Final = 128 * 1024
"""glibc's own first value. It raises it to the largest block that was ever given back, and from then on pages of a thousand
markets (1.5 MB each) lie among what stays, and their room with them. A setting of one's own stays what it is."""


def return_large_blocks() -> bool:
    """Let every block of OWN_MAPPING_BYTES or more go back to the system when it is freed; False where that is unknown."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(M_MMAP_THRESHOLD, OWN_MAPPING_BYTES) == 1


def trim() -> bool:
    """Give free memory between what is in use back to the system (a few milliseconds); False where that is unknown."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is None:
        return False
    malloc_trim(0)
    return True

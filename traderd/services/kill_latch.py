"""What the kill switch and whoever clears its halt must agree about.

Owns: how often the switch was pulled, and whose turn it is at the file `kill.latch`. Memory and disk change together only
under `disk`, so a kill that comes while its halt is being cleared writes its file after that and is seen by who clears.
Must not: raise the halt, clear it, or write anything.
"""

from __future__ import annotations

import attrs
import trio


@attrs.define(eq=False)
class KillLatch:
    """The latch of one daemon."""

    pulled: int = 0
    """Counts each time that anybody pulled it, also while it held already."""
    disk: trio.Lock = attrs.Factory(trio.Lock)
    """Held while the file is made or removed; who asks first is first."""

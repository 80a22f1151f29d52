"""What the command line answers with, in one place.

Owns: the numbers. 2 is click's own for wrong usage.
Must not: hold anything else.
"""

from __future__ import annotations

from typing import Final

OK: Final = 0
ERROR: Final = 1
USAGE: Final = 2
NOT_RUNNING: Final = 3
CONFIGURATION: Final = 4
TIME_OUT: Final = 5
REFUSED: Final = 6
DRIFT: Final = 7
INTERRUPTED: Final = 130
"""128 + SIGINT, as shells have it."""

"""What to do about a part of health that is not well.

Owns: one cure per part that `health_parts` judges; docs/health.md has the same list at more length.
Must not: judge.
"""

from __future__ import annotations

from typing import Final

CURES: Final = {
    "state": "It climbs again by itself, at most a minute later; the log says which stage failed and why.",
    "bus": "New risk is halted already. When the reader keeps up again, clear the halt inbox:NAME.",
    "journal": "Make room on the disk or change it, then restart. No order is created until then; cancels still go.",
    "orders": "They are restarted by themselves; after five crashes in ten minutes new risk is halted. The log has the error.",
    "connection": "A silent line is replaced by itself; if it lasts, look at the network.",
    "market": "Nothing: a quiet market is not a dead feed.",
    "loop": "Follow fewer markets, or give the daemon more processor; code that is the cause is named as loop stall.",
    "inboxes": "A reader is slow: the table of services and inboxes shows how long its handler takes.",
    "clock": "Let NTP set the machine's clock: signatures carry the time.",
    "disk": "Make room in the state directory.",
    "memory": "Restart in a quiet moment; otherwise the kernel chooses its own.",
}
"""A sentence per part, which screens show under it."""
OTHERWISE: Final = "docs/health.md says what this part is."


def cure_of(part: str) -> str:
    """Return what to do when a part is not well."""
    return CURES.get(part, OTHERWISE)

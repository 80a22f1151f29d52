"""Says when rows that cannot be read keep the balance from being compared for too long.

Owns: the degraded part of it, and how long nobody needs to hear of it.
Must not: compare (see `core/balance_sync.py`).
"""

from __future__ import annotations

from typing import Final

from traderd.core.balance_proof import OPEN_QUESTION
from traderd.model import events as ev
from traderd.model.units import NS_PER_S
from traderd.services.context import Context

PART: Final = "balance"
"""The name among the degraded parts."""
DEGRADES_AFTER_NS: Final = 600 * NS_PER_S
"""How long the balance may be inconclusive: twenty readings, far longer than a row is odd by accident."""


def tell_inconclusive(context: Context) -> None:
    """Raise or end the degraded part, as the last reading left the proof."""
    proof, now = context.view.account.proof, context.now()
    since = proof.hidden_since if proof.status in OPEN_QUESTION else None
    if since is None or now - since < DEGRADES_AFTER_NS:
        context.clear_degraded(PART)
    elif context.view.conditions.degraded.get(PART) != proof.sentence:
        context.publish(ev.DegradedRaised(at=now, part=PART, reason=proof.sentence))

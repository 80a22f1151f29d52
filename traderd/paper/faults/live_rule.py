"""One rule of a fault plan in force: its schedule, its chance, its counts.

Owns: when a rule strikes.
Must not: know what it strikes.
"""

from __future__ import annotations

from random import Random

import attrs

from traderd.paper.faults.plan import FaultRule


@attrs.define(eq=False)
class LiveRule:
    """A rule in force, with its counts."""

    rule: FaultRule
    since: float
    """When it was put in force, on the clock of the schedules."""
    seen: int = 0
    """How many it concerned while it was on."""
    struck: int = 0

    def is_on(self, elapsed_s: float) -> bool:
        """Tell whether its schedule lets it strike now."""
        age = elapsed_s - self.since - self.rule.after_s
        ended = self.rule.for_s is not None and age >= self.rule.for_s
        return age >= 0 and not ended and not self.is_spent

    @property
    def is_spent(self) -> bool:
        """Tell whether it has struck as often as it may."""
        return self.rule.times is not None and self.struck >= self.rule.times

    def strikes(self, elapsed_s: float, rng: Random) -> bool:
        """Count one that the rule concerns, and tell whether it is struck."""
        if not self.is_on(elapsed_s):
            return False
        self.seen += 1
        if self.seen % self.rule.every:
            return False
        # No number is drawn where there is no chance, so a certain fault moves no other one's.
        if self.rule.probability < 1 and rng.random() >= self.rule.probability:
            return False
        self.struck += 1
        return True

    def concerns(self, account: str | None, method: str, path: str, channel: str) -> bool:
        """Tell whether the rule is about this; `""` and None are for what has no such thing."""
        rule = self.rule
        return (
            (rule.account is None or rule.account == account)
            and (rule.method is None or rule.method.upper() == method)
            and (rule.path is None or path.startswith(rule.path))
            and (rule.channel is None or rule.channel == channel)
        )

"""A risk rule: no new risk in the hours that are set as quiet, and none shortly before a market closes.

Both are off until `risk.quiet_hours` or `risk.quiet_before_close_s` is set. What only takes risk away is never held up:
the daemon does not ask such rules about it. Copy this file to start a rule of your own.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from traderd.plugin_api import NS_PER_S, OrderQuestion, RiskRule, hookimpl


@attrs.frozen
class QuietHours:
    """Says no within spans of the day; one whose end is before its begin goes over midnight."""

    spans: tuple[str, ...]
    zone: str

    def check(self, question: OrderQuestion) -> str | None:
        """Return which span this is, None in none of them."""
        local = datetime.fromtimestamp(question.now // NS_PER_S, UTC).astimezone(
            ZoneInfo(self.zone)
        )
        now = f"{local:%H:%M}"
        for span in self.spans:
            begin, end = (part.strip().zfill(5) for part in span.split("-"))
            is_within = begin <= now < end if begin < end else now >= begin or now < end
            if is_within:
                return f"it is {now} in {self.zone} and risk.quiet_hours has {span}; wait until it is over"
        return None


@attrs.frozen
class QuietBeforeClose:
    """Says no when a market closes soon."""

    seconds: float

    def check(self, question: OrderQuestion) -> str | None:
        """Return how soon it closes, None when there is time."""
        left_s = (question.market.close_time - question.now) // NS_PER_S
        if left_s > self.seconds:
            return None
        return (
            f"{question.market.ticker} closes in {max(0, left_s)} s and risk.quiet_before_close_s = "
            f"{self.seconds:g}; choose one that closes later"
        )


@hookimpl
def traderd_risk_rules(config: Any) -> list[RiskRule]:
    """Offer the rules that are set."""
    rules = []
    if config.risk.quiet_hours:
        quiet = QuietHours(tuple(config.risk.quiet_hours), config.risk.day_zone)
        rules.append(RiskRule(name="quiet_hours", check=quiet.check))
    if config.risk.quiet_before_close_s:
        closing = QuietBeforeClose(config.risk.quiet_before_close_s)
        rules.append(RiskRule(name="quiet_before_close", check=closing.check))
    return rules

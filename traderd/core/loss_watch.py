"""How much was lost: since the trading day began, and since the account was at its best.

Owns: the two starting points and the verdict. Profit is what was realized less fees, with open positions marked at the
price at which they could be closed. A day begins at a full hour of a named time zone, however long that day is.
Must not: mark positions, or raise halts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import attrs

from traderd.core.risk_limits import NONE, RiskLimits
from traderd.model.units import NS_PER_S, Money, Timestamp, show_money

DAILY_LOSS_HALT: Final = "daily_loss"
DRAWDOWN_HALT: Final = "drawdown"
LOSS_HALTS: Final = (DAILY_LOSS_HALT, DRAWDOWN_HALT)


def trading_day(at: Timestamp, zone: str, hour: int) -> str:
    """Return the day that a moment belongs to, as `2026-11-25`: the date on which that day began."""
    local = datetime.fromtimestamp(at // NS_PER_S, UTC).astimezone(ZoneInfo(zone))
    return (local.replace(tzinfo=None) - timedelta(hours=hour)).date().isoformat()


@attrs.define(eq=False)
class LossWatch:
    """The profit of the account and what it is compared with."""

    day: str = ""
    """Empty before the first mark of all."""
    day_start: Money = Money(0)
    peak: Money = Money(0)
    profit: Money | None = None
    """None before the first mark; while the book of a position is waited for, the most that it can be."""

    def mark(self, profit: Money, day: str) -> None:
        """Take the profit of this moment; a new day starts from it."""
        if not self.day:
            self.peak = profit
        if day > self.day:
            self.day, self.day_start = day, profit
        self.peak = Money(max(self.peak, profit))
        self.profit = profit

    def bound(self, most: Money) -> None:
        """Take the most that the profit can be: enough to see a loss that is certain, no place to start from."""
        if self.day:
            self.profit = most

    def restore(self, day: str, day_start: Money, peak: Money) -> None:
        """Take the starting points over that an earlier run had."""
        self.day, self.day_start, self.peak = day, day_start, peak

    def forgive(self, halt_id: str) -> None:
        """Start from here: a person has cleared the halt, and so accepted the loss."""
        if self.profit is None:
            return
        if halt_id == DAILY_LOSS_HALT:
            self.day_start = self.profit
        else:
            self.peak = self.profit

    @property
    def day_profit(self) -> Money | None:
        """The profit since this day began, None before the first mark of it."""
        if self.profit is None or not self.day:
            return None
        return Money(self.profit - self.day_start)

    @property
    def daily_loss(self) -> Money:
        """What this day has lost so far, 0 when it has not."""
        return Money(max(0, self.day_start - self.profit)) if self.profit is not None else Money(0)

    @property
    def drawdown(self) -> Money:
        """What was lost since the best moment."""
        return Money(max(0, self.peak - self.profit)) if self.profit is not None else Money(0)

    def breaches(self, limits: RiskLimits) -> Iterator[tuple[str, str]]:
        """Yield halt id and reason of each limit that is reached."""
        when = f"the day began at {limits.day_hour:02d}:00 {limits.day_zone}"
        for halt_id, loss, limit, words in (
            (DAILY_LOSS_HALT, self.daily_loss, limits.max_daily_loss, f"of {self.day}, {when}"),
            (DRAWDOWN_HALT, self.drawdown, limits.max_drawdown, "since the best moment"),
        ):
            if limit != NONE and loss >= limit:
                name = f"risk.max_{halt_id}_dollars"
                yield (
                    halt_id,
                    f"the loss {words} is {show_money(loss)} and {name} = {show_money(limit)}: find out why "
                    "before you clear this; clearing counts from here on [C5]",
                )

"""Looks at how well the loop keeps up, and gives books up or takes them back as the core decides.

Owns: the measures: how late a task that is due runs, what the lines have read without running dry, how old news was
when it was folded, and whether the exchange gave up on us as too slow a reader.
Must not: decide what is shed (`core/shedding.py`), or unsubscribe (the sessions do, when they hear of it).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NoReturn

import attrs
import trio

from traderd.core.shedding import BACKLOG, Load, Shedding, Step
from traderd.core.view import StateView
from traderd.kalshi.feed import FeedStatistics
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.model.orders import OrderOwner
from traderd.model.states import name_tickers
from traderd.model.units import NS_PER_S
from traderd.services.context import Context

LOOK_S: Final = 1.0
"""How often the loop is looked at."""
ORDERS_LOOKED_AT: Final = 500
"""How many of the newest orders tell which markets strategies trade."""
PART: Final = "market data load"
STALL_PART: Final = "the daemon"
STALL_S: Final = 3.0
"""A look that comes this late says that nothing ran: no slow handler holds the loop up for so long."""
STALL_TOLD_S: Final = 60.0
"""For how long a stall is told as degraded: who asks a minute later what happened must find it."""


@attrs.define(eq=False)
class LoadWatch:
    """Looks until cancelled."""

    _context: Context
    _statistics: Callable[[], list[FeedStatistics]]
    """Of every connection that stands."""
    _is_whole: Callable[[], bool] = lambda: True
    """Tells whether every connection that is needed stands."""
    shedding: Shedding = attrs.Factory(Shedding)
    load: Load = attrs.Factory(lambda: Load(delay_ns=0))
    """The newest look."""
    _bytes: dict[int, int] = attrs.Factory(dict)
    _overflows: dict[int, int] = attrs.Factory(dict)
    """As of the last look, by connection."""
    _was_lost_behind: bool = False
    _stalled_until: float = 0.0
    """Until when a stall stays a degraded part, on Trio's clock."""

    async def run(self) -> NoReturn:
        """Look, and act on what is seen."""
        while True:
            due = trio.current_time() + LOOK_S
            await trio.sleep_until(due)
            late_ns = round((trio.current_time() - due) * NS_PER_S)
            self.look(self._measure(late_ns))

    def lose(self, last: FeedStatistics) -> None:
        """Note how a connection stood when it was lost: one that was far behind was lost because of it."""
        is_behind = last.backlog_bytes >= BACKLOG.high
        if is_behind or self._has_overflowed(last):
            self._was_lost_behind = True

    def look(self, load: Load) -> None:
        """Judge one look and publish the step that it calls for."""
        self.load = load
        self._tell_stall(load.delay_ns / NS_PER_S)
        view = self._context.view
        self._context.shared.feed_meter.look(trio.current_time(), view.market_data, load)
        interest: dict[MarketTicker, str] = {}
        idle: list[MarketTicker] = []
        shed: list[MarketTicker] = []
        if self.shedding.is_bad(load) or view.universe.shed:
            interest = interest_in(view)
            ranked = by_trading(view)
            shed = [ticker for ticker in ranked if ticker in view.universe.shed]
            idle = [
                ticker
                for ticker in ranked
                if ticker in view.market_data.markets
                and ticker not in interest
                and ticker not in view.universe.shed
            ]
        step = self.shedding.judge(
            load,
            now_ns=round(trio.current_time() * NS_PER_S),
            idle=idle,
            shed=shed,
            interest=interest,
        )
        self._act(step)

    def _tell_stall(self, late_s: float) -> None:
        """Say that nothing ran for a while: whatever the log tells of that time, lost lines above all, has this cause."""
        context, now = self._context, trio.current_time()
        is_told = STALL_PART in context.view.conditions.degraded
        if late_s >= STALL_S:
            self._stalled_until = now + STALL_TOLD_S
            reason = (
                f"it did not run for {late_s:.1f} s: it was suspended, or starved of processor time"
            )
            context.log.warning(f"{STALL_PART}: {reason}")
            context.publish(ev.DegradedRaised(at=context.now(), part=STALL_PART, reason=reason))
        elif is_told and now >= self._stalled_until:
            context.publish(ev.DegradedCleared(at=context.now(), part=STALL_PART))

    def _act(self, step: Step) -> None:
        context, at = self._context, self._context.now()
        if step.shed:
            context.log.warning(f"giving up books of {_names(step.shed)}: {step.reason}")
            context.publish(ev.BooksShed(at=at, tickers=step.shed, reason=step.reason))
        if step.restore:
            context.log.info(f"taking back books of {_names(step.restore)}: {step.reason}")
            context.publish(ev.BooksReclaimed(at=at, tickers=step.restore, reason=step.reason))
        told, shed = context.view.conditions.degraded.get(PART), context.view.universe.shed
        reason = f"books of {len(shed)} markets without position or order are given up"
        if shed and told != reason:
            context.publish(ev.DegradedRaised(at=at, part=PART, reason=reason))
        elif told is not None and not shed:
            context.publish(ev.DegradedCleared(at=at, part=PART))

    def _measure(self, late_ns: int) -> Load:
        lines = self._statistics()
        overflowed = self._was_lost_behind or any(self._has_overflowed(line) for line in lines)
        before, self._was_lost_behind = self._bytes, False
        self._bytes = {line.connection: line.bytes for line in lines}
        self._overflows = {line.connection: line.overflows for line in lines}
        # A line that brought nothing since the last look is not behind, however its last read ended.
        moved = [line for line in lines if line.bytes != before.get(line.connection)]
        return Load(
            delay_ns=late_ns,
            own_lag_ns=max(map(self._own_lag_ns, moved), default=0),
            backlog_bytes=sum(line.backlog_bytes for line in moved),
            overflowed=overflowed,
            whole=self._is_whole(),
        )

    def _own_lag_ns(self, line: FeedStatistics) -> int:
        # Two bounds of the time that news waited for us: it is no older than this, and a line that ran dry kept none
        # waiting. Reading and folding are one step, so the queue it waits in is the kernel's or the exchange's.
        record = self._context.view.market_data.qualities.line(line.connection)
        age_ns = None if record is None else record.news_age_ns(self._context.now())
        return 0 if age_ns is None else min(age_ns, round(line.behind_s * NS_PER_S))

    def _has_overflowed(self, line: FeedStatistics) -> bool:
        return line.overflows > self._overflows.get(line.connection, 0)


def interest_in(view: StateView) -> dict[MarketTicker, str]:
    """Return the markets whose books must be kept, with the reason."""
    interest = dict(view.held_markets())
    for order in view.recent_orders(ORDERS_LOOKED_AT):
        if order.attribution.owner is OrderOwner.STRATEGY:
            interest.setdefault(order.ticker, f"strategy {order.attribution.strategy} trades it")
    return interest


def by_trading(view: StateView) -> list[MarketTicker]:
    """Return the followed markets, those that traded last first, and those that nobody saw trade as they came."""
    last_at = view.market_data.tape.last_at
    return sorted(view.followed, key=lambda ticker: -last_at.get(ticker, 0))


def _names(tickers: tuple[MarketTicker, ...]) -> str:
    return f"{len(tickers)} markets ({name_tickers(tickers)})"

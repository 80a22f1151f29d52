"""The pace of strategies: one that takes more of the loop than its share is looked at less often, and told once.

Owns: what each look costs whom, the turns of slowed strategies (one market after the other, so that none is for ever the
last), and the degraded part while one is slowed.
Must not: decide when a strategy is over its share (`tenant_share`), or ask one (`actor_ask`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import attrs
import trio

from traderd.core.tick_outcome import Ending
from traderd.model import events as ev
from traderd.model.ids import MarketTicker, StrategyName
from traderd.model.strategy_events import TickOutcome
from traderd.services.context import Context
from traderd.services.tenant import Tenant
from traderd.services.tenant_share import ALL_PERCENT, WINDOW_S, Pace, judge_shares

SHARE_RULE: Final = "loop_percent"
TURN_S: Final = 0.1
"""How often slowed strategies get their turn."""
JUDGED_EVERY_S: Final = 0.05
"""After so much time of strategies the shares are judged: often enough that a flood is noticed within a second, and
judging costs nothing beside what was judged."""
BREATH_S: Final = 0.005
"""After so much time of strategies the rest of the daemon gets its turn."""
PART: Final = "loop share of "
"""What the degraded part of a slowed strategy begins with."""


@attrs.define(eq=False)
class PaceKeeper:
    """Keeps the pace of all strategies."""

    _context: Context
    _tenants: Mapping[StrategyName, Tenant]
    _spent_s: float = 0.0
    """Of the loop, since the others had their turn."""
    _unjudged_s: float = 0.0
    _told: dict[StrategyName, None] = attrs.Factory(dict)
    _somebody_slowed: trio.Event = attrs.Factory(trio.Event)

    def __attrs_post_init__(self) -> None:
        # What the run of the service before this one told: everybody begins at full pace.
        for part in tuple(self._context.view.conditions.degraded):
            if part.startswith(PART):
                self._context.clear_degraded(part)

    def charge(self, tenant: Tenant, seconds: float, now: float) -> None:
        """Count what a look took, on the monotonic clock."""
        tenant.share.charge(seconds, now)
        self._spent_s += seconds
        self._unjudged_s += seconds
        if self._unjudged_s >= JUDGED_EVERY_S:
            self.judge(now)

    @property
    def is_out_of_breath(self) -> bool:
        """Tell whether strategies have had their turn, and the rest of the daemon is next."""
        return self._spent_s >= BREATH_S

    async def breathe(self, *, now: bool = False) -> None:
        """Give the rest of the daemon its turn if it is next, or `now`."""
        if now or self.is_out_of_breath:
            self._spent_s = 0.0
            await trio.lowlevel.checkpoint()

    def judge(self, now: float) -> None:
        """Slow down who is over its share, let go who is not any more, and tell it."""
        self._unjudged_s = 0.0
        running = {name: one for name, one in self._tenants.items() if one.runs}
        for name in judge_shares({name: one.share for name, one in running.items()}, now):
            tenant = running[name]
            if tenant.share.pace is Pace.SLOWED:
                self._slow_down(tenant, now)
        for name in tuple(self._told):
            # Also of one that was taken out of service, away, or replaced by new code meanwhile.
            if name not in running or running[name].share.pace is Pace.FULL:
                self._let_go(name, now)

    def _slow_down(self, tenant: Tenant, now: float) -> None:
        books, due_at = self._context.view.market_data.books, tenant.due_at
        tenant.line.clear()
        # Who waits longest is first.
        tenant.line.extend(sorted(books, key=lambda ticker: due_at.get(ticker, 0.0)))
        share = tenant.share
        percent, rate = share.used(now) * 100, share.rate * 100
        whose = f"strategies.{tenant.name}.{SHARE_RULE} = {share.percent}"
        if rate < share.percent:
            whose = f"{rate:.1f} %, its part of the {ALL_PERCENT} % for all strategies"
        reason = (
            f"it took {percent:.1f} % of the loop for {WINDOW_S:g} s, which is more than {whose}; its markets are looked at "
            "less often until it is quicker or follows fewer markets"
        )
        self._told[tenant.name] = None
        self._context.log.warning(
            f"strategy {tenant.name} is slowed down: {reason}", strategy=tenant.name
        )
        part = f"{PART}{tenant.name}"
        self._context.publish(ev.DegradedRaised(at=self._context.now(), part=part, reason=reason))
        self._somebody_slowed.set()

    def _let_go(self, name: StrategyName, now: float) -> None:
        del self._told[name]
        self._context.clear_degraded(f"{PART}{name}")
        tenant = self._tenants.get(name)
        if tenant is not None:
            if tenant.share.pace is Pace.SLOWED:
                # It gets no turns from here on, so once it is released nobody would look for it.
                tenant.share.step(Pace.FULL, now)
            self._context.log.info(f"strategy {name} has its full pace again", strategy=name)

    async def give_turns(self, look: Callable[[Tenant, MarketTicker], None]) -> None:
        """Let slowed strategies look at their markets in turn as far as their share goes, until cancelled."""
        while True:
            await self._somebody_slowed.wait()
            await trio.sleep(TURN_S)
            self.judge(self._context.env.monotonic())
            if not self._told:
                self._somebody_slowed = trio.Event()
                continue
            for name in tuple(self._told):
                tenant = self._tenants.get(name)
                if tenant is not None:
                    await self._give_turn(tenant, look)

    async def _give_turn(
        self, tenant: Tenant, look: Callable[[Tenant, MarketTicker], None]
    ) -> None:
        line, books = tenant.line, self._context.view.market_data.books
        if tenant.on_book() is None:
            return
        if len(line) < len(books):
            known = dict.fromkeys(line)
            line.extend(ticker for ticker in books if ticker not in known)
        for _ in range(len(line)):
            if not (self._context.view.working and tenant.runs and line):
                return
            # Those that were looked at go to the end, so the first one is due before all others.
            if trio.current_time() < tenant.due_at.get(line[0], 0.0):
                return
            if not tenant.share.may_run(self._context.env.monotonic()):
                return
            ticker = line.popleft()
            if ticker in books:
                line.append(ticker)
                look(tenant, ticker)
            await self.breathe()


def put_off(tenant: Tenant, late_s: float) -> Ending:
    """Return how a tick ends that came late, or not at all, because the strategy is over its share."""
    words = f"looked at {late_s:.0f} s late" if late_s else "not looked at"
    percent = f"{tenant.share.rate * 100:.1f}".removesuffix(".0")
    return Ending(
        TickOutcome.BUDGET,
        SHARE_RULE,
        f"{words}: {tenant.name} takes more than its {percent} % of the loop (strategies.{tenant.name}.{SHARE_RULE})",
    )

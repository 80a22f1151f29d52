"""What happens in a market by the scenario's will: its opening book when it opens, its result after it closes.

Owns: when and how. It works with a silent street too.
Must not: quote or take.
"""

from __future__ import annotations

from random import Random
from typing import Final

import attrs

from traderd.model.ids import MarketTicker
from traderd.model.market import MarketStatus
from traderd.model.units import NS_PER_MS, NS_PER_S, ONE_DOLLAR, Price, Timestamp
from traderd.paper.flow.adoption import Seen
from traderd.paper.flow.agenda import Agenda, Decide, Open
from traderd.paper.flow.behaviour import Settles, StreetPlan
from traderd.paper.flow.fair_value import FairValue
from traderd.paper.flow.quoting import Quoting
from traderd.paper.venue.listings import Result, VenueMarket
from traderd.paper.venue.venue import Venue

OPEN_DELAY_MS: Final = (50, 500)
"""Bounds how long after its opening a market gets its opening book."""
DECIDE_DELAY_S: Final = (5, 30)
"""Bounds how long after its close a market gets its result."""
AGAIN_NS: Final = NS_PER_S
"""How long to wait for a venue that has not opened or closed a market yet whose time has come."""
_CENT: Final = 100


@attrs.define(eq=False)
class Program:
    """The openings and results of one venue."""

    venue: Venue
    quoting: Quoting
    agenda: Agenda
    rng: Random
    ends: dict[MarketTicker, bool] = attrs.field(factory=dict)
    """Whether a market ends YES, of all that have an end."""
    _opening: dict[MarketTicker, StreetPlan] = attrs.field(factory=dict)
    _settling: dict[MarketTicker, tuple[Settles, FairValue | None]] = attrs.field(factory=dict)
    _deciding: dict[MarketTicker, Timestamp] = attrs.field(factory=dict)

    def __bool__(self) -> bool:
        """Tell whether there is anything to do."""
        return bool(self._opening or self._settling)

    def adopt(self, seen: Seen) -> None:
        """Take in what the scenario wants of one market."""
        ticker = seen.market.ticker
        if seen.ends_yes is not None:
            self.ends[ticker] = seen.ends_yes
        if seen.plan.settles is not None:
            self._settling[ticker] = (seen.plan.settles, seen.fair)
        if seen.market.status is MarketStatus.INITIALIZED and (
            seen.plan.opening_bids or seen.plan.opening_asks
        ):
            self._opening[ticker] = seen.plan

    def start(self, seen: Seen, now: Timestamp) -> None:
        """Put one market's opening and result on the agenda."""
        ticker = seen.market.ticker
        if seen.market.status is MarketStatus.INITIALIZED:
            self._plan_open(seen.market, now)
        if ticker in self._settling:
            self._plan_decide(seen.market, now)

    def look(self, market: VenueMarket, now: Timestamp) -> None:
        """Notice a market that closed before its time."""
        due = self._deciding.get(market.ticker)
        latest = now + DECIDE_DELAY_S[1] * NS_PER_S
        if due is not None and due > latest and market.status is MarketStatus.CLOSED:
            self._plan_decide(market, now)

    def open(self, ticker: MarketTicker, now: Timestamp) -> bool:
        """Post an opening book; False if the market is not open yet or any more."""
        market = self.venue.market(ticker)
        if market.status is MarketStatus.INITIALIZED:
            self._plan_open(market, Timestamp(now + AGAIN_NS))
            return False
        plan = self._opening.pop(ticker, None)
        if not market.is_active:
            return False
        if plan is not None:
            self.quoting.post(ticker, plan.opening_bids, plan.opening_asks, now)
        return True

    def decide(self, ticker: MarketTicker, now: Timestamp) -> None:
        """Say how a market ended, if it has closed and nobody said so before; raises VenueRefusal."""
        market = self.venue.market(ticker)
        if market.result is not None or ticker not in self._settling:
            self._settling.pop(ticker, None)
            self._deciding.pop(ticker, None)
            return
        if market.status is not MarketStatus.CLOSED:
            # Somebody moved the close.
            self._plan_decide(market, Timestamp(now + AGAIN_NS))
            return
        settles, fair = self._settling.pop(ticker)
        self._deciding.pop(ticker, None)
        if market.is_scalar and settles is Settles.BY_FLOW:
            self.venue.life.determine(ticker, Result.SCALAR, _last_value(market, fair), now)
        else:
            result = Result.YES if self.ends[ticker] else Result.NO
            self.venue.life.determine(ticker, result, None, now)

    def _plan_open(self, market: VenueMarket, now: Timestamp) -> None:
        delay = self.rng.randint(*OPEN_DELAY_MS) * NS_PER_MS
        self.agenda.plan(max(now, market.open_time) + delay, Open(market.ticker))

    def _plan_decide(self, market: VenueMarket, now: Timestamp) -> None:
        delay = self.rng.randint(*DECIDE_DELAY_S) * NS_PER_S
        due = Timestamp(max(now, market.close_time) + delay)
        self._deciding[market.ticker] = due
        self.agenda.plan(due, Decide(market.ticker))


def _last_value(market: VenueMarket, fair: FairValue | None) -> Price:
    if fair is not None:
        value = fair.middle // 2
    else:
        value = market.last_price if market.last_price is not None else ONE_DOLLAR // 2
    return Price(value // _CENT * _CENT)

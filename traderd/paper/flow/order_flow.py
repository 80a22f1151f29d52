"""The street's behaviour: seeded makers and takers who keep every book alive.

Owns: what anonymous traders do and when. Per market a fair value walks a few ticks around its home and is pulled back
to it, so that books live for days; what else a market does is its style's (`behaviour`).
Must not: read a clock or wait; the caller sleeps for the returned delay and then applies the action.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from random import Random
from typing import Final, assert_never

from traderd.model.ids import MarketTicker
from traderd.model.orders import Side
from traderd.model.units import NS_PER_MS, NS_PER_S, Timestamp
from traderd.paper.flow.adoption import Seen, adopt, is_over
from traderd.paper.flow.agenda import (
    Action,
    Agenda,
    Cluster,
    Decide,
    FairMove,
    Look,
    Mend,
    Open,
    Quote,
    Take,
)
from traderd.paper.flow.behaviour import PROFILES, StreetPlan, Style
from traderd.paper.flow.fair_value import DRIFT_UNTIL, OFFSET_MAX, FairValue
from traderd.paper.flow.program import Program
from traderd.paper.flow.quoting import Quoting
from traderd.paper.venue.listings import VenueMarket
from traderd.paper.venue.messages import VenueRefusal
from traderd.paper.venue.venue import Venue

DEFAULT_RATE_PER_S: Final = 5.0
"""Quotes and takes over all markets. With the moves it makes 5 to 8 book changes a second; the recording of
2026-08-07 shows 4.4 over the same twelve markets."""
DOUBLE_STEP_SHARE: Final = 0.2
"""How many moves go two ticks."""
MEND_DELAY_MS: Final = (30, 300)
"""Bounds how long makers and takers need to follow a move, each step."""
CLUSTER_PER_S: Final = 4.0
"""How quickly quotes and takes follow each other after news."""
DRIFT_MOVES: Final = 120
"""How many moves a market that knows its end makes at least in its life: a short one hurries."""
UNEVEN_OVER: Final = 12
"""Among how many markets the busiest one has twice the quotes of the second, three times those of the third, and so
on: as many as were recorded, where half of the changes were in one market."""
LOOK_S: Final = 10
"""Bounds how long a new market waits to be seen."""
LOOKS_AT: Final = 500
"""Bounds the markets that are looked at each time, so that looking costs the same for any number of them."""

_NOBODY: Final[Mapping[MarketTicker, StreetPlan]] = {}


class OrderFlow:
    """A seeded sequence of street actions for one venue.

    Make it before accounts trade: the touch that it finds is the one it keeps coming back to.
    """

    def __init__(
        self,
        venue: Venue,
        rng: Random,
        rate: float = DEFAULT_RATE_PER_S,
        plans: Mapping[MarketTicker, StreetPlan] = _NOBODY,
    ) -> None:
        """Look at every market there is.

        Args:
            venue: where to trade.
            rng: of everything; equal seeds and equal calls give equal actions.
            rate: quotes and takes a second over all markets; 0 leaves only openings and results.
            plans: what the scenario asks, per market.
        """
        self._venue = venue
        self._rng = rng
        self._rate = rate
        self._plans = plans
        # Of its own, so that a draw more or less for one market does not change what the others do.
        self._odds = Random(rng.getrandbits(64))
        self._agenda = Agenda()
        self._quoting = Quoting(venue, rng)
        self._program = Program(venue, self._quoting, self._agenda, self._odds)
        self._fairs: dict[MarketTicker, FairValue] = {}
        self._groups: list[tuple[FairValue, ...]] = []
        self._watched: list[MarketTicker] = []
        self._tickers: list[MarketTicker] = []
        self._weights: list[float] = []
        self._activity = 0.0
        self._looked = self._listed = 0
        self._waiting: list[Seen] = []
        self._is_started = self._is_noisy = False
        self._see(venue.markets())

    @property
    def is_needed(self) -> bool:
        """Tell whether anything would ever happen."""
        return self._rate > 0 or bool(self._program)

    def next_action(self, now: Timestamp) -> tuple[float, Action]:
        """Return the next action and how many seconds from `now` it is due, until it is applied."""
        if not self._is_started:
            self._is_started = True
            self._agenda.plan(now + LOOK_S * NS_PER_S, Look())
        if self._waiting:
            self._begin(now)
        planned = self._agenda.next()
        assert planned is not None, "the next look is always planned"
        due, action = planned
        return max(0, due - now) / NS_PER_S, action

    def apply(self, action: Action, now: Timestamp) -> None:
        """Carry out an action; the venue's outbox tells what it did, which may be nothing.

        Raises:
            ValueError: it is not the one that `next_action` returned last.
        """
        self._agenda.take(action)
        try:
            self._act(action, now)
        except VenueRefusal:
            # Somebody paused, closed or changed the market under the street: it tries again some other time.
            return

    def _act(self, action: Action, now: Timestamp) -> None:
        match action:
            case Quote() | Take():
                self._plan_noise(now)
                self._trade(action.ticker, now, takes=isinstance(action, Take))
            case Cluster():
                self._cluster(action, now)
            case FairMove():
                self._plan_move(action.group, now)
                self._move(self._groups[action.group], now)
            case Mend():
                self._mend(self._fairs[action.ticker], now)
            case Open():
                fair = self._fairs.get(action.ticker)
                if self._program.open(action.ticker, now) and fair is not None and self._rate > 0:
                    self._plan_mend(fair, now)
            case Decide():
                self._program.decide(action.ticker, now)
            case Look():
                self._agenda.plan(now + LOOK_S * NS_PER_S, Look())
                self._look(now)
            case _:
                assert_never(action)

    # --- whom -------------------------------------------------------------------------------------

    def _see(self, markets: Iterable[VenueMarket]) -> None:
        self._listed = len(self._venue.floor.markets)
        seen = adopt(self._venue, markets, self._plans, self._program.ends, self._odds)
        self._waiting.extend(seen)
        for each in seen:
            self._program.adopt(each)
            if each.fair is not None:
                self._fairs[each.market.ticker] = each.fair
            if each.fair is not None or each.plan.settles is not None:
                self._watched.append(each.market.ticker)
        fairs = [each.fair for each in seen if each.fair is not None]
        # Which markets are the busy ones is up to the seed.
        ranks = list(range(len(self._tickers), len(self._tickers) + len(fairs)))
        self._rng.shuffle(ranks)
        total = self._weights[-1] if self._weights else 0.0
        for fair, rank in zip(fairs, ranks, strict=True):
            activity = PROFILES[fair.style].activity
            total += activity / (rank % UNEVEN_OVER + 1)
            self._activity += activity
            self._tickers.append(fair.ticker)
            self._weights.append(total)

    def _begin(self, now: Timestamp) -> None:
        # Puts the markets on the agenda that were seen since the last time.
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            self._program.start(each, now)
        if self._rate <= 0:
            return
        for group in _groups(self._venue, waiting):
            number = len(self._groups)
            self._groups.append(group)
            # Somewhere inside a period that is already running, so that the start is not quiet.
            longest_ns = self._period_ns(group[0])[1]
            self._agenda.plan(now + self._rng.randrange(longest_ns), FairMove(number))
            for fair in group:
                if self._trades(fair, now) and self._is_wiped(fair):
                    self._plan_mend(fair, now)
        if self._tickers and not self._is_noisy:
            self._is_noisy = True
            self._plan_noise(now)

    def _look(self, now: Timestamp) -> None:
        if len(self._venue.floor.markets) > self._listed:
            self._see(itertools.islice(self._venue.floor.markets.values(), self._listed, None))
        for _ in range(min(LOOKS_AT, len(self._watched))):
            self._looked = (self._looked + 1) % len(self._watched)
            ticker = self._watched[self._looked]
            self._program.look(self._venue.market(ticker), now)
            fair = self._fairs.get(ticker)
            if (
                self._rate > 0
                and fair is not None
                and self._trades(fair, now)
                and self._is_wiped(fair)
            ):
                self._plan_mend(fair, now)

    def _is_wiped(self, fair: FairValue) -> bool:
        return any(self._quoting.is_wiped(fair, side) for side in Side)

    # --- when -------------------------------------------------------------------------------------

    def _plan_noise(self, now: Timestamp) -> None:
        ticker = self._rng.choices(self._tickers, cum_weights=self._weights)[0]
        takes = self._rng.random() < PROFILES[self._fairs[ticker].style].take_share
        # Where all markets are quiet, so is the whole.
        rate = self._rate * min(1.0, self._activity)
        delay = int(self._rng.expovariate(rate) * NS_PER_S)
        self._agenda.plan(now + delay, Take(ticker) if takes else Quote(ticker))

    def _plan_move(self, group: int, now: Timestamp) -> None:
        fairs = self._groups[group]
        if not all(is_over(self._venue.market(fair.ticker)) for fair in fairs):
            period = self._rng.randrange(*self._period_ns(fairs[0]))
            self._agenda.plan(now + period, FairMove(group))

    def _period_ns(self, fair: FairValue) -> tuple[int, int]:
        shortest, longest = (bound * NS_PER_S for bound in PROFILES[fair.style].move_s)
        if fair.style is Style.DRIFT:
            market = self._venue.market(fair.ticker)
            hurried = max(NS_PER_S, (market.close_time - market.open_time) // DRIFT_MOVES)
            if hurried < longest:
                return hurried * 2 // 3, hurried
        return shortest, longest

    def _plan_mend(self, fair: FairValue, now: Timestamp) -> None:
        if not fair.mending:
            fair.mending = True
            delay = self._rng.randint(*MEND_DELAY_MS) * NS_PER_MS
            self._agenda.plan(now + delay, Mend(fair.ticker))

    def _trades(self, fair: FairValue, now: Timestamp) -> bool:
        market = self._venue.market(fair.ticker)
        if self._venue.paused is not None or not market.open_time <= now < market.close_time:
            return False
        if market.grid is not fair.grid:
            fair.regrid(market.grid)
        return market.is_active

    # --- what -------------------------------------------------------------------------------------

    def _trade(self, ticker: MarketTicker, now: Timestamp, *, takes: bool) -> None:
        fair = self._fairs[ticker]
        if not self._trades(fair, now) or self._quoting.mend(fair, now):
            return
        if takes:
            self._quoting.take(fair, now)
        else:
            self._quoting.quote(fair, now)

    def _mend(self, fair: FairValue, now: Timestamp) -> None:
        fair.mending = False
        if self._trades(fair, now) and self._quoting.mend(fair, now):
            self._plan_mend(fair, now)

    def _cluster(self, action: Cluster, now: Timestamp) -> None:
        profile = PROFILES[self._fairs[action.ticker].style]
        if action.left:
            delay = int(self._rng.expovariate(CLUSTER_PER_S) * NS_PER_S)
            self._agenda.plan(now + delay, Cluster(action.ticker, action.left - 1))
        self._trade(action.ticker, now, takes=self._rng.random() < profile.take_share)

    def _move(self, group: tuple[FairValue, ...], now: Timestamp) -> None:
        leader = group[0]
        profile = PROFILES[leader.style]
        if profile.jump_ticks is None:
            step = 2 if self._rng.random() < DOUBLE_STEP_SHARE else 1
        else:
            step = self._rng.randint(*profile.jump_ticks)
        # The further from home, the more likely the way back.
        if self._rng.random() >= 0.5 - leader.offset / (2 * OFFSET_MAX):
            step = -step
        for place, fair in enumerate(group):
            if not self._trades(fair, now):
                continue
            age = self._age_percent(fair, now)
            moved = fair.drift(age)
            if age < DRIFT_UNTIL or fair.ends_yes is None:
                moved = fair.move(step if place == 0 else -step) or moved
            if moved:
                self._plan_mend(fair, now)
                if profile.cluster[1]:
                    self._agenda.plan(
                        now, Cluster(fair.ticker, self._rng.randint(*profile.cluster))
                    )

    def _age_percent(self, fair: FairValue, now: Timestamp) -> int:
        market = self._venue.market(fair.ticker)
        life = max(1, market.close_time - market.open_time)
        return math.floor((now - market.open_time) * 100 / life)


def _groups(venue: Venue, seen: Iterable[Seen]) -> list[tuple[FairValue, ...]]:
    by_event: dict[str, list[FairValue]] = {}
    for each in seen:
        if each.fair is not None:
            by_event.setdefault(each.market.event_ticker, []).append(each.fair)
    groups: list[tuple[FairValue, ...]] = []
    for event, fairs in by_event.items():
        mirrored = len(fairs) == 2 and venue.event(event).mutually_exclusive
        if mirrored and fairs[0].style is fairs[1].style is not Style.DRIFT:
            groups.append((fairs[0], fairs[1]))
        else:
            groups.extend((fair,) for fair in fairs)
    return groups

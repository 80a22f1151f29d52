"""The street's behaviour: seeded makers and takers who keep every book alive.

Owns: what anonymous traders do and when. Per market a fair value walks a few ticks around the opening touch and is
pulled back to it, so that books live for days. When it moves, makers leave the levels it has passed, and takers hit
whatever orders stayed there: that is how an order that joined the touch fills although the queue before it is huge.
Must not: read a clock or wait; the caller sleeps for the returned delay and then applies the action.
"""

from __future__ import annotations

import heapq
import itertools
from random import Random
from typing import Final, TypeAlias, assert_never

import attrs

from traderd.model.ids import MarketTicker
from traderd.model.market import MarketStatus
from traderd.model.orders import Side
from traderd.model.units import (
    NS_PER_MS,
    NS_PER_S,
    ONE_CONTRACT,
    Count,
    Timestamp,
)
from traderd.paper.flow.fair_value import NEAR_LEVELS, OFFSET_MAX, FairValue, opening_fair_value
from traderd.paper.venue.venue import Venue

DEFAULT_RATE_PER_S: Final = 5.0
"""Quotes and takes over all markets. With the moves it makes 5 to 8 book changes a second; the recording of
2026-08-07 shows 4.4 over the same twelve markets."""
TAKE_SHARE: Final = 0.12
"""How many of those actions are takes."""
MOVE_PERIOD_S: Final = (20, 30)
"""Bounds the time between two moves of one fair value: a joined touch fills within about a minute."""
DOUBLE_STEP_SHARE: Final = 0.2
"""How many moves go two ticks."""
MEND_DELAY_MS: Final = (30, 300)
"""Bounds how long makers and takers need to follow a move, each step."""
KEEP_DRIFT: Final = (0.35, 0.65)
"""Bounds the chance that a quote adds: small levels tend to grow and large ones to shrink."""

_DISTANCE_WEIGHTS: Final = (33, 46, 55, 41, 19, 19, 14, 12, 6)
"""How often the recorded changes were 0, 1, ... 8 ticks behind the touch (2026-08-07, 245 changes)."""
_SIZE_DECILES: Final = (100, 300, 500, 1_375, 2_000, 2_500, 2_750, 8_500, 12_500, 52_300)
"""Deciles of the recorded changes' sizes in 1/100 contract; the last one opens the heavy tail."""
_SIZE_MAX: Final = 3_000_000
"""Bounds a single change: the largest recorded one is 29 986.84 contracts."""
_FRACTIONAL_SHARE: Final = 0.3
"""How many sizes are not whole contracts."""
_STALE_TAKE_MIN: Final = 100 * ONE_CONTRACT
"""Smallest take against orders that the fair value has passed: whoever is late is taken whole."""


@attrs.frozen
class Quote:
    """A maker adds to a level or takes from it."""

    ticker: MarketTicker


@attrs.frozen
class Take:
    """A taker hits the touch."""

    ticker: MarketTicker


@attrs.frozen
class FairMove:
    """A fair value moves; in an event of two markets both move, in opposite directions."""

    group: int


@attrs.frozen
class Mend:
    """Makers and takers bring one book one step nearer to its fair value."""

    ticker: MarketTicker


Action: TypeAlias = Quote | Take | FairMove | Mend


class OrderFlow:
    """A seeded sequence of street actions for one venue.

    Make it before accounts trade: the touch that it finds is the one it keeps coming back to.
    """

    def __init__(self, venue: Venue, rng: Random, rate: float = DEFAULT_RATE_PER_S) -> None:
        self._venue = venue
        self._rng = rng
        self._rate = rate
        self._agenda: list[tuple[Timestamp, int, Action]] = []
        self._numbers = itertools.count()
        self._fairs: dict[MarketTicker, FairValue] = {}
        for market in venue.markets():
            fair = opening_fair_value(venue, market)
            if fair is not None:
                self._fairs[market.ticker] = fair
        self._groups = self._make_groups()
        self._tickers = list(self._fairs)
        # Activity is as uneven as in the recording, and which markets are the busy ones is up to the seed.
        weights = [1 / (rank + 3) for rank in range(len(self._tickers))]
        rng.shuffle(weights)
        self._weights = list(itertools.accumulate(weights))
        self._started = False

    def _make_groups(self) -> list[tuple[FairValue, ...]]:
        by_event: dict[str, list[FairValue]] = {}
        for fair in self._fairs.values():
            event = self._venue.market(fair.ticker).event_ticker
            by_event.setdefault(event, []).append(fair)
        groups: list[tuple[FairValue, ...]] = []
        for fairs in by_event.values():
            groups.extend([tuple(fairs)] if len(fairs) == 2 else [(fair,) for fair in fairs])
        return groups

    def next_action(self, now: Timestamp) -> tuple[float, Action]:
        """Return the next action and how many seconds from `now` it is due, until it is applied.

        Raises:
            ValueError: no market has an opening book, so there is nothing to do.
        """
        if not self._fairs:
            raise ValueError("no market of this venue opens with bids and asks")
        if not self._started:
            self._started = True
            for group in range(len(self._groups)):
                # Somewhere inside a period that is already running, so that the start is not quiet.
                first_ns = self._rng.randrange(MOVE_PERIOD_S[1] * NS_PER_S)
                self._plan(now + first_ns, FairMove(group))
            self._plan_noise(now)
        due, _, action = self._agenda[0]
        return max(0, due - now) / NS_PER_S, action

    def apply(self, action: Action, now: Timestamp) -> None:
        """Carry out an action; the venue's outbox tells what it did, which may be nothing.

        Raises:
            ValueError: it is not the one that `next_action` returned last.
        """
        if not self._agenda or self._agenda[0][2] is not action:
            raise ValueError(f"{action} is not the next action")
        heapq.heappop(self._agenda)
        match action:
            case Quote() | Take():
                self._plan_noise(now)
                fair = self._fairs[action.ticker]
                if self._trades(fair, now) and not self._mend(fair, now):
                    if isinstance(action, Quote):
                        self._quote(fair, now)
                    else:
                        self._take(fair, now)
            case FairMove():
                self._plan_move(action.group, now)
                self._move(self._groups[action.group], now)
            case Mend():
                fair = self._fairs[action.ticker]
                fair.mending = False
                if self._trades(fair, now) and self._mend(fair, now):
                    self._plan_mend(fair, now)
            case _:
                assert_never(action)

    # --- when -------------------------------------------------------------------------------------

    def _plan(self, due: int, action: Action) -> None:
        heapq.heappush(self._agenda, (Timestamp(due), next(self._numbers), action))

    def _plan_noise(self, now: Timestamp) -> None:
        ticker = self._rng.choices(self._tickers, cum_weights=self._weights)[0]
        action = Take(ticker) if self._rng.random() < TAKE_SHARE else Quote(ticker)
        self._plan(now + int(self._rng.expovariate(self._rate) * NS_PER_S), action)

    def _plan_move(self, group: int, now: Timestamp) -> None:
        shortest, longest = MOVE_PERIOD_S
        self._plan(
            now + self._rng.randrange(shortest * NS_PER_S, longest * NS_PER_S), FairMove(group)
        )

    def _plan_mend(self, fair: FairValue, now: Timestamp) -> None:
        if not fair.mending:
            fair.mending = True
            self._plan(now + self._rng.randint(*MEND_DELAY_MS) * NS_PER_MS, Mend(fair.ticker))

    def _trades(self, fair: FairValue, now: Timestamp) -> bool:
        market = self._venue.market(fair.ticker)
        return market.status is MarketStatus.ACTIVE and now < market.close_time

    # --- what -------------------------------------------------------------------------------------

    def _move(self, group: tuple[FairValue, ...], now: Timestamp) -> None:
        leader = group[0]
        step = 2 if self._rng.random() < DOUBLE_STEP_SHARE else 1
        # The further from home, the more likely the way back.
        if self._rng.random() >= 0.5 - leader.offset / (2 * OFFSET_MAX):
            step = -step
        for place, fair in enumerate(group):
            if fair.move(step if place == 0 else -step):
                self._plan_mend(fair, now)

    def _mend(self, fair: FairValue, now: Timestamp) -> bool:
        # One step toward the fair value; False when nothing is left to do.
        done = (
            any(self._pull(fair, side, now) for side in Side)
            or any(self._hit_late(fair, side, now) for side in Side)
            or any(self._post_missing(fair, side, now) for side in Side)
        )
        if not done:
            fair.passed = None
        return done

    def _pull(self, fair: FairValue, side: Side, now: Timestamp) -> bool:
        # Makers leave the best level that the fair value has passed.
        street = self._venue.street
        for price, _ in self._venue.book_of(fair.ticker).levels(side):
            if not fair.is_better(side, price):
                return False
            size = street.size(fair.ticker, side, price)
            if size:
                street.remove(fair.ticker, side, price, size, now)
                return True
        return False

    def _hit_late(self, fair: FairValue, side: Side, now: Timestamp) -> bool:
        # Once the makers are gone, only accounts' orders are left on the passed levels.
        book = self._venue.book_of(fair.ticker)
        best = book.best(side)
        if best is None or not fair.is_better(side, best):
            return False
        opposite = fair.prices[fair.touch(side.opposite)]
        if fair.passed is not side and side.sign * (best - opposite) < 0:
            # It only improves the touch; ordinary takers will come for it.
            return False
        size = Count(max(self._size(), _STALE_TAKE_MIN))
        return self._venue.street.take(fair.ticker, side.opposite, best, size, now) > 0

    def _post_missing(self, fair: FairValue, side: Side, now: Timestamp) -> bool:
        for ticks in range(NEAR_LEVELS):
            price = fair.behind(side, ticks)
            if price is None:
                return False
            if not self._venue.street.size(fair.ticker, side, price):
                size = self._rng.choice(fair.sizes) // self._rng.randint(1, 3)
                size = Count(max(ONE_CONTRACT, size))
                if self._venue.street.add(fair.ticker, side, price, size, now):
                    return True
        return False

    def _quote(self, fair: FairValue, now: Timestamp) -> None:
        side = self._rng.choice((Side.BID, Side.ASK))
        ticks = self._rng.choices(range(len(_DISTANCE_WEIGHTS)), _DISTANCE_WEIGHTS)[0]
        price = fair.behind(side, ticks)
        if price is None:
            return
        street = self._venue.street
        there = street.size(fair.ticker, side, price)
        least, most = KEEP_DRIFT
        chance = min(most, max(least, fair.typical / (fair.typical + there)))
        size = self._size()
        # A quote never empties a level, so the number of levels changes only with the fair value.
        removable = min(size, there // 2)
        if self._rng.random() < chance or not removable:
            street.add(fair.ticker, side, price, size, now)
        else:
            street.remove(fair.ticker, side, price, Count(removable), now)

    def _take(self, fair: FairValue, now: Timestamp) -> None:
        side = self._rng.choice((Side.BID, Side.ASK))
        best = self._venue.book_of(fair.ticker).best(side.opposite)
        if best is not None:
            self._venue.street.take(fair.ticker, side, best, self._size(), now)

    def _size(self) -> Count:
        # Between two deciles evenly; above the last one each doubling is half as likely.
        rng = self._rng
        decile = rng.randrange(len(_SIZE_DECILES))
        low = _SIZE_DECILES[decile]
        if decile + 1 < len(_SIZE_DECILES):
            size = rng.randint(low, _SIZE_DECILES[decile + 1])
        else:
            while rng.random() < 0.5 and low < _SIZE_MAX:
                low *= 2
            size = min(_SIZE_MAX, rng.randrange(low, 2 * low))
        if rng.random() >= _FRACTIONAL_SHARE:
            size -= size % ONE_CONTRACT
        return Count(size)

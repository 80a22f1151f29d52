"""What a fill should have cost, and what part of its fee is what.

Owns: Kalshi's formula and rounding; by which terms a series or an event is charged, as the exchange publishes them, or,
while nobody read that, which of the known schedules its fills leave possible.
The exchange's `fee_cost` is what is booked; this splits it, and knows when no schedule explains it.
Source: Kalshi fee schedule effective 2026-07-07 and fee-rounding page of October 2026: M x k x C x P x (1 - P), rounded
up to $0.000001; the cash of a fill is rounded down to the balance's step; what that took is given back in whole
steps once it adds up within the order.
Must not: correct a fee, or bound one before an order (see `fees`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Final

import attrs

from traderd.core.fees import USUAL_MULTIPLIER
from traderd.model.fees import FeeTerms, PublishedFees
from traderd.model.ids import MarketTicker, OrderId
from traderd.model.orders import Fill
from traderd.model.units import ONE_DOLLAR, Count, Money, Price, Timestamp

TAKER_RATE: Final = 700
"""0.07 in 1/10 000, of every fee type."""
MAKER_RATES: Final = (0, 175, 350)
"""`quadratic`, `quadratic_with_maker_fees`, `quadratic_with_combo_maker_fees`, in 1/10 000."""
MULTIPLIERS: Final = (1_000, 500, 0)
"""`fee_multiplier` in 1/1000: the default, that of the index series, and a waiver."""
BALANCE_STEPS: Final = (100, 10_000)
"""$0.0001 of direct members, $0.01 of everybody else."""
_SCALE: Final = 10**11
"""multiplier/1e3 x rate/1e4 x count/1e2 x price/1e4 x price/1e4 in dollars, times 1e6 for Money."""
ORDERS_KEPT_MAX: Final = 5_000
"""Bounds the orders whose fills are counted; an order's fills come close together."""


@attrs.frozen
class Schedule:
    """One published way to charge an account's fills."""

    multiplier: int
    maker_rate: int
    step: int
    """What a balance is rounded to."""

    def trade_fee(self, fill: Fill) -> int:
        """Return the formula's fee, rounded up."""
        rate = TAKER_RATE if fill.is_taker else self.maker_rate
        return self.fee_at(rate, fill.price, fill.count)

    def fee_at(self, rate: int, price: Price, count: Count) -> int:
        """Return the formula at a rate, rounded up."""
        return -(-self.multiplier * rate * count * price * (ONE_DOLLAR - price) // _SCALE)

    def rounding(self, fill: Fill) -> int:
        """Return what rounding the fill's cash down to the step takes."""
        # What a closed pair brings in is whole cents, so only the cost decides.
        return (-fill.cost - self.trade_fee(fill)) % self.step

    def split(self, fill: Fill, *, fills_of_order: int) -> FeeSplit | None:
        """Return the parts of the fill's fee, None when this schedule cannot have charged it.

        `fills_of_order` bounds what can be given back: each took less than a step for rounding, and it is given back
        in whole steps only.
        """
        fee, rounding = self.trade_fee(fill), self.rounding(fill)
        rebate = fee + rounding - fill.fee
        if rebate % self.step or not 0 <= rebate <= (fills_of_order - 1) * self.step:
            return None
        return FeeSplit(Money(fee), Money(rounding), Money(rebate))


SCHEDULES: Final = tuple(
    Schedule(multiplier, maker_rate, step)
    for step, multiplier, maker_rate in product(BALANCE_STEPS, MULTIPLIERS, MAKER_RATES)
)
"""Likeliest first."""


NOT_READ: Final = PublishedFees(of="", terms=None)
"""The fees of a series that nobody asked for."""
PUBLISHED_MAX: Final = 2_000
"""Bounds the series and events whose fees are kept: more than one daemon follows."""


def _of_terms(terms: Iterable[FeeTerms]) -> tuple[Schedule, ...]:
    return tuple(
        Schedule(each.multiplier, each.maker_rate, step) for step in BALANCE_STEPS for each in terms
    )


@attrs.frozen
class FeeSplit:
    """`trade_fee + rounding - rebate` is what the exchange charged."""

    trade_fee: Money
    rounding: Money
    rebate: Money


@attrs.frozen
class Judgement:
    """What the model says of one fill."""

    split: FeeSplit
    expected: Money | None
    """None: the fee is as expected; else what the likeliest schedule would have charged."""


@attrs.define(eq=False)
class FeeModel:
    """Narrows down, series by series, which schedule its fills are charged by."""

    differed: int = 0
    """Fills whose fee no schedule explains that the series' earlier fills leave possible."""
    published: dict[str, PublishedFees] = attrs.Factory(dict)
    """By series and by event, what the exchange says."""
    _possible: dict[str, tuple[Schedule, ...]] = attrs.Factory(dict)
    _fills_of: dict[OrderId, int] = attrs.Factory(dict)

    def judge(self, fill: Fill) -> Judgement:
        """Split a fill's fee; each fill must be shown once only."""
        series = _series(fill.ticker)
        fills_of_order = self._count(fill.order_id)
        possible = self._schedules(fill.ticker, fill.executed_at)
        found = dict(_splits(possible, fill, fills_of_order))
        if found:
            self._possible[series] = tuple(found)
            return Judgement(next(iter(found.values())), None)
        if not fill.fee and self.is_published(fill.ticker):
            # Kalshi: a market may have a waiver of its own for a time.
            return Judgement(FeeSplit(Money(0), Money(0), Money(0)), None)
        self.differed += 1
        expected = possible[0].trade_fee(fill) + possible[0].rounding(fill)
        # The schedule may have changed: what explains this fill is what the next one is judged by.
        others = dict(_splits(SCHEDULES, fill, fills_of_order))
        if others:
            self._possible[series] = tuple(others)
        split = next(iter(others.values()), FeeSplit(fill.fee, Money(0), Money(0)))
        return Judgement(split, Money(expected))

    def maker_fee(self, ticker: MarketTicker, price: Price, count: Count) -> tuple[Money, Money]:
        """Return the least and the most that resting contracts can be charged when they fill at their price."""
        # A resting order may fill when announced terms hold.
        terms = self._own(ticker).all()
        possible = _of_terms(terms) if terms else self._possible.get(_series(ticker), SCHEDULES)
        fees = [schedule.fee_at(schedule.maker_rate, price, count) for schedule in possible]
        return Money(min(fees)), Money(max(fees))

    def publish(self, fees: PublishedFees) -> None:
        """Go by what the exchange says from now on."""
        self.published[fees.of] = fees
        while len(self.published) > PUBLISHED_MAX:
            del self.published[next(iter(self.published))]

    def bound(self, ticker: MarketTicker) -> int:
        """Return the largest multiplier, in 1/1000, that an order of a market may be charged by, now or as announced.

        Never below the usual one: whether an event has fees of its own may not have been read yet.
        """
        if not self.published:
            return USUAL_MULTIPLIER
        event, series = ticker.rpartition("-")[0], _series(ticker)
        known = (self.published.get(event, NOT_READ), self.published.get(series, NOT_READ))
        return max([USUAL_MULTIPLIER, *(terms.multiplier for one in known for terms in one.all())])

    def is_published(self, ticker: MarketTicker) -> bool:
        """Tell whether the fees of a market were read; else its fills tell."""
        return bool(self._own(ticker).all())

    def _own(self, ticker: MarketTicker) -> PublishedFees:
        event = self.published.get(ticker.rpartition("-")[0])
        if event is not None and event.all():
            return event
        return self.published.get(_series(ticker), NOT_READ)

    def _schedules(self, ticker: MarketTicker, moment: Timestamp) -> tuple[Schedule, ...]:
        told = self._possible.get(_series(ticker), SCHEDULES)
        terms = self._own(ticker).at(moment)
        if terms is None:
            return told
        # Which step the account's balance has is not published: earlier fills tell that.
        steps = {schedule.step for schedule in told}
        return tuple(each for each in _of_terms((terms,)) if each.step in steps) or _of_terms((
            terms,
        ))

    def _count(self, order_id: OrderId) -> int:
        count = self._fills_of.pop(order_id, 0) + 1
        self._fills_of[order_id] = count
        if len(self._fills_of) > ORDERS_KEPT_MAX:
            del self._fills_of[next(iter(self._fills_of))]
        return count


def _series(ticker: MarketTicker) -> str:
    # Kalshi: a market's ticker begins with its event's, and that with its series'.
    return ticker.partition("-")[0]


def _splits(
    schedules: tuple[Schedule, ...], fill: Fill, fills_of_order: int
) -> Iterator[tuple[Schedule, FeeSplit]]:
    for schedule in schedules:
        split = schedule.split(fill, fills_of_order=fills_of_order)
        if split is not None:
            yield schedule, split

"""Upper bounds of trading fees, for checks before an order exists.

Owns: the worst fee an order could pay.  The fee that was really paid is the exchange's word (`fee_cost`).
Source: Kalshi fee schedule effective 2026-07-07: 0.07 x contracts x p x (1 - p), rounded up.
Must not: be used to book money.
"""

from __future__ import annotations

from typing import Final

from traderd.model.orders import Side
from traderd.model.units import ONE_DOLLAR, Count, Money, Price

TAKER_FEE_PERCENT: Final = 7
"""Taker coefficient 0.07 of the quadratic fee types; makers pay at most half of it."""
USUAL_MULTIPLIER: Final = 1_000
"""`fee_multiplier` in 1/1000 where the exchange publishes none or a smaller one: no series had more in the schedule of
2026-07-07, and what is waived today need not be tomorrow. `FeeModel.bound` knows of more."""
_ROUND_TO: Final = 10_000
"""Fees are bounded up to the next cent, the coarsest balance precision an account can have."""


def worst_fee(side: Side, price: Price, count: Count, multiplier: int = USUAL_MULTIPLIER) -> Money:
    """Return the most that an order of `count` at limit `price` can cost in fees; `multiplier` is in 1/1000."""
    # p(1-p) peaks at 50 cents: a bid may execute lower and an ask higher, nearer to the peak.
    half = ONE_DOLLAR // 2
    worst = min(price, half) if side is Side.BID else max(price, half)
    # Percent 1e-2 x multiplier 1e-3 x count 1e-2 x price squared 1e-8, in money units of 1e-6.
    fee = -(-TAKER_FEE_PERCENT * multiplier * count * worst * (ONE_DOLLAR - worst) // 10**9)
    return Money(-(-fee // _ROUND_TO) * _ROUND_TO)

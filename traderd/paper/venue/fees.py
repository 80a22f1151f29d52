"""What a fill costs: Kalshi's fee formula and its rounding with the per-order accumulator.

Owns: the arithmetic of sections "trade fee" and "rounding" of the fee schedule, exact in 1/1 000 000 $.
Must not: know accounts or orders.
"""

from __future__ import annotations

import enum
from typing import Final

import attrs

from traderd.errors import BadInput
from traderd.model.units import ONE_DOLLAR, Count, Money, Price

BALANCE_STEP: Final = Money(100)
"""Balances are whole multiples of this: $0.0001.  Kalshi: direct members."""
MULTIPLIER_ONE: Final = 1_000
"""A multiplier of 1 in the integer unit used here: 1/1000 bounds every multiplier Kalshi has shown (0.5, 1)."""
MULTIPLIER_MAX: Final = 10 * MULTIPLIER_ONE
"""Bounds the multiplier so that the proceeds of closing a position always cover the fee of closing it."""
_TAKER_RATE: Final = 700
"""0.07 in 1/10 000.  Kalshi: fee schedule of 2026-07-07."""
_SCALE: Final = 10**11
"""multiplier/1e3 x rate/1e4 x count/1e2 x price/1e4 x price/1e4 in dollars, times 1e6 for Money."""


class FeeType(enum.Enum):
    """Kalshi: `fee_type` of a series."""

    QUADRATIC = "quadratic"
    QUADRATIC_WITH_MAKER_FEES = "quadratic_with_maker_fees"
    QUADRATIC_WITH_COMBO_MAKER_FEES = "quadratic_with_combo_maker_fees"


_MAKER_RATE: Final = {
    FeeType.QUADRATIC: 0,
    FeeType.QUADRATIC_WITH_MAKER_FEES: 175,
    FeeType.QUADRATIC_WITH_COMBO_MAKER_FEES: 350,
}
"""In 1/10 000: none, a quarter and a half of the taker's."""


@attrs.frozen(kw_only=True)
class FeeSchedule:
    """How one market's fills are charged."""

    fee_type: FeeType
    multiplier: int = MULTIPLIER_ONE
    """In 1/1000.  Kalshi: `fee_multiplier`."""

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.multiplier <= MULTIPLIER_MAX:
            raise BadInput(f"fee multiplier {self.multiplier}/1000 is not between 0 and 10")

    def trade_fee(self, price: Price, count: Count, *, is_taker: bool) -> Money:
        """Return M x k x C x P x (1 - P), rounded up to $0.000001.  Kalshi: trade fee."""
        rate = _TAKER_RATE if is_taker else _MAKER_RATE[self.fee_type]
        scaled = self.multiplier * rate * count * price * (ONE_DOLLAR - price)
        return Money(-(-scaled // _SCALE))


NO_FEES: Final = FeeSchedule(fee_type=FeeType.QUADRATIC, multiplier=0)
"""What a waiver charges.  Kalshi: `fee_waiver_expiration_time`."""


@attrs.frozen
class Charge:
    """What one fill does to cash, and what its order carries on to its next fill."""

    cash_change: Money
    """Signed, fee included; a whole multiple of BALANCE_STEP."""
    net_fee: Money
    remainder: Money
    """The order's accumulator afterwards."""


def charge(revenue: Money, trade_fee: Money, remainder: Money) -> Charge:
    """Return what a fill costs in the end.  Kalshi: fee rounding, steps 2 to 4.

    Args:
        revenue: signed cash of the fill without fee, negative for who pays.
        trade_fee: from `FeeSchedule.trade_fee`.
        remainder: the order's accumulator before this fill.
    """
    exact = revenue - trade_fee
    rounding_fee = exact % BALANCE_STEP
    aligned = exact - rounding_fee
    remainder_now = remainder + rounding_fee
    rebate = 0
    # "Once it exceeds one increment": at exactly one increment nothing is given back yet.
    if remainder_now > BALANCE_STEP:
        affordable = (trade_fee + rounding_fee) // BALANCE_STEP
        rebate = min(remainder_now // BALANCE_STEP, affordable) * BALANCE_STEP
    return Charge(
        Money(aligned + rebate),
        Money(trade_fee + rounding_fee - rebate),
        Money(remainder_now - rebate),
    )

"""What orders tie up: cost plus worst-case fee of the part that opens a position.

Owns: the arithmetic of reservations (Kalshi: position and cash; the reducing part of an order needs none).
Must not: know accounts, or decide whether there is enough.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from traderd.model.orders import Side
from traderd.model.units import ONE_DOLLAR, Count, Money, Price, notional
from traderd.paper.venue.fees import BALANCE_STEP, FeeSchedule
from traderd.paper.venue.records import VenueOrder

_NOTHING: Final = Count(0)


def acquired_price(side: Side, price: Price) -> Price:
    """Return what one contract of the acquired side costs: p for a bid, 1 - p for an ask."""
    return price if side is Side.BID else Price(ONE_DOLLAR - price)


def opening_cost(
    side: Side, price: Price, count: Count, fees: FeeSchedule, *, as_taker: bool
) -> Money:
    """Return cost plus worst-case fee of opening `count` at a limit, rounded up to a balance step.

    Price plus fee grows with the price paid, so the limit is the worst case, and no maker pays more than a taker.
    Only the rounding of many tiny fills can exceed it, by less than one balance step each.
    """
    fee = fees.trade_fee(price, count, is_taker=as_taker)
    needed = notional(acquired_price(side, price), count) + fee
    return Money(-(-needed // BALANCE_STEP) * BALANCE_STEP)


def share_out(
    orders: Iterable[VenueOrder], closable: Count, fees: FeeSchedule, *, afresh: bool = False
) -> Money:
    """Set what each resting order of one market and side ties up, oldest first, and return the sum.

    The first `closable` contracts need nothing: closing always brings in more than its fee. Giving that relief
    to the oldest orders is safe whatever trades first, because each closed contract brings in more than the
    relief it takes from the others. `afresh` works out anew also what seems unchanged: after a change of fees.
    """
    total = 0
    relief: int = closable
    for order in orders:
        remaining = order.remaining_count
        opening = Count(remaining - relief) if remaining > relief else _NOTHING
        relief = relief - remaining if relief > remaining else 0
        if opening != order.opening or afresh:
            tie_up(order, opening, fees)
        total += order.reserved
    return Money(total)


def tie_up(order: VenueOrder, opening: Count, fees: FeeSchedule) -> None:
    """Set what a resting order ties up when `opening` of its contracts would open a position."""
    order.opening = opening
    order.reserved = reservation(order, opening, fees)


def reservation(order: VenueOrder, opening: Count, fees: FeeSchedule) -> Money:
    """Return what a resting order ties up when `opening` of its contracts would open a position."""
    if not opening:
        return Money(0)
    return opening_cost(order.side, order.price, opening, fees, as_taker=False)

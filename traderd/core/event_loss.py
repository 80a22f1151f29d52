"""What one event can cost at worst, over every outcome and every set of orders that may fill.

Owns: the exact worst case. In a mutually exclusive event at most one market pays YES, so the cost of many NO positions
is not lost twice. Each order is a loss or a gain by itself once the outcome is known, so the worst set of fills is that
of the orders that lose, and no set needs to be tried. Values between (a market that pays a part) lie between outcomes.
"No market pays" is always one of the outcomes, because a market that nobody here knows of may be the one that does.
Must not: count an order as gone, or believe that an event is exclusive when nobody said so.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from traderd.core.exposure import Leg
from traderd.core.fees import USUAL_MULTIPLIER, worst_fee
from traderd.core.position import Position
from traderd.model.units import ONE_DOLLAR, Count, Money, Price, notional

YES: Final = ONE_DOLLAR
"""What a YES contract is worth when its market pays."""
NO: Final = Price(0)


@attrs.frozen
class Holding:
    """One market of an event: what is held there, and what may still fill."""

    position: Position | None
    legs: tuple[Leg, ...] = ()
    multiplier: int = USUAL_MULTIPLIER
    """Bounds its fees, in 1/1000."""

    def loss_if(self, value: Price) -> Money:
        """Return the worst loss from now on when a YES contract turns out to be worth `value`; below 0 is a gain."""
        held = 0
        if self.position is not None:
            count, cost = self.position.count, self.position.cost
            held = cost - notional(
                value if count >= 0 else Price(ONE_DOLLAR - value), Count(abs(count))
            )
        return Money(held + sum(max(0, self._loss(leg, value)) for leg in self.legs))

    def _loss(self, leg: Leg, value: Price) -> int:
        side, price, count = leg
        per_contract = Price((price - value) * side.sign)
        return notional(per_contract, count) + worst_fee(side, price, count, self.multiplier)


def event_loss(holdings: Iterable[Holding], *, exclusive: bool) -> Money:
    """Return the worst loss from now on over all outcomes of one event; below 0, a profit is certain.

    What positions cost and what orders will cost counts, fees included; what was realized before does not.
    """
    certain, worst_pair = 0, 0
    independent = 0
    for holding in holdings:
        if_no, if_yes = holding.loss_if(NO), holding.loss_if(YES)
        certain += if_no
        worst_pair = max(worst_pair, if_yes - if_no)
        independent += max(if_no, if_yes)
    return Money(certain + worst_pair if exclusive else independent)


def realized_loss(positions: Iterable[Position]) -> Money:
    """Return what an event has cost for good: fees paid, less what closing and settling earned; below 0 is a gain."""
    return Money(sum(position.fees_paid - position.realized_pnl for position in positions))

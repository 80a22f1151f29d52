"""One market's net position: what a fill does to it, and what it is worth.

Owns: the arithmetic of a fill, exact to the last unit: a fill first closes what is held on the other side
(each closed pair pays $1), then opens.
Kalshi: positions are net and signed; realized profit leaves fees out; cost basis is the average.
Must not: guess a fill from a position, or keep money that is not in it (see `ledger`).
"""

from __future__ import annotations

import attrs

from traderd.model.ids import MarketTicker
from traderd.model.orders import Fill, PositionRecord, Side
from traderd.model.units import ONE_DOLLAR, Count, Money, Price, Timestamp, notional


@attrs.frozen(kw_only=True)
class Effect:
    """What one fill does, before fees."""

    revenue: Money
    """The change of cash."""
    realized: Money
    """What the closed part earned."""
    cost_change: Money


@attrs.define(eq=False)
class Position:
    """One market's net position."""

    ticker: MarketTicker
    count: Count = Count(0)
    """Signed: above 0 long YES, below 0 long NO."""
    cost: Money = Money(0)
    """What the open part cost on the side that is held."""
    realized_pnl: Money = Money(0)
    """What closing and settling earned, fees left out."""
    fees_paid: Money = Money(0)
    carried_in: Count = Count(0)
    """Part of `count` that no known fill explains: taken over from the exchange."""
    last_fill_at: Timestamp | None = None
    """Execution time of the newest fill; a reading that is hardly younger says nothing."""
    settled_count: Count | None = None
    """Once the market is settled: the position that our fills make, those that come late included; None before."""

    @property
    def average_cost(self) -> Price | None:
        """Average price of the held side, None when flat; rounded down to the price unit."""
        return None if self.count == 0 else Price(self.cost // abs(self.count))

    @property
    def settled(self) -> bool:
        """Tell whether the exchange has paid it out."""
        return self.settled_count is not None

    def effect_of(self, fill: Fill) -> Effect:
        """Return what a fill would do; nothing is changed."""
        held = self.count if self.settled_count is None else self.settled_count
        closing = min(abs(held), fill.count) if held * fill.signed_count < 0 else 0
        side_price = fill.price if fill.side is Side.BID else Price(ONE_DOLLAR - fill.price)
        revenue = Money(notional(ONE_DOLLAR, Count(closing)) - notional(side_price, fill.count))
        if self.settled_count is not None:
            # Late: the payout counted it already, so what it paid or brought in is all profit or loss.
            return Effect(revenue=revenue, realized=revenue, cost_change=Money(0))
        # Each pair of YES and NO that closes is worth $1, of which this side's price was paid.
        proceeds = notional(Price(ONE_DOLLAR - side_price), Count(closing))
        # Rounded up, so that no profit is made of rounding; the last contract takes what is left.
        released = -(-self.cost * closing // abs(held)) if closing else 0
        opened = notional(side_price, Count(fill.count - closing))
        return Effect(
            revenue=revenue,
            realized=Money(proceeds - released),
            cost_change=Money(opened - released),
        )

    def apply(self, fill: Fill) -> Effect:
        """Book one fill and return what it did."""
        effect = self.effect_of(fill)
        if self.settled_count is not None:
            self.settled_count = Count(self.settled_count + fill.signed_count)
        else:
            self.count = Count(self.count + fill.signed_count)
        self.cost = Money(self.cost + effect.cost_change)
        self.realized_pnl = Money(self.realized_pnl + effect.realized)
        self.fees_paid = Money(self.fees_paid + fill.fee)
        self.last_fill_at = max(self.last_fill_at or fill.executed_at, fill.executed_at)
        return effect

    def settle(self, revenue: Money) -> None:
        """Turn the position into what was paid for it."""
        self.realized_pnl = Money(self.realized_pnl + revenue - self.cost)
        self.settled_count = self.count
        self.count, self.cost = Count(0), Money(0)

    def carry_in(self, record: PositionRecord) -> Count:
        """Take over what the exchange says and no fill explains; returns the change of the count."""
        change = Count(record.count - self.count)
        self.count = record.count
        self.cost = record.exposure
        self.carried_in = Count(self.carried_in + change)
        return change

    def unrealized_pnl(self, mark: Price | None) -> Money | None:
        """Return the open profit if the YES price were `mark`; None without a mark, 0 when flat."""
        if self.count == 0:
            return Money(0)
        if mark is None:
            return None
        return Money(notional(self.held_price(mark), Count(abs(self.count))) - self.cost)

    def held_price(self, yes_price: Price) -> Price:
        """Return a YES price as one of the side that is held: what `average_cost` can be compared with."""
        return yes_price if self.count >= 0 else Price(ONE_DOLLAR - yes_price)

"""Positions, average cost, realized profit and fees, from fills alone.

Owns: the arithmetic of a fill, exact to the last unit: a fill first closes what is held on the other side
(each closed pair pays $1), then opens. Fills are known by trade id and order id, so each counts once: two
orders of one account that trade with each other share the trade id.
Kalshi: positions are net and signed; realized profit leaves fees out; cost basis is the average.
Must not: guess a fill from a position, or a position from an order.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import attrs

from traderd.model.ids import MarketTicker, OrderId, TradeId
from traderd.model.orders import Fill, PositionRecord, Side
from traderd.model.units import (
    ONE_DOLLAR,
    Count,
    Money,
    Price,
    Timestamp,
    notional,
)

FILL_IDS_KEPT_MAX: Final = 200_000
"""Bounds the memory of seen fills (about 50 MB); older ones are behind every sync's window."""
RECENT_FILLS_KEPT: Final = 1_000
"""Bounds the fills that screens can ask for; the journal keeps them all."""


@attrs.define(eq=False)
class Position:
    """One market's net position."""

    ticker: MarketTicker
    count: Count = Count(0)
    """Signed: above 0 long YES, below 0 long NO."""
    cost: Money = Money(0)
    """What the open part cost on the side that is held."""
    realized_pnl: Money = Money(0)
    fees_paid: Money = Money(0)
    carried_in: Count = Count(0)
    """Part of `count` that no known fill explains: taken over from the exchange."""
    last_fill_at: Timestamp | None = None
    """Execution time of the newest fill; a reading that is hardly younger says nothing."""

    @property
    def average_cost(self) -> Price | None:
        """Average price of the held side, None when flat; rounded down to the price unit."""
        return None if self.count == 0 else Price(self.cost // abs(self.count))

    def apply(self, fill: Fill) -> Money:
        """Book one fill and return its cash change, fee included."""
        signed = fill.signed_count
        closing = min(abs(self.count), fill.count) if self.count * signed < 0 else 0
        side_price = fill.price if fill.side is Side.BID else Price(ONE_DOLLAR - fill.price)
        if closing:
            # Each pair of YES and NO that closes is worth $1, of which this side's price was paid.
            proceeds = notional(Price(ONE_DOLLAR - side_price), Count(closing))
            # Rounded up, so that no profit is made of rounding; the last contract takes what is left.
            released = Money(-(-self.cost * closing // abs(self.count)))
            self.realized_pnl = Money(self.realized_pnl + proceeds - released)
            self.cost = Money(self.cost - released)
        opening = fill.count - closing
        self.cost = Money(self.cost + notional(side_price, Count(opening)))
        self.count = Count(self.count + signed)
        self.fees_paid = Money(self.fees_paid + fill.fee)
        self.last_fill_at = max(self.last_fill_at or fill.executed_at, fill.executed_at)
        pairs_released = notional(ONE_DOLLAR, Count(closing))
        return Money(pairs_released - notional(side_price, fill.count) - fill.fee)

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


@attrs.define(eq=False)
class Ledger:
    """All positions and the fills that made them."""

    positions: dict[MarketTicker, Position] = attrs.Factory(dict)
    recent_fills: deque[Fill] = attrs.Factory(lambda: deque(maxlen=RECENT_FILLS_KEPT))
    fill_count: int = 0
    cash_flow: Money = Money(0)
    """Sum of the cash changes of every fill we booked, fees included."""
    latest_fill_at: Timestamp | None = None
    """Execution time of the newest fill: where the next reading of fills starts from."""
    _seen: dict[tuple[TradeId, OrderId], None] = attrs.Factory(dict)

    def knows(self, trade_id: TradeId, order_id: OrderId) -> bool:
        """Tell whether this fill was booked."""
        return (trade_id, order_id) in self._seen

    def book(self, fill: Fill) -> Position:
        """Book a fill and return its position; one that was booked before changes nothing."""
        position = self.position(fill.ticker)
        if self.knows(fill.trade_id, fill.order_id):
            return position
        self._seen[fill.trade_id, fill.order_id] = None
        if len(self._seen) > FILL_IDS_KEPT_MAX:
            del self._seen[next(iter(self._seen))]
        self.cash_flow = Money(self.cash_flow + position.apply(fill))
        self.fill_count += 1
        self.recent_fills.append(fill)
        self.latest_fill_at = max(self.latest_fill_at or fill.executed_at, fill.executed_at)
        return position

    def position(self, ticker: MarketTicker) -> Position:
        """Return a market's position, flat if there never was one."""
        position = self.positions.get(ticker)
        if position is None:
            position = self.positions[ticker] = Position(ticker)
        return position

    def open_positions(self) -> tuple[Position, ...]:
        """Return the positions that are not flat."""
        return tuple(p for p in self.positions.values() if p.count)

    @property
    def realized_pnl(self) -> Money:
        """Sum over all markets, fees not included."""
        return Money(sum(p.realized_pnl for p in self.positions.values()))

    @property
    def fees_paid(self) -> Money:
        """Sum over all markets."""
        return Money(sum(p.fees_paid for p in self.positions.values()))

"""Accounts: cash, positions, and what resting orders hold back.

Owns: what a fill does to an account, and how much cash an order ties up. Positions are netted: an ask first
closes YES and then opens NO.  Kalshi: position and cash; realized P&L at average cost, fees apart.
Must not: match, name markets' rules, or read a clock.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from traderd.model.ids import ClientOrderId, MarketTicker, OrderId
from traderd.model.orders import Side
from traderd.model.units import ONE_DOLLAR, Count, Money, Price, Timestamp, notional
from traderd.paper.venue.fees import BALANCE_STEP, Charge, FeeSchedule, charge
from traderd.paper.venue.messages import STREET, VenueFill, VenueOrder


def acquired_price(side: Side, price: Price) -> Price:
    """Return what one contract of the acquired side costs: p for a bid, 1 - p for an ask."""
    return price if side is Side.BID else Price(ONE_DOLLAR - price)


@attrs.define(eq=False)
class Position:
    """One account's net position in one market."""

    ticker: MarketTicker
    count: Count = Count(0)
    """Signed: above 0 long YES, below 0 long NO."""
    exposure: Money = Money(0)
    """Cost basis of what is open."""
    realized_pnl: Money = Money(0)
    """Fees excluded."""
    fees_paid: Money = Money(0)
    total_traded: Money = Money(0)
    """Cost of the acquired side over all fills."""
    volume: Count = Count(0)
    updated_at: Timestamp = Timestamp(0)

    def closable(self, side: Side) -> Count:
        """Return how many contracts a fill of `side` would close before it opens any."""
        return Count(max(0, -side.sign * self.count))

    def apply(self, side: Side, price: Price, count: Count, at: Timestamp) -> Money:
        """Book one fill and return its revenue: signed cash before the fee."""
        cost = notional(acquired_price(side, price), count)
        closed = Count(min(count, self.closable(side)))
        opened = Count(count - closed)
        proceeds = notional(Price(ONE_DOLLAR - acquired_price(side, price)), closed)
        if closed:
            # Average cost in whole Money, rounded down; the last contract takes what is left, so the
            # basis of a flat position is exactly 0.
            released = Money(self.exposure * closed // abs(self.count))
            self.exposure = Money(self.exposure - released)
            self.realized_pnl = Money(self.realized_pnl + proceeds - released)
        opening_cost = notional(acquired_price(side, price), opened)
        self.exposure = Money(self.exposure + opening_cost)
        self.count = Count(self.count + side.sign * count)
        self.total_traded = Money(self.total_traded + cost)
        self.volume = Count(self.volume + count)
        self.updated_at = at
        return Money(proceeds - opening_cost)


def collateral(orders: Iterable[VenueOrder], position: Count, fees: FeeSchedule) -> Money:
    """Return the cash that resting orders of one side and market tie up, oldest order first.

    The part that closes the position needs none: its proceeds always cover its fee. Giving that relief to the
    oldest orders is safe whatever trades first, because each closed contract brings in more than the
    relief it takes from the others.
    """
    total = 0
    relief: int | None = None
    for order in orders:
        if relief is None:
            relief = max(0, -order.side.sign * position)
        opening = Count(max(0, order.remaining_count - relief))
        relief = max(0, relief - order.remaining_count)
        if opening:
            total += opening_cost(order.side, order.price, opening, fees, as_taker=False)
    return Money(total)


def opening_cost(
    side: Side, price: Price, count: Count, fees: FeeSchedule, *, as_taker: bool
) -> Money:
    """Return cost plus worst-case fee of opening `count` at a limit, rounded up to a balance step.

    Price plus fee grows with the price paid, so the limit is the worst case. Only the rounding of many
    tiny fills can exceed it, by less than one balance step each.
    """
    taker = fees.trade_fee(price, count, is_taker=True) if as_taker else 0
    fee = max(taker, fees.trade_fee(price, count, is_taker=False))
    needed = notional(acquired_price(side, price), count) + fee
    return Money(-(-needed // BALANCE_STEP) * BALANCE_STEP)


@attrs.define(eq=False)
class Account:
    """One account, with its orders and fills in the order they came to be."""

    account_id: str
    cash: Money
    fees_paid: Money = Money(0)
    positions: dict[MarketTicker, Position] = attrs.field(factory=dict)
    orders: dict[OrderId, VenueOrder] = attrs.field(factory=dict)
    """Every order it ever placed, oldest first."""
    fills: list[VenueFill] = attrs.field(factory=list)
    client_order_ids: dict[ClientOrderId, OrderId] = attrs.field(factory=dict)
    """Never freed.  Kalshi: a canceled order's client id cannot be used again."""
    _resting: dict[tuple[MarketTicker, Side], dict[OrderId, VenueOrder]] = attrs.field(factory=dict)
    _reserved: dict[tuple[MarketTicker, Side], Money] = attrs.field(factory=dict)
    _reserved_total: Money = Money(0)

    @property
    def is_street(self) -> bool:
        """Tell whether it stands for anonymous liquidity: unlimited cash, no fees, no private news."""
        return self.account_id.startswith(STREET)

    @property
    def reserved(self) -> Money:
        """Cash that resting orders tie up."""
        return self._reserved_total

    @property
    def available(self) -> Money:
        """Cash for new orders.  Kalshi leaves open whether `balance` means this; here it does."""
        return Money(self.cash - self._reserved_total)

    def position(self, ticker: MarketTicker) -> Position:
        """Return the position in a market, made on first use."""
        held = self.positions.get(ticker)
        if held is None:
            held = self.positions[ticker] = Position(ticker)
        return held

    def count_of(self, ticker: MarketTicker) -> Count:
        """Return the signed position without making one."""
        held = self.positions.get(ticker)
        return held.count if held else Count(0)

    def resting(self, ticker: MarketTicker, side: Side) -> tuple[VenueOrder, ...]:
        """Return its resting orders of one market and side, oldest first."""
        return tuple(self._resting.get((ticker, side), {}).values())

    def rest(self, order: VenueOrder) -> None:
        """Count an order as resting; `reserve` has to follow."""
        self._resting.setdefault((order.ticker, order.side), {})[order.order_id] = order

    def unrest(self, order: VenueOrder) -> None:
        """Stop counting an order as resting; `reserve` has to follow."""
        key = (order.ticker, order.side)
        held = self._resting[key]
        del held[order.order_id]
        if not held:
            del self._resting[key]

    def reserve(self, ticker: MarketTicker, fees: FeeSchedule) -> None:
        """Work out anew what the resting orders of one market tie up."""
        count = self.count_of(ticker)
        for side in Side:
            key = (ticker, side)
            before = self._reserved.pop(key, Money(0))
            orders = self._resting.get(key)
            now = Money(0)
            if orders:
                now = collateral(orders.values(), count, fees)
                self._reserved[key] = now
            self._reserved_total = Money(self._reserved_total - before + now)

    def needed_for(self, order: VenueOrder, fees: FeeSchedule) -> Money:
        """Return the cash that a new order needs: cost and fee of what no position of ours closes.

        Older resting orders of the same side have first call on the position.
        """
        ahead = sum(each.remaining_count for each in self.resting(order.ticker, order.side))
        relief = max(0, max(0, -order.side.sign * self.count_of(order.ticker)) - ahead)
        opening = Count(max(0, order.remaining_count - relief))
        if not opening:
            return Money(0)
        return opening_cost(order.side, order.price, opening, fees, as_taker=not order.post_only)

    def apply_fill(
        self,
        *,
        ticker: MarketTicker,
        side: Side,
        price: Price,
        count: Count,
        trade_fee: Money,
        remainder: Money,
        at: Timestamp,
    ) -> Charge:
        """Book one fill: position, cash and fee; `reserve` has to follow.

        Args:
            ticker: the market.
            side: the account's side of the match.
            price: the YES price of the match.
            count: contracts.
            trade_fee: before rounding; 0 for the street.
            remainder: the order's fee accumulator.
            at: when.
        """
        position = self.position(ticker)
        revenue = position.apply(side, price, count, at)
        if self.is_street:
            result = Charge(revenue, Money(0), Money(0))
        else:
            result = charge(revenue, trade_fee, remainder)
        self.cash = Money(self.cash + result.cash_change)
        self.fees_paid = Money(self.fees_paid + result.net_fee)
        position.fees_paid = Money(position.fees_paid + result.net_fee)
        return result

"""Accounts: what a member has, split into one wallet for each subaccount.

Owns: cash, positions and reservations of a wallet, and the indexes of an account's orders and fills. Positions are
netted: an ask first closes YES and then opens NO.  Kalshi: position and cash; realized P&L at average cost.
Must not: match, name markets' rules, or read a clock.
"""

from __future__ import annotations

import attrs

from traderd.model.ids import ClientOrderId, MarketTicker, OrderId
from traderd.model.orders import Side
from traderd.model.units import Count, Money, Price, Timestamp
from traderd.paper.venue.collateral import opening_cost, reservation, share_out, tie_up
from traderd.paper.venue.fees import Charge, FeeSchedule, charge
from traderd.paper.venue.messages import VenueRefusal
from traderd.paper.venue.records import (
    STREET,
    CashMove,
    OrderGroup,
    Position,
    Settlement,
    TargetAllocation,
    Transfer,
    VenueFill,
    VenueOrder,
)


@attrs.define(eq=False)
class Wallet:
    """One subaccount: cash, positions, and what its resting orders tie up."""

    account_id: str
    number: int
    cash: Money = Money(0)
    positions: dict[MarketTicker, Position] = attrs.field(factory=dict)
    nets: bool = False
    """Whether its owner asked for netting of positions within an event; kept, and never acted on."""
    updated_at: Timestamp = Timestamp(0)
    is_street: bool = False
    _bids: dict[MarketTicker, dict[OrderId, VenueOrder]] = attrs.field(factory=dict)
    _asks: dict[MarketTicker, dict[OrderId, VenueOrder]] = attrs.field(factory=dict)
    _reserved: Money = Money(0)

    @property
    def reserved(self) -> Money:
        """Cash that resting orders tie up."""
        return self._reserved

    @property
    def available(self) -> Money:
        """Cash for new orders; below 0 after fees rose, or rounding took more than was reserved for it."""
        return Money(self.cash - self._reserved)

    def can_spend(self, amount: Money) -> bool:
        """Tell whether there is so much; what costs nothing can always be had, because it may be the way out."""
        return amount <= 0 or amount <= self.cash - self._reserved

    def _side(self, side: Side) -> dict[MarketTicker, dict[OrderId, VenueOrder]]:
        return self._bids if side is Side.BID else self._asks

    def position(self, ticker: MarketTicker) -> Position:
        """Return the position in a market, made on first use."""
        held = self.positions.get(ticker)
        if held is None:
            held = self.positions[ticker] = Position(
                account_id=self.account_id, subaccount=self.number, ticker=ticker
            )
        return held

    def count_of(self, ticker: MarketTicker) -> Count:
        """Return the signed position without making one."""
        held = self.positions.get(ticker)
        return held.count if held else Count(0)

    def closable(self, ticker: MarketTicker, side: Side) -> Count:
        """Return how many contracts an order of `side` would close before it opens any."""
        held = self.positions.get(ticker)
        return held.closable(side) if held else Count(0)

    def resting(self, ticker: MarketTicker, side: Side) -> tuple[VenueOrder, ...]:
        """Return its resting orders of one market and side, oldest first."""
        return tuple(self._side(side).get(ticker, {}).values())

    def all_resting(self) -> list[VenueOrder]:
        """Return all its resting orders, market by market."""
        sides = (*self._bids.values(), *self._asks.values())
        return [order for held in sides for order in held.values()]

    def rest(self, order: VenueOrder, fees: FeeSchedule) -> None:
        """Count an order as resting and reserve for it."""
        self._side(order.side).setdefault(order.ticker, {})[order.order_id] = order
        self.reserve(order, fees)

    def unrest(self, order: VenueOrder, fees: FeeSchedule) -> None:
        """Stop counting an order as resting and free what it tied up."""
        held = self._side(order.side)[order.ticker]
        del held[order.order_id]
        self._reserved = Money(self._reserved - order.reserved)
        order.reserved, order.opening = Money(0), Count(0)
        if not held:
            del self._side(order.side)[order.ticker]
        elif self.closable(order.ticker, order.side):
            self.share_out(order.ticker, order.side, fees)

    def reserve(self, order: VenueOrder, fees: FeeSchedule) -> None:
        """Reserve anew for one resting order whose size changed."""
        if self.closable(order.ticker, order.side):
            # The relief of a position is shared by all orders that could close it.
            self.share_out(order.ticker, order.side, fees)
            return
        before = order.reserved
        tie_up(order, order.remaining_count, fees)
        self._reserved = Money(self._reserved - before + order.reserved)

    def share_out(
        self, ticker: MarketTicker, side: Side, fees: FeeSchedule, *, afresh: bool = False
    ) -> None:
        """Reserve anew for all resting orders of one market and side."""
        held = self._side(side).get(ticker)
        if held:
            before = 0
            for order in held.values():
                before += order.reserved
            now = share_out(held.values(), self.closable(ticker, side), fees, afresh=afresh)
            self._reserved = Money(self._reserved - before + now)

    def position_changed(self, ticker: MarketTicker, before: Count, fees: FeeSchedule) -> None:
        """Reserve anew where the relief of a position is another one than it was."""
        after = self.count_of(ticker)
        if before > 0 or after > 0:
            self.share_out(ticker, Side.ASK, fees)
        if before < 0 or after < 0:
            self.share_out(ticker, Side.BID, fees)

    def fees_changed(self, ticker: MarketTicker, fees: FeeSchedule) -> None:
        """Reserve anew for a market whose fees are other ones now."""
        for side in Side:
            self.share_out(ticker, side, fees, afresh=True)

    def needed_for(self, order: VenueOrder, fees: FeeSchedule) -> Money:
        """Return the cash that a new order needs: cost and fee of what no position of ours closes.

        Older resting orders of the same side have first call on the position.
        """
        opening: int = order.remaining_count
        closable = self.closable(order.ticker, order.side)
        if closable:
            ahead = sum(o.remaining_count for o in self.resting(order.ticker, order.side))
            opening = max(0, opening - max(0, closable - ahead))
        if not opening:
            return Money(0)
        return opening_cost(
            order.side, order.price, Count(opening), fees, as_taker=not order.post_only
        )

    def amend_cost(
        self, order: VenueOrder, price: Price, remaining: Count, fees: FeeSchedule
    ) -> Money:
        """Return the cash that an amend needs on top of what is reserved; it goes behind its neighbours."""
        relief: int = self.closable(order.ticker, order.side)
        extra = -order.reserved
        for other in self.resting(order.ticker, order.side) if relief else ():
            if other is not order:
                opening = max(0, other.remaining_count - relief)
                relief = max(0, relief - other.remaining_count)
                extra += reservation(other, Count(opening), fees) - other.reserved
        opening = max(0, remaining - relief)
        if opening:
            extra += opening_cost(
                order.side, price, Count(opening), fees, as_taker=not order.post_only
            )
        return Money(extra)

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
        """Book one fill: position, cash and fee; `position_changed` has to follow.

        Args:
            ticker: the market.
            side: the wallet's side of the match.
            price: the YES price of the match.
            count: contracts.
            trade_fee: before rounding; 0 for the street.
            remainder: the order's fee accumulator.
            at: when.
        """
        position = self.position(ticker)
        revenue = position.apply(side, price, count, at)
        if self.is_street:
            self.cash = Money(self.cash + revenue)
            return Charge(revenue, Money(0), Money(0))
        result = charge(revenue, trade_fee, remainder)
        self.cash = Money(self.cash + result.cash_change)
        position.fees_paid = Money(position.fees_paid + result.net_fee)
        self.updated_at = at
        return result


@attrs.define(eq=False)
class Account:
    """One member, with everything it ever did in the order in which it came to be."""

    account_id: str
    name: str = ""
    wallets: dict[int, Wallet] = attrs.field(factory=dict)
    """By subaccount; 0 is always there."""
    orders: dict[OrderId, VenueOrder] = attrs.field(factory=dict)
    fills: list[VenueFill] = attrs.field(factory=list)
    client_order_ids: dict[ClientOrderId, OrderId] = attrs.field(factory=dict)
    """Never freed.  Kalshi: a canceled order's client id cannot be used again."""
    groups: dict[str, OrderGroup] = attrs.field(factory=dict)
    settlements: list[Settlement] = attrs.field(factory=list)
    cash_moves: list[CashMove] = attrs.field(factory=list)
    transfers: dict[str, Transfer] = attrs.field(factory=dict)
    """By the client's own transfer id, which is unique for ever."""
    target: TargetAllocation = TargetAllocation()
    """Kept for its owner only: with one engine there is nothing to balance."""

    def __attrs_post_init__(self) -> None:
        if 0 not in self.wallets:
            self.open_wallet(0)

    @property
    def is_street(self) -> bool:
        """Tell whether it stands for anonymous liquidity: unlimited cash, no fees, no private news."""
        return self.account_id.startswith(STREET)

    def open_wallet(self, number: int) -> Wallet:
        """Open a subaccount."""
        wallet = self.wallets[number] = Wallet(
            self.account_id, number, is_street=self.account_id.startswith(STREET)
        )
        return wallet

    def wallet(self, number: int = 0) -> Wallet:
        """Return a subaccount; raises VenueRefusal 400 `invalid_parameters`."""
        found = self.wallets.get(number)
        if found is None:
            raise VenueRefusal(400, "invalid_parameters", details=f"no subaccount {number}")
        return found

    @property
    def main(self) -> Wallet:
        """Subaccount 0."""
        return self.wallets[0]

"""What the venue keeps of trading: orders, fills, positions and money, one struct each.

Owns: the nouns of trading. They change in place under `floor` and its neighbours, so what leaves the venue is a
`snapshot()`.
Must not: know the wire's words for any of it, or decide anything.
"""

from __future__ import annotations

from typing import Final

import msgspec

from traderd.model.ids import (
    ClientOrderId,
    EventTicker,
    MarketTicker,
    OrderId,
    TradeId,
)
from traderd.model.orders import OrderStatus, SelfTradePrevention, Side, TimeInForce
from traderd.model.units import (
    ONE_CONTRACT,
    ONE_DOLLAR,
    Count,
    Money,
    Price,
    Timestamp,
    notional,
)
from traderd.paper.venue.kept import Fact, Record
from traderd.paper.venue.listings import Result

STREET: Final = "street:"
"""Prefix of the accounts behind anonymous liquidity: unlimited cash, no order records, no private news."""
STREET_MAKERS: Final = f"{STREET}makers"
STREET_TAKERS: Final = f"{STREET}takers"
RESERVATION_DEFAULT: Final = "sum"
"""What is set aside for resting orders where an account asks for nothing else (Kalshi: target balance allocation)."""
PAYOUT_PER_COUNT: Final = 10_000
"""What 1/100 contract of a matched YES/NO pair is worth, in Money: $1 a contract."""


class TargetAllocation(Fact, frozen=True, kw_only=True, eq=False, gc=False):
    """How an account wants its balance spread over the matching engines (Kalshi: target balance allocation)."""

    shares: tuple[tuple[int, int], ...] = ()
    """(engine, percent) each; none switches it off."""
    reservation: str = RESERVATION_DEFAULT
    """What is set aside for resting orders."""


class Resting(Record, kw_only=True, eq=False, gc=False):
    """One order in the queue of its price: the street's as it is, an account's as VenueOrder."""

    order_id: OrderId
    account_id: str
    ticker: MarketTicker
    side: Side
    price: Price
    """The limit, as a YES price."""
    remaining_count: Count
    """What still rests; 0 after a cancel."""
    priority: int = 0
    """Its place in time: lower ones trade first. Set when it joins the back of a queue."""


class VenueOrder(Resting, kw_only=True, eq=False, gc=False):
    """The venue's own record of one account's order."""

    client_order_id: ClientOrderId | None
    """None when the account gave none."""
    initial_count: Count
    fill_count: Count = Count(0)
    status: OrderStatus = OrderStatus.RESTING
    """One of RESTING, CANCELED, EXECUTED."""
    time_in_force: TimeInForce
    taker_fill_cost: Money = Money(0)
    """Cost of the acquired side: p x q for a bid, (1 - p) x q for an ask."""
    maker_fill_cost: Money = Money(0)
    taker_fees: Money = Money(0)
    maker_fees: Money = Money(0)
    created_at: Timestamp
    updated_at: Timestamp
    expires_at: Timestamp | None = None
    self_trade_prevention: SelfTradePrevention
    post_only: bool = False
    reduce_only: bool = False
    cancel_on_pause: bool = False
    subaccount: int = 0
    group_id: str | None = None
    in_no_terms: bool = False
    """Its owner spoke of NO contracts (Kalshi V1: `side: no`), which only readers of V1 care about."""
    reason: str | None = None
    """Kalshi: `last_update_reason` (`Trade`, `ExpiryCancel`, `SelfTradeCancel`, ...)."""
    fee_remainder: Money = Money(0)
    """What rounding took so far and no rebate gave back.  Kalshi: fee rounding, the accumulator."""
    reserved: Money = Money(0)
    """Cash that its resting part ties up."""
    opening: Count = Count(0)
    """How many of its contracts that is for: the rest closes a position."""

    def record_fill(self, fill: VenueFill, fee_remainder: Money) -> None:
        """Count one fill in; what remains and the status are for the venue to say."""
        self.fill_count = Count(self.fill_count + fill.count)
        if fill.is_taker:
            self.taker_fill_cost = Money(self.taker_fill_cost + fill.cost)
            self.taker_fees = Money(self.taker_fees + fill.fee)
        else:
            self.maker_fill_cost = Money(self.maker_fill_cost + fill.cost)
            self.maker_fees = Money(self.maker_fees + fill.fee)
        self.fee_remainder = fee_remainder
        self.updated_at = fill.at
        self.reason = "Trade"

    @property
    def is_resting(self) -> bool:
        """Tell whether it is on the book."""
        return self.status is OrderStatus.RESTING

    @property
    def fees(self) -> Money:
        """What it was charged in both roles."""
        return Money(self.taker_fees + self.maker_fees)

    @property
    def fill_cost(self) -> Money:
        """What its fills cost in both roles, fees apart."""
        return Money(self.taker_fill_cost + self.maker_fill_cost)

    @property
    def average_fill_price(self) -> Price | None:
        """The mean YES price of its fills, half up; None before the first."""
        return mean_price(self.side, self.fill_cost, self.fill_count)

    @property
    def average_fee(self) -> Money | None:
        """The mean fee of one contract, half up; None before the first fill."""
        return mean_fee(self.fees, self.fill_count)


def mean_price(side: Side, cost: Money, count: Count) -> Price | None:
    """Return the mean YES price of `count` contracts whose acquired side cost `cost`, half up.

    Kalshi does not say which leg it prints for an ask; the YES price is assumed.
    """
    if not count:
        return None
    yes_cost = cost if side is Side.BID else ONE_DOLLAR * count - cost
    return Price((2 * yes_cost + count) // (2 * count))


def mean_fee(fees: Money, count: Count) -> Money | None:
    """Return the mean fee of one contract, half up; None for no contracts."""
    return Money((2 * fees * ONE_CONTRACT + count) // (2 * count)) if count else None


class VenueFill(Fact, frozen=True, kw_only=True, eq=False, gc=False):
    """One side of one match; maker and taker share `trade_id`."""

    trade_id: TradeId
    order_id: OrderId
    client_order_id: ClientOrderId | None
    account_id: str
    subaccount: int = 0
    ticker: MarketTicker
    side: Side
    price: Price
    """The YES price at which it traded: the resting order's."""
    count: Count
    is_taker: bool
    fee: Money
    """Net of rebates.  Kalshi: `fee_cost`."""
    at: Timestamp

    @property
    def cost(self) -> Money:
        """Cost of the acquired side before fees."""
        return notional(
            self.price if self.side is Side.BID else Price(ONE_DOLLAR - self.price), self.count
        )


class Trade(Fact, frozen=True, kw_only=True, eq=False, gc=False):
    """Two orders met: what everybody may see of it."""

    trade_id: TradeId
    ticker: MarketTicker
    price: Price
    count: Count
    taker_side: Side
    at: Timestamp


class Position(Record, kw_only=True, eq=False, gc=False):
    """One subaccount's net position in one market."""

    account_id: str = ""
    subaccount: int = 0
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
    settled: bool = False

    def closable(self, side: Side) -> Count:
        """Return how many contracts a fill of `side` would close before it opens any."""
        held = -self.count if side is Side.BID else self.count
        return Count(max(0, held))

    def apply(self, side: Side, price: Price, count: Count, at: Timestamp) -> Money:
        """Book one fill and return its revenue: signed cash before the fee."""
        is_bid = side is Side.BID
        acquired = price if is_bid else ONE_DOLLAR - price
        held = -self.count if is_bid else self.count
        closed = min(count, held) if held > 0 else 0
        opened = count - closed
        proceeds = (ONE_DOLLAR - acquired) * closed
        if closed:
            # Average cost in whole Money, rounded down; the last contract takes what is left, so the
            # basis of a flat position is exactly 0.
            released = self.exposure * closed // held
            self.exposure = Money(self.exposure - released)
            self.realized_pnl = Money(self.realized_pnl + proceeds - released)
        opening_cost = acquired * opened
        self.exposure = Money(self.exposure + opening_cost)
        self.total_traded = Money(self.total_traded + acquired * count)
        self.volume = Count(self.volume + count)
        if is_bid:
            self.count = Count(self.count + count)
        else:
            self.count = Count(self.count - count)
        self.updated_at = at
        return Money(proceeds - opening_cost)


class Settlement(Fact, frozen=True, kw_only=True, eq=False, gc=False):
    """What one position got in the end."""

    account_id: str
    subaccount: int
    ticker: MarketTicker
    event_ticker: EventTicker
    result: Result
    value: Price
    yes_count: Count
    yes_cost: Money
    no_count: Count
    no_cost: Money
    revenue: Money
    fees: Money
    at: Timestamp


class GroupMatch(msgspec.Struct, frozen=True, gc=False):
    """Contracts of one order group that traded at one moment."""

    at: Timestamp
    count: Count


class OrderGroup(Record, kw_only=True, eq=False):
    """Orders that stop together when too much of them trades at once.  Kalshi: order groups."""

    group_id: str
    account_id: str
    subaccount: int = 0
    limit: Count
    triggered: bool = False
    matches: list[GroupMatch] = msgspec.field(default_factory=list)
    """Of the rolling window, oldest first."""
    created_at: Timestamp


class CashMove(Fact, frozen=True, kw_only=True, eq=False, gc=False):
    """Money that came in from outside (above 0) or left (below)."""

    move_id: str
    account_id: str
    amount: Money
    at: Timestamp


class Transfer(Fact, frozen=True, kw_only=True, eq=False, gc=False):
    """Money that went from one subaccount to another."""

    transfer_id: str
    account_id: str
    client_transfer_id: str
    from_subaccount: int
    to_subaccount: int
    amount: Money
    at: Timestamp


class BurnedId(Fact, frozen=True, kw_only=True, eq=False, gc=False):
    """A client order id that an amend took from its order: it stays used for ever."""

    account_id: str
    client_order_id: ClientOrderId
    order_id: OrderId

"""Values that go into and come out of the pure venue.

Owns: the venue's own records of orders, fills and markets, its refusals, and the broadcasts it leaves in its
outbox for whoever serves the feeds.
Must not: know the wire's words for any of it, or decide anything.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import attrs

from traderd.model.ids import (
    ClientOrderId,
    EventTicker,
    MarketTicker,
    OrderId,
    SeriesTicker,
    TradeId,
)
from traderd.model.market import MarketStatus, PriceGrid
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
from traderd.paper.venue.fees import FeeSchedule

STREET: Final = "street:"
"""Prefix of the accounts behind anonymous liquidity: unlimited cash, no order records, no private news."""
STREET_MAKERS: Final = f"{STREET}makers"
STREET_TAKERS: Final = f"{STREET}takers"
PAYOUT_PER_COUNT: Final = 10_000
"""What 1/100 contract of a matched YES/NO pair is worth, in Money: $1 a contract."""


class VenueRefusal(Exception):
    """The venue said no and changed nothing.  Kalshi: error codes.

    Attributes: `status` (HTTP), `code`, `message`, `details` (`""` if there are none).
    """

    def __init__(
        self, status: int, code: str, message: str | None = None, details: str = ""
    ) -> None:
        super().__init__(status, code, message, details)
        self.status = status
        self.code = code
        self.message = code.replace("_", " ") if message is None else message
        self.details = details

    def __str__(self) -> str:
        return f"HTTP {self.status} {self.code}: {self.details or self.message}"


@attrs.define(kw_only=True, eq=False)
class VenueOrder:
    """The venue's own record of one account's order; it changes in place, so send only snapshots away."""

    order_id: OrderId
    account_id: str
    client_order_id: ClientOrderId | None
    """None when the account gave none."""
    ticker: MarketTicker
    side: Side
    price: Price
    """The limit, as a YES price."""
    initial_count: Count
    fill_count: Count = Count(0)
    remaining_count: Count
    """What still rests; 0 after a cancel."""
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
    reason: str | None = None
    """Kalshi: `last_update_reason` (`Trade`, `ExpiryCancel`, `SelfTradeCancel`, ...)."""
    fee_remainder: Money = Money(0)
    """What rounding took so far and no rebate gave back.  Kalshi: fee rounding, the accumulator."""

    def snapshot(self) -> VenueOrder:
        """Return a copy that later changes do not reach."""
        return attrs.evolve(self)

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
    def average_fill_price(self) -> Price | None:
        """The mean YES price of its fills, half up; None before the first.

        Kalshi does not say which leg it prints for an ask; the YES price is assumed.
        """
        if not self.fill_count:
            return None
        cost = self.taker_fill_cost + self.maker_fill_cost
        mean = (2 * cost + self.fill_count) // (2 * self.fill_count)
        return Price(mean if self.side is Side.BID else ONE_DOLLAR - mean)

    @property
    def average_fee(self) -> Money | None:
        """The mean fee of one contract, half up; None before the first fill."""
        if not self.fill_count:
            return None
        return Money((2 * self.fees * ONE_CONTRACT + self.fill_count) // (2 * self.fill_count))


@attrs.frozen(kw_only=True)
class VenueFill:
    """One side of one match; maker and taker share `trade_id`."""

    trade_id: TradeId
    order_id: OrderId
    client_order_id: ClientOrderId | None
    account_id: str
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


@attrs.frozen(kw_only=True)
class CancelReply:
    """What a cancel did."""

    order: VenueOrder
    """A snapshot after the cancel."""
    reduced_by: Count
    """Contracts taken off the book."""


@attrs.define(kw_only=True, eq=False)
class VenueMarket:
    """One market as the venue keeps it; counters change in place with every trade."""

    ticker: MarketTicker
    event_ticker: EventTicker
    series_ticker: SeriesTicker
    title: str
    outcome: str
    """What YES means in few words.  Kalshi: `yes_sub_title`."""
    market_id: str
    grid: PriceGrid
    level_structure: str
    """Kalshi: `price_level_structure`, a label of the grid."""
    fees: FeeSchedule
    open_time: Timestamp
    close_time: Timestamp
    status: MarketStatus = MarketStatus.ACTIVE
    last_price: Price | None = None
    last_count: Count | None = None
    """Size of the last trade."""
    volume: Count = Count(0)
    open_interest: Count = Count(0)
    updated_at: Timestamp


@attrs.frozen(kw_only=True)
class LevelChanged:
    """One price level of one book changed; one per change of the book."""

    ticker: MarketTicker
    side: Side
    price: Price
    """YES price on both sides."""
    change: Count
    """Signed."""
    at: Timestamp
    account: str | None
    """Whose order caused it, None for the street: only to personalise that account's own copy."""
    client_order_id: ClientOrderId | None


@attrs.frozen(kw_only=True)
class TradeHappened:
    """Two orders met."""

    trade_id: TradeId
    ticker: MarketTicker
    price: Price
    count: Count
    taker_side: Side
    at: Timestamp


@attrs.frozen(kw_only=True)
class OrderUpdated:
    """An account's order is new or changed; never sent for the street."""

    account: str
    order: VenueOrder
    """A snapshot."""
    at: Timestamp


@attrs.frozen(kw_only=True)
class FillHappened:
    """An account's order traded; never sent for the street."""

    account: str
    fill: VenueFill
    post_position: Count
    """Signed net position after this fill."""


Broadcast: TypeAlias = LevelChanged | TradeHappened | OrderUpdated | FillHappened

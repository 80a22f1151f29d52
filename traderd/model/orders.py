"""Orders, fills and positions as values.

Owns: the words of order life and their shapes. Which step may follow which is `core/orders.py`.
Must not: know how they travel.
"""

from __future__ import annotations

import enum

import attrs

from traderd.errors import BadInput
from traderd.model.ids import ClientOrderId, MarketTicker, OrderId, StrategyName, TradeId
from traderd.model.units import ONE_DOLLAR, Count, Money, Price, Timestamp, notional


class Side(enum.Enum):
    """Side of the one YES book: a bid gets longer YES, an ask gets longer NO."""

    BID = "bid"
    ASK = "ask"

    @property
    def sign(self) -> int:
        """+1 when a fill adds to the signed position, -1 when it takes from it."""
        return 1 if self is Side.BID else -1

    @property
    def opposite(self) -> Side:
        """The other side."""
        return Side.ASK if self is Side.BID else Side.BID


class TimeInForce(enum.Enum):
    """How long the unfilled rest of an order stays."""

    GOOD_TILL_CANCELED = "good_till_canceled"
    IMMEDIATE_OR_CANCEL = "immediate_or_cancel"
    FILL_OR_KILL = "fill_or_kill"


class SelfTradePrevention(enum.Enum):
    """Which order gives way when two of one account would meet."""

    TAKER_AT_CROSS = "taker_at_cross"
    MAKER = "maker"


class OrderOwner(enum.Enum):
    """Who asked for an order; decides what happens to it when the daemon stops."""

    STRATEGY = "strategy"
    PERSON = "person"
    EXTERNAL = "external"
    """Placed by something else on the same account: adopted, counted, never touched."""


class OrderStatus(enum.Enum):
    """Where an order is in its life, as far as we know."""

    INTENT = "intent"
    """Written to the journal, not sent."""
    SENT = "sent"
    """Handed to the network, no answer yet."""
    UNKNOWN = "unknown"
    """It may or may not have arrived; its market is fenced for new risk."""
    RESTING = "resting"
    CANCELLING = "cancelling"
    """A cancel was sent; the order can still fill."""
    EXECUTED = "executed"
    CANCELED = "canceled"
    REJECTED = "rejected"
    """The exchange said no."""
    NOT_PLACED = "not_placed"
    """Proved absent after an unknown outcome; a late arrival is still adopted."""

    @property
    def is_live(self) -> bool:
        """Tell whether it can still fill, as far as we know: it then counts against every limit."""
        return self in _LIVE


_LIVE = (
    OrderStatus.INTENT,
    OrderStatus.SENT,
    OrderStatus.UNKNOWN,
    OrderStatus.RESTING,
    OrderStatus.CANCELLING,
)


@attrs.frozen(kw_only=True)
class OrderTerms:
    """What is asked of the exchange: everything but identity."""

    ticker: MarketTicker
    side: Side
    price: Price
    count: Count
    time_in_force: TimeInForce = TimeInForce.GOOD_TILL_CANCELED
    post_only: bool = False
    reduce_only: bool = False
    expires_at: Timestamp | None = None
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.TAKER_AT_CROSS

    def __attrs_post_init__(self) -> None:
        if self.count <= 0:
            raise BadInput("an order needs a count above 0")
        if not 0 < self.price < ONE_DOLLAR:
            raise BadInput("an order price lies between $0 and $1, both excluded")
        if self.expires_at is not None and self.time_in_force is not TimeInForce.GOOD_TILL_CANCELED:
            raise BadInput("only a good_till_canceled order can have an expiration time")
        if self.reduce_only and self.time_in_force is not TimeInForce.IMMEDIATE_OR_CANCEL:
            raise BadInput("reduce_only needs immediate_or_cancel")


@attrs.frozen(kw_only=True)
class OrderRecord:
    """An order as the exchange tells it (REST list, single read, or `user_order` message)."""

    order_id: OrderId
    client_order_id: ClientOrderId | None
    ticker: MarketTicker
    side: Side
    price: Price
    status: OrderStatus
    """One of RESTING, EXECUTED, CANCELED."""
    initial_count: Count
    fill_count: Count
    remaining_count: Count
    created_at: Timestamp | None = None
    expires_at: Timestamp | None = None
    reason: str | None = None
    """Kalshi: `last_update_reason`, for example `SelfTradeCancel`."""


@attrs.frozen(kw_only=True)
class Fill:
    """One execution of one of our orders; its identity is `trade_id` together with `order_id`."""

    trade_id: TradeId
    order_id: OrderId
    ticker: MarketTicker
    side: Side
    price: Price
    """YES price at which it traded."""
    count: Count
    fee: Money
    """What the exchange charged, net of rebates (Kalshi: `fee_cost`)."""
    is_taker: bool
    executed_at: Timestamp
    client_order_id: ClientOrderId | None = None

    def __attrs_post_init__(self) -> None:
        if self.count <= 0 or not 0 < self.price < ONE_DOLLAR:
            raise BadInput(f"fill {self.trade_id} has count {self.count} at price {self.price}")

    @property
    def signed_count(self) -> Count:
        """The change of the signed position."""
        return Count(self.side.sign * self.count)

    @property
    def cost(self) -> Money:
        """What the acquired side cost before fees: p x q for a bid, (1 - p) x q for an ask."""
        price = self.price if self.side is Side.BID else Price(ONE_DOLLAR - self.price)
        return notional(price, self.count)


@attrs.frozen(kw_only=True)
class PositionRecord:
    """One market's position as the exchange tells it."""

    ticker: MarketTicker
    count: Count
    """Signed: above 0 long YES, below 0 long NO."""
    exposure: Money
    """Cost basis of the open position (Kalshi: `market_exposure_dollars`)."""
    realized_pnl: Money
    fees_paid: Money


@attrs.frozen(kw_only=True)
class BalanceRecord:
    """The account's cash as the exchange tells it, collateral of resting orders already taken off."""

    balance: Money
    portfolio_value: Money


@attrs.frozen(kw_only=True)
class Attribution:
    """Who an order belongs to."""

    owner: OrderOwner
    strategy: StrategyName | None = None

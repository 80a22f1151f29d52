"""Orders, fills and positions as values.

Owns: the words of order life and their shapes. Which step may follow which is `core/orders.py`.
Must not: know how they travel.
"""

from __future__ import annotations

import enum

import attrs

from traderd.errors import BadInput
from traderd.model.ids import ClientOrderId, MarketTicker, OrderId, StrategyName, TradeId
from traderd.model.units import (
    ONE_DOLLAR,
    Count,
    Money,
    Price,
    Timestamp,
    notional,
    show_count,
    show_price,
)


class Side(enum.Enum):
    """Side of the one YES book: a bid gets longer YES, an ask gets longer NO."""

    BID = "bid"
    ASK = "ask"

    sign: int
    """+1 when a fill adds to the signed position, -1 when it takes from it."""

    def __init__(self, word: str) -> None:
        # Asked for at every price that is looked at, so it is no property.
        self.sign = 1 if word == "bid" else -1

    # There is one object of each, and many look-ups by them; the one of `enum` is written in Python.
    __hash__ = object.__hash__

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

    __hash__ = object.__hash__


_LIVE = (
    OrderStatus.INTENT,
    OrderStatus.SENT,
    OrderStatus.UNKNOWN,
    OrderStatus.RESTING,
    OrderStatus.CANCELLING,
)


def check_count(count: Count, *, what: str = "count") -> None:
    """Refuse a count of contracts that no order can have, NaN and other foreign numbers included.

    Raises:
        BadInput: not a whole number of 1/100 contract above 0.
    """
    if type(count) is not int:
        raise BadInput(f"{what} must be a whole number of 1/100 contract, not {count!r}")
    if count <= 0:
        raise BadInput(f"an order needs a {what} above 0")


def check_price(price: Price) -> None:
    """Refuse a price that no order can have; raises BadInput."""
    if type(price) is not int:
        raise BadInput(f"price must be a whole number of 1/10 000 $, not {price!r}")
    if not 0 < price < ONE_DOLLAR:
        raise BadInput("an order price lies between $0 and $1, both excluded")


def order_words(ticker: MarketTicker, side: Side, count: Count, price: Price) -> str:
    """Return an order for people: `bid 5 @ $0.4200 of KXDEMO-26DEC31-A`."""
    return f"{side.value} {show_count(count)} @ {show_price(price)} of {ticker}"


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
    order_group_id: str | None = None
    """Kalshi: the group whose limit of contracts in 15 seconds this order counts against."""
    cancel_on_pause: bool = False
    """Kalshi: `cancel_order_on_pause`, it ends when trading or the exchange is paused."""

    def __attrs_post_init__(self) -> None:
        check_count(self.count)
        check_price(self.price)
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
    updated_at: Timestamp | None = None
    """When it last changed, by the exchange's clock: of two records the one that is older is old news."""

    @property
    def total_count(self) -> Count:
        """Contracts that it is for: what filled and what rests, so that a decrease shows."""
        if self.status is OrderStatus.RESTING:
            return Count(self.fill_count + self.remaining_count)
        return self.initial_count


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


class AmendKind(enum.Enum):
    """How a resting order is changed."""

    AMEND = "amend"
    """Another price or size; it may trade, and takes another client order id."""
    DECREASE = "decrease"
    """Fewer contracts; it keeps its place in the queue."""


@attrs.frozen(kw_only=True)
class AmendTerms:
    """What a resting order is to become."""

    kind: AmendKind
    price: Price
    count: Count
    """The total: what has filled is part of it (Kalshi: amend)."""
    client_order_id: ClientOrderId | None = None
    """The id that it takes with this change, which proves that the change arrived; None keeps the old one."""


class PolicyAction(enum.Enum):
    """What becomes of resting orders when nobody watches over them."""

    KEEP = "keep"
    CANCEL = "cancel"
    EXPIRE = "expire"
    """They end by themselves: they carry a short expiration time, which is not renewed any more."""


@attrs.frozen(kw_only=True)
class OrderPolicy:
    """What becomes of the resting orders of one class of owners."""

    on_exit: PolicyAction
    """The daemon stops in order."""
    on_disconnect: PolicyAction
    """The daemon is dead, sick or cut off; anything but `keep` needs a dead-man expiry."""
    on_restart: PolicyAction
    """A daemon finds them resting that an earlier run placed."""


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
    by_engine: tuple[tuple[int, Money], ...] = ()
    """The cash of each matching engine, empty where there is only one (Kalshi: collateral is per engine)."""


@attrs.frozen(kw_only=True)
class Attribution:
    """Who an order belongs to."""

    owner: OrderOwner
    strategy: StrategyName | None = None

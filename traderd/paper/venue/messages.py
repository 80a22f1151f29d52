"""What comes out of the venue: refusals, replies, and the broadcasts of everything that happened.

Owns: the vocabulary of the outbox. A broadcast is a frozen value that carries snapshots, so it may be kept.
Must not: know the wire's words for any of it, or decide anything.
"""

from __future__ import annotations

import enum
from typing import Final, TypeAlias

import attrs
import msgspec

from traderd.model.ids import ClientOrderId, EventTicker, MarketTicker, OrderId
from traderd.model.orders import Side
from traderd.model.units import Count, Money, Price, Timestamp
from traderd.paper.venue.fees import FeeSchedule
from traderd.paper.venue.listings import Event, VenueMarket
from traderd.paper.venue.records import Position, Trade, VenueFill, VenueOrder

Levels: TypeAlias = tuple[tuple[Price, Count], ...]


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


# --- replies --------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class CancelReply:
    """What a cancel did."""

    order: VenueOrder
    """A snapshot after the cancel."""
    reduced_by: Count
    """Contracts taken off the book."""


@attrs.frozen(kw_only=True)
class AmendReply:
    """What an amend did."""

    before: VenueOrder
    """A snapshot before it."""
    order: VenueOrder
    """A snapshot after it, matching included."""
    filled: Count
    """Contracts that traded because of it."""
    average_fill_price: Price | None
    """Of those contracts; None when nothing traded."""
    average_fee: Money | None


@attrs.frozen(kw_only=True)
class AmendTerms:
    """What an amend asks for; None keeps what is."""

    ticker: MarketTicker
    side: Side
    price: Price
    count: Count
    """The total: already filled plus wanted remaining."""
    client_order_id: ClientOrderId | None = None
    """The order's present one, as a check."""
    updated_client_order_id: ClientOrderId | None = None
    expires_at: Timestamp | None = None
    removes_expiry: bool = False


@attrs.frozen(kw_only=True)
class Balance:
    """One subaccount's money."""

    cash: Money
    reserved: Money
    """What resting orders tie up."""
    available: Money
    portfolio_value: Money
    """Open positions at what their market ended at, else at the best price they could be closed at, else at the last
    trade, else at cost."""


# --- broadcasts -----------------------------------------------------------------------------------


class Broadcast(msgspec.Struct, frozen=True, kw_only=True, eq=False, gc=False):
    """Base of everything in the outbox."""


class LevelChanged(Broadcast, frozen=True, kw_only=True, eq=False, gc=False):
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
    subaccount: int = 0


class TradeHappened(Broadcast, frozen=True, kw_only=True, eq=False, gc=False):
    """Two orders met."""

    trade: Trade


class OrderUpdated(Broadcast, frozen=True, kw_only=True, eq=False, gc=False):
    """An account's order is new or changed; never sent for the street."""

    account: str
    order: VenueOrder
    """A snapshot."""
    at: Timestamp


class FillHappened(Broadcast, frozen=True, kw_only=True, eq=False, gc=False):
    """An account's order traded; never sent for the street."""

    account: str
    fill: VenueFill
    post_position: Count
    """Signed net position after this fill."""


class PositionChanged(Broadcast, frozen=True, kw_only=True, eq=False, gc=False):
    """A fill or a settlement changed an account's position; never sent for the street."""

    account: str
    position: Position
    """A snapshot."""
    at: Timestamp


class QuoteChanged(Broadcast, frozen=True, kw_only=True, eq=False, gc=False):
    """Something that the ticker shows changed; at most one per market and turn of the venue."""

    ticker: MarketTicker
    bid: tuple[Price, Count] | None
    """The best level, in YES prices; None for an empty side."""
    ask: tuple[Price, Count] | None
    last_price: Price | None
    last_count: Count | None
    volume: Count
    dollar_volume: Money
    open_interest: Count
    at: Timestamp


class Lifecycle(enum.Enum):
    """What happened to a market.  Kalshi: `event_type` of `market_lifecycle_v2`."""

    CREATED = "created"
    ACTIVATED = "activated"
    DEACTIVATED = "deactivated"
    CLOSE_DATE_UPDATED = "close_date_updated"
    DETERMINED = "determined"
    SETTLED = "settled"
    GRID_UPDATED = "price_level_structure_updated"
    METADATA_UPDATED = "metadata_updated"


class MarketChanged(Broadcast, frozen=True, kw_only=True, eq=False, gc=False):
    """A market went a step in its life that Kalshi tells of; opening and closing on time are not among them."""

    kind: Lifecycle
    market: VenueMarket
    """A snapshot."""
    at: Timestamp


class EventCreated(Broadcast, frozen=True, kw_only=True, eq=False, gc=False):
    """There is a new event."""

    event: Event
    at: Timestamp


class EventFeesChanged(Broadcast, frozen=True, kw_only=True, eq=False, gc=False):
    """An event's fee override is another one, or gone (None)."""

    event_ticker: EventTicker
    fees: FeeSchedule | None
    at: Timestamp


class GroupEvent(enum.Enum):
    """What happened to an order group.  Kalshi: `event_type` of `order_group_updates`."""

    CREATED = "created"
    LIMIT_UPDATED = "limit_updated"
    TRIGGERED = "triggered"
    RESET = "reset"
    DELETED = "deleted"


class GroupChanged(Broadcast, frozen=True, kw_only=True, eq=False, gc=False):
    """An account's order group changed."""

    account: str
    group_id: str
    kind: GroupEvent
    limit: Count
    at: Timestamp


ANY_BROADCAST: Final = (
    LevelChanged,
    TradeHappened,
    OrderUpdated,
    FillHappened,
    PositionChanged,
    QuoteChanged,
    MarketChanged,
    EventCreated,
    EventFeesChanged,
    GroupChanged,
)
"""Every kind there is: a test asserts that the feed renders each."""


@attrs.frozen(kw_only=True)
class QueuePlace:
    """Where a resting order stands."""

    order_id: OrderId
    ticker: MarketTicker
    ahead: Count
    """Contracts that trade before it."""

"""Facts in the past tense: everything that can change or follow from a change of the state.

Owns: the one list of event types. Private and state events are frozen attrs classes. The per-frame
market-data events are msgspec structs, because building a frozen attrs object costs eight times as much.
Every event carries `at`, stamped where the fact was observed.
Must not: hold commands (see `commands.py`) or behaviour.
"""

from __future__ import annotations

import enum
from typing import Final, TypeAlias

import attrs
import msgspec

from traderd.model.ids import ClientOrderId, MarketTicker, OrderId, TradeId
from traderd.model.market import Market
from traderd.model.orders import (
    Attribution,
    BalanceRecord,
    Fill,
    OrderRecord,
    OrderStatus,
    OrderTerms,
    PositionRecord,
    Side,
)
from traderd.model.states import Metadata, State
from traderd.model.units import Count, Money, Price, Timestamp

Levels: TypeAlias = tuple[tuple[Price, Count], ...]
"""Price levels as (YES price, size); order is not significant."""


class FeedName(enum.Enum):
    """Which of the two WebSocket connections: they fail apart."""

    MARKET_DATA = "market_data"
    PRIVATE = "private"


class Source(enum.Enum):
    """By which road a private fact reached us."""

    REPLY = "reply"
    FEED = "feed"
    SYNC = "sync"


# --- market data, one per frame -------------------------------------------------------------------


class BookSnapshot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The whole book of one market.  Source: Kalshi `orderbook_snapshot`."""

    ticker: MarketTicker
    bids: Levels
    asks: Levels
    """YES prices: a NO bid at p is an ask at 1 - p."""
    subscription: str
    """`<connection>:<sid>`: what `seq` counts within."""
    seq: int
    at: Timestamp
    in_answer: bool = False
    """It answers a `get_snapshot` command."""


class BookDelta(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One price level changed.  Source: Kalshi `orderbook_delta`."""

    ticker: MarketTicker
    side: Side
    price: Price
    change: Count
    """Signed; the level's new size is old + change."""
    subscription: str
    seq: int
    at: Timestamp
    exchange_at: Timestamp | None = None


class SequenceAdvanced(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A reply without data used up a sequence number.  Source: Kalshi acks that carry `seq`."""

    subscription: str
    seq: int
    at: Timestamp


class TradePrinted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Somebody traded.  Source: Kalshi `trade`."""

    trade_id: TradeId
    ticker: MarketTicker
    price: Price
    count: Count
    taker_side: Side
    at: Timestamp
    exchange_at: Timestamp | None = None


# --- connections ----------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class MarketsListed:
    """The exchange described these markets; what it says replaces what was known of them."""

    at: Timestamp
    markets: tuple[Market, ...]


@attrs.frozen(kw_only=True)
class FeedConnected:
    """A WebSocket connection stands and its subscriptions are acknowledged."""

    at: Timestamp
    feed: FeedName
    connection: int
    url: str


@attrs.frozen(kw_only=True)
class FeedDisconnected:
    """A WebSocket connection ended; every book that lived on it is now only last known."""

    at: Timestamp
    feed: FeedName
    connection: int
    reason: str


@attrs.frozen(kw_only=True)
class FrameRefused:
    """A frame could not be understood; it was counted and left out."""

    at: Timestamp
    feed: FeedName
    kind: str
    """The frame's `type` if it could be read, else `unreadable`."""
    reason: str


class BookFault(enum.Enum):
    """Why a book can no longer be trusted."""

    GAP = "gap"
    DISCONNECTED = "disconnected"
    NEGATIVE_LEVEL = "negative_level"
    CROSSED = "crossed"
    MISSING_SNAPSHOT = "missing_snapshot"


@attrs.frozen(kw_only=True)
class BookInvalidated:
    """Follows from a fault: the book is wrong until a snapshot replaces it."""

    at: Timestamp
    ticker: MarketTicker
    fault: BookFault
    subscription: str
    detail: str


@attrs.frozen(kw_only=True)
class BookRestored:
    """Follows from a snapshot: the book can be trusted again."""

    at: Timestamp
    ticker: MarketTicker


# --- orders ---------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class OrderIntended:
    """An order passed the risk gate; it is in the journal before it is on the wire."""

    at: Timestamp
    client_order_id: ClientOrderId
    terms: OrderTerms
    attribution: Attribution


@attrs.frozen(kw_only=True)
class OrderDenied:
    """We said no: nothing was sent."""

    at: Timestamp
    terms: OrderTerms
    attribution: Attribution
    rule: str
    sentence: str


@attrs.frozen(kw_only=True)
class OrderSent:
    """The request was handed to the network."""

    at: Timestamp
    client_order_id: ClientOrderId


@attrs.frozen(kw_only=True)
class OrderAccepted:
    """The exchange answered with an order id."""

    at: Timestamp
    client_order_id: ClientOrderId
    order_id: OrderId
    fill_count: Count
    remaining_count: Count


@attrs.frozen(kw_only=True)
class OrderRejected:
    """The exchange said no: no order exists."""

    at: Timestamp
    client_order_id: ClientOrderId
    code: str
    sentence: str


@attrs.frozen(kw_only=True)
class OrderOutcomeUnknown:
    """No clear answer came back: the order may or may not exist."""

    at: Timestamp
    client_order_id: ClientOrderId
    sentence: str


@attrs.frozen(kw_only=True)
class OrderNotPlaced:
    """A complete search after an unknown outcome proved that the order never arrived."""

    at: Timestamp
    client_order_id: ClientOrderId
    sentence: str


@attrs.frozen(kw_only=True)
class OrderVanished:
    """The exchange does not know an order any more that it had accepted: nobody can say how it ended."""

    at: Timestamp
    key: str
    """The client order id, or the order id of an order that has none."""
    sentence: str


@attrs.frozen(kw_only=True)
class OrderReported:
    """The exchange told an order's record; it may be old, doubled or of an order we never placed."""

    at: Timestamp
    record: OrderRecord
    source: Source


@attrs.frozen(kw_only=True)
class OrderFilled:
    """One of the account's orders traded; may arrive in any order and any number of times."""

    at: Timestamp
    fill: Fill
    source: Source


@attrs.frozen(kw_only=True)
class CancelRequested:
    """A cancel was handed to the network."""

    at: Timestamp
    order_id: OrderId


@attrs.frozen(kw_only=True)
class CancelAcknowledged:
    """The exchange answered a cancel; the order's record confirms it."""

    at: Timestamp
    order_id: OrderId
    reduced_by: Count


@attrs.frozen(kw_only=True)
class CancelFailed:
    """A cancel was refused, not found, or its outcome is unknown; the order's record will tell."""

    at: Timestamp
    order_id: OrderId
    code: str
    sentence: str


@attrs.frozen(kw_only=True)
class OrderChanged:
    """Follows from any of the above: this order's status or counts are new."""

    at: Timestamp
    key: str
    """The client order id, or the order id of an order that has none."""
    status: OrderStatus
    previous: OrderStatus | None
    """None when the order was not known before."""


# --- money ----------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class PositionChanged:
    """Follows from a fill or an adoption: the market's position is new."""

    at: Timestamp
    ticker: MarketTicker
    count: Count
    average_cost: Price | None
    realized_pnl: Money
    fees_paid: Money


@attrs.frozen(kw_only=True)
class Difference:
    """One thing in which the exchange and we disagreed."""

    kind: str
    """`fill_missed`, `order_adopted`, `order_found`, `order_ended`, `order_amended`, `order_filled`,
    `position`, `position_gone`, `position_agrees`, `carried_in`."""
    subject: str
    ours: str
    theirs: str


@attrs.frozen(kw_only=True)
class AccountSynced:
    """A complete reading of the account; a failed or partial one never becomes this event."""

    at: Timestamp
    started_at: Timestamp
    """Facts observed after this moment may be missing from the reading."""
    sync_type: str
    """`initial` or `update`."""
    positions: tuple[PositionRecord, ...]
    balance: BalanceRecord
    differences: tuple[Difference, ...] = ()
    """What the reading's fills and orders told that was new; they are events of their own."""


@attrs.frozen(kw_only=True)
class TradingStateUpdated:
    """Follows from AccountSynced: where the account stands and what was new in it."""

    at: Timestamp
    sync_type: str
    version: int
    balance: Money
    balance_change: Money
    portfolio_value: Money
    position_count: int
    position_count_change: int
    order_count: int
    order_count_change: int
    differences: tuple[Difference, ...]


# --- conditions and states ------------------------------------------------------------------------


class Author(enum.Enum):
    """Who raised or cleared a condition: a person's halt is cleared only by a person."""

    MACHINE = "machine"
    PERSON = "person"


@attrs.frozen(kw_only=True)
class HaltRaised:
    """New risk stops, for the account or for one market; survives restarts."""

    at: Timestamp
    halt_id: str
    author: Author
    reason: str
    ticker: MarketTicker | None = None
    """None halts the account."""


@attrs.frozen(kw_only=True)
class HaltCleared:
    """A halt ended."""

    at: Timestamp
    halt_id: str
    author: Author


@attrs.frozen(kw_only=True)
class TradingPaused:
    """A person asked for no new risk; orders rest."""

    at: Timestamp
    reason: str


@attrs.frozen(kw_only=True)
class TradingResumed:
    """A person asked to go on."""

    at: Timestamp


@attrs.frozen(kw_only=True)
class VenuePaused:
    """The exchange does not take orders now: a condition, not an error."""

    at: Timestamp
    sentence: str
    ticker: MarketTicker | None = None
    """None: of the whole exchange."""


@attrs.frozen(kw_only=True)
class VenueResumed:
    """The exchange takes orders again; a market that is paused by itself is told of by itself."""

    at: Timestamp
    ticker: MarketTicker | None = None
    """None: of the whole exchange."""


@attrs.frozen(kw_only=True)
class DegradedRaised:
    """A part that trading does not depend on is not well."""

    at: Timestamp
    part: str
    reason: str


@attrs.frozen(kw_only=True)
class DegradedCleared:
    """That part is well again."""

    at: Timestamp
    part: str


@attrs.frozen(kw_only=True)
class StateChanged:
    """The daemon went from one state to another; only `to_state`'s own metadata travels with it."""

    at: Timestamp
    from_state: State
    to_state: State
    context: str
    metadata: Metadata


@attrs.frozen(kw_only=True)
class ServiceChanged:
    """A service's status is new."""

    at: Timestamp
    name: str
    status: str
    detail: str


@attrs.frozen(kw_only=True)
class HealthChecked:
    """The periodic health check ran."""

    at: Timestamp
    healthy: bool
    problems: tuple[str, ...]


BookEvent: TypeAlias = BookSnapshot | BookDelta
OrderLifeEvent: TypeAlias = (
    OrderIntended
    | OrderSent
    | OrderAccepted
    | OrderRejected
    | OrderOutcomeUnknown
    | OrderNotPlaced
    | OrderVanished
    | CancelRequested
    | CancelAcknowledged
    | CancelFailed
)
Event: TypeAlias = (
    BookEvent
    | SequenceAdvanced
    | TradePrinted
    | MarketsListed
    | FeedConnected
    | FeedDisconnected
    | FrameRefused
    | BookInvalidated
    | BookRestored
    | OrderLifeEvent
    | OrderDenied
    | OrderReported
    | OrderFilled
    | OrderChanged
    | PositionChanged
    | AccountSynced
    | TradingStateUpdated
    | HaltRaised
    | HaltCleared
    | TradingPaused
    | TradingResumed
    | VenuePaused
    | VenueResumed
    | DegradedRaised
    | DegradedCleared
    | StateChanged
    | ServiceChanged
    | HealthChecked
)

JOURNALED: Final[tuple[type, ...]] = (
    OrderIntended,
    OrderSent,
    OrderAccepted,
    OrderRejected,
    OrderOutcomeUnknown,
    OrderNotPlaced,
    OrderVanished,
    OrderReported,
    OrderFilled,
    CancelRequested,
    CancelAcknowledged,
    CancelFailed,
    AccountSynced,
    HaltRaised,
    HaltCleared,
    TradingPaused,
    TradingResumed,
    StateChanged,
)
"""What the journal keeps: folding these again at start gives the private state back.

Events that only follow from others are left out, but for halts, which must outlive a changed limit."""

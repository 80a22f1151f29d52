"""Facts of market data and of the connections that bring it.

Owns: the events of books, trades, listed markets and feeds; what is known about how good a book is has events of its own
in `book_events`. The per-frame ones are msgspec structs, because building a frozen attrs object costs eight times as much.
Must not: judge sequence numbers or hold levels (see `core/market_data.py`).
"""

from __future__ import annotations

import enum
from typing import TypeAlias

import attrs
import msgspec

from traderd.model.ids import MarketTicker, TradeId
from traderd.model.market import Market
from traderd.model.orders import (
    Side,
)
from traderd.model.units import Count, Price, Timestamp

Levels: TypeAlias = tuple[tuple[Price, Count], ...]
"""Price levels as (YES price, size); order is not significant."""


class FeedName(enum.Enum):
    """Which of the two WebSocket connections: they fail apart."""

    MARKET_DATA = "market_data"
    PRIVATE = "private"


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
    """A frame without a book used up a sequence number.  Source: Kalshi acks, trades and steps that carry `seq`."""

    subscription: str
    seq: int
    at: Timestamp
    is_data: bool = False
    """It was a trade or a step, which tells nothing twice; a reply may repeat a number."""
    exchange_at: Timestamp | None = None
    """When the trade was made, where the frame tells."""


class TradePrinted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Somebody traded.  Source: Kalshi `trade`."""

    trade_id: TradeId
    ticker: MarketTicker
    price: Price
    count: Count
    taker_side: Side
    at: Timestamp
    exchange_at: Timestamp | None = None
    backfilled: bool = False
    """It was read by REST after the feed had missed it, so it comes late."""
    is_block: bool = False
    """Two parties agreed on it away from the book (Kalshi: `is_block_trade`): its price says nothing of what can be had."""


@attrs.frozen(kw_only=True)
class FramesMissed:
    """Follows from a hole in a subscription's numbers, or from a frame that could not be read: what it told is missing."""

    at: Timestamp
    subscription: str
    detail: str
    since: Timestamp | None = None
    """The second of its last trade before the hole, by the exchange's clock; None where it brought none."""


@attrs.frozen(kw_only=True)
class TradesBackfilled:
    """A market's trades since `since` were read again: all that could be had of them was published before this."""

    at: Timestamp
    ticker: MarketTicker
    since: Timestamp
    """By the exchange's clock."""
    count: int
    """How many of them the feed had missed."""
    complete: bool
    """False: there were more than are read at once, and the oldest are missing for good."""


@attrs.frozen(kw_only=True)
class MarketsListed:
    """The exchange described these markets; what it says replaces what was known of them, but for newer steps."""

    at: Timestamp
    markets: tuple[Market, ...]
    read_at: Timestamp | None = None
    """When the reading began: what a market went through since then stays. None: nothing can have come in between."""


@attrs.frozen(kw_only=True)
class FeedConnected:
    """A WebSocket connection stands and its subscriptions are acknowledged."""

    at: Timestamp
    feed: FeedName
    connection: int
    url: str
    of: int = 1
    """How many connections the feed is spread over now."""


@attrs.frozen(kw_only=True)
class FeedDisconnected:
    """A WebSocket connection ended; every book that lived on it is now only last known."""

    at: Timestamp
    feed: FeedName
    connection: int
    reason: str
    of: int | None = None
    """We ended it because it was not needed any more, and the feed is spread over so many now; None: it was lost."""


class Drift(enum.Enum):
    """How a frame departs from what this version knows of the exchange's messages."""

    UNREADABLE = "unreadable"
    """No JSON, or no text."""
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_VALUE = "unknown_value"
    """A word that is none of those that a field may hold."""
    MISSING_FIELD = "missing_field"
    WRONG_VALUE = "wrong_value"
    """Another kind of value than the field has, or a number that is none of its unit."""


@attrs.frozen(kw_only=True)
class FrameRefused:
    """A frame could not be understood; it was counted and left out."""

    at: Timestamp
    feed: FeedName
    kind: str
    """The frame's `type` if it could be read, else `unreadable`; `error` when the exchange refused a command."""
    reason: str
    drift: Drift | None = None
    """None: the frame was understood, and says that the exchange refused something."""
    where: str = ""
    """The field's path in the frame, for example `msg.side`; empty when it is not one field."""
    subscription: str = ""
    """As in BookDelta; empty when it cannot be read, or when nothing was missed."""
    seq: int = 0
    """Its number there, 0 when there is none."""
    ticker: MarketTicker | None = None
    """The market that a book's frame named."""
    connection: int = 0
    """Set when the subscription cannot be read and the frame may have been any one's of this connection."""


BookEvent: TypeAlias = BookSnapshot | BookDelta

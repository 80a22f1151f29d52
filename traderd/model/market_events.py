"""Facts of market data and of the connections that bring it.

Owns: the events of books, trades, listed markets and feeds. The per-frame ones are msgspec structs, because
building a frozen attrs object costs eight times as much.
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


BookEvent: TypeAlias = BookSnapshot | BookDelta

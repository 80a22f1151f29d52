"""The bodies of Kalshi's V2 REST dialect, as structs that both decode and encode.

Owns: field names and which of them a reader insists on. A field without a default is one that the trader cannot do
without; a field with a plain default is always written; a field that defaults to UNSET is written only when set.
Must not: interpret; `translate` turns these into the model and back.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from traderd.errors import ExchangeProtocolError
from traderd.kalshi.wire.numbers import Name, Number, Ordinal

T = TypeVar("T")
Level = tuple[Number, Number]
"""`[price, count]`."""


class Wire(msgspec.Struct, frozen=True, gc=False):
    """Base of every body; unknown fields are skipped."""


# --- exchange and account -------------------------------------------------------------------------


class ExchangeIndexStatus(Wire, frozen=True, kw_only=True):
    """One matching engine's switches."""

    exchange_index: int
    description: str = ""
    exchange_active: bool
    trading_active: bool
    intra_exchange_transfers_active: bool = True


class ExchangeStatus(Wire, frozen=True, kw_only=True):
    """`GET /exchange/status`; a 500, 503 or 504 may carry the same body."""

    exchange_active: bool
    trading_active: bool
    intra_exchange_transfers_active: bool | UnsetType | None = UNSET
    exchange_estimated_resume_time: str | UnsetType | None = UNSET
    exchange_index_statuses: list[ExchangeIndexStatus] | UnsetType | None = UNSET


class RateBucket(Wire, frozen=True, kw_only=True):
    """One token bucket, in tokens (per second) and tokens."""

    refill_rate: float
    bucket_capacity: float


class AccountLimits(Wire, frozen=True, kw_only=True):
    """`GET /account/limits`."""

    usage_tier: str = ""
    read: RateBucket
    write: RateBucket


# --- markets --------------------------------------------------------------------------------------


class PriceRange(Wire, frozen=True, kw_only=True):
    """One band of the price grid."""

    start: Number
    end: Number
    step: Number


class MarketRead(Wire, frozen=True, kw_only=True):
    """What is read of a market in a list: the other thirty fields of a thousand markets are three megabytes."""

    ticker: Name
    event_ticker: Name
    status: str
    close_time: str
    price_ranges: list[PriceRange]
    title: str | None = ""
    yes_sub_title: str = ""
    open_time: str = ""
    volume_24h_fp: Number = "0.00"
    exchange_index: Ordinal = 0


class Market(MarketRead, frozen=True, kw_only=True):
    """A market; bids of an empty book are 0.0000 and its asks 1.0000."""

    market_type: str = "binary"
    no_sub_title: str = ""
    created_time: str = ""
    updated_time: str = ""
    latest_expiration_time: str = ""
    expected_expiration_time: str | UnsetType | None = UNSET
    settlement_timer_seconds: int = 0
    settlement_ts: str | UnsetType | None = UNSET
    settlement_value_dollars: Number | UnsetType | None = UNSET
    settlement_bounds_type: str = "default"
    yes_bid_dollars: Number = "0.0000"
    yes_ask_dollars: Number = "1.0000"
    no_bid_dollars: Number = "0.0000"
    no_ask_dollars: Number = "1.0000"
    yes_bid_size_fp: Number = "0.00"
    yes_ask_size_fp: Number = "0.00"
    last_price_dollars: Number = "0.0000"
    previous_price_dollars: Number = "0.0000"
    previous_yes_bid_dollars: Number = "0.0000"
    previous_yes_ask_dollars: Number = "0.0000"
    volume_fp: Number = "0.00"
    open_interest_fp: Number = "0.00"
    notional_value_dollars: Number = "1.0000"
    result: str = ""
    expiration_value: str = ""
    can_close_early: bool = True
    rules_primary: str = ""
    rules_secondary: str = ""
    price_level_structure: str = ""


class MarketList(Wire, frozen=True, kw_only=True):
    """`GET /markets`; its rows are MarketReads that are read one by one, so that an odd one hides no other."""

    markets: list[msgspec.Raw] | UnsetType | None = UNSET
    cursor: str | UnsetType | None = UNSET


class MarketEnvelope(Wire, frozen=True, kw_only=True):
    """`GET /markets/{ticker}`."""

    market: Market


class Series(Wire, frozen=True, kw_only=True):
    """A series; only what is used."""

    ticker: str


class SeriesList(Wire, frozen=True, kw_only=True):
    """`GET /series`; in one answer."""

    series: list[Series] | None = None


class Anything(Wire, frozen=True, kw_only=True):
    """A document of which nothing but its existence matters."""


class CategoryTags(Wire, frozen=True, kw_only=True):
    """`GET /search/tags_by_categories`: every category, with its tags."""

    tags_by_categories: dict[str, list[str] | None] | None = None


class Trade(Wire, frozen=True, kw_only=True):
    """A public trade."""

    trade_id: Name
    ticker: Name
    count_fp: Number
    yes_price_dollars: Number
    taker_outcome_side: str | UnsetType | None = UNSET
    taker_book_side: str | UnsetType | None = UNSET
    created_time: str
    is_block_trade: bool | UnsetType | None = UNSET


class TradeList(Wire, frozen=True, kw_only=True):
    """`GET /markets/trades`, newest first; its rows are Trades that are read one by one, as markets are."""

    trades: list[msgspec.Raw] | UnsetType | None = UNSET
    cursor: str | UnsetType | None = UNSET


class OrderBookLevels(Wire, frozen=True, kw_only=True):
    """Bids only, ascending: a NO bid at p is a YES ask at 1 - p."""

    yes_dollars: list[Level] | None = []
    no_dollars: list[Level] | None = []


class OrderBookEnvelope(Wire, frozen=True, kw_only=True):
    """`GET /markets/{ticker}/orderbook`."""

    orderbook_fp: OrderBookLevels


class Named(Wire, frozen=True, kw_only=True):
    """What is read of a row that cannot be read otherwise."""

    ticker: Name = ""


class TickerBook(Wire, frozen=True, kw_only=True):
    """One book among several."""

    ticker: Name
    orderbook_fp: OrderBookLevels


class OrderBookList(Wire, frozen=True, kw_only=True):
    """`GET /markets/orderbooks`; its rows are TickerBooks that are read one by one, so that an odd one hides no other."""

    orderbooks: list[msgspec.Raw] | None = []


# --- order entry ----------------------------------------------------------------------------------


class CreateOrderRequest(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """`POST /portfolio/events/orders`; `count` and `price` are strings, a JSON number is refused."""

    ticker: str
    side: str
    count: str
    price: str
    time_in_force: str
    self_trade_prevention_type: str
    client_order_id: str | None = None
    expiration_time: int | None = None
    """Unix seconds."""
    post_only: bool | None = None
    reduce_only: bool | None = None
    cancel_order_on_pause: bool | None = None
    order_group_id: str | None = None
    subaccount: int | None = None
    exchange_index: int | None = None


class CreateOrderReply(Wire, frozen=True, kw_only=True):
    """Its 201; there is no status, the counts tell."""

    order_id: Name
    client_order_id: Name | UnsetType | None = UNSET
    fill_count: Number
    remaining_count: Number
    average_fill_price: Number | UnsetType | None = UNSET
    average_fee_paid: Number | UnsetType | None = UNSET
    ts_ms: int | UnsetType = UNSET


class CancelReply(Wire, frozen=True, kw_only=True):
    """`DELETE /portfolio/events/orders/{order_id}`."""

    order_id: Name
    client_order_id: Name | UnsetType | None = UNSET
    reduced_by: Number
    ts_ms: int | UnsetType = UNSET


def decode_body(body: bytes, kind: type[T], endpoint: str) -> T:
    """Return a body as `kind`.

    Raises:
        ExchangeProtocolError: not JSON, or a field is missing or of a wrong type; names the endpoint and the field.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise ExchangeProtocolError(f"{endpoint}: {exc}") from exc


def encode_body(value: Wire) -> bytes:
    """Return a body as JSON."""
    return msgspec.json.encode(value)

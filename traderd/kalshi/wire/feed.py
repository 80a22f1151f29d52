"""The shapes of WebSocket messages, as structs that both decode and encode.

Owns: field names of the envelope and of each message type; only what is used is declared, the rest is skipped in C.
Must not: interpret; `decoder` reads them and `frames` writes them.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from traderd.kalshi.wire.numbers import NAME_CHARACTERS_MAX, Name, Number, Ordinal
from traderd.kalshi.wire.rest import PriceRange
from traderd.model.ids import MarketTicker

Levels: TypeAlias = list[tuple[Number, Number]]
Ticker: TypeAlias = Annotated[MarketTicker, msgspec.Meta(max_length=NAME_CHARACTERS_MAX)]
Leg: TypeAlias = Literal["yes", "no"]


class SnapshotBody(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A side that is empty has no key.  `yes` and `no` are the form that ended on 2026-03-12."""

    market_ticker: Name
    market_id: str = ""
    yes_dollars_fp: Levels | None = None
    no_dollars_fp: Levels | None = None
    yes: msgspec.Raw = msgspec.Raw()
    no: msgspec.Raw = msgspec.Raw()


class Snapshot(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    gc=False,
    omit_defaults=True,
    tag="orderbook_snapshot",
):
    """The whole book of one market; carries an `id` when it answers `get_snapshot`."""

    sid: Ordinal
    seq: Ordinal
    msg: SnapshotBody
    id: Ordinal = 0


class DeltaBody(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One level changed by `delta_fp`; the last two are only in the copy of whoever caused it."""

    market_ticker: Ticker
    market_id: str = ""
    price_dollars: Number
    delta_fp: Number
    side: Leg
    ts: str | None = None
    ts_ms: int | None = None
    client_order_id: Name | None = None
    subaccount: int | None = None


class Delta(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="orderbook_delta"
):
    """One price level changed."""

    sid: Ordinal
    seq: Ordinal
    msg: DeltaBody


class LevelChange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is read of a delta's body: the fields that nobody here uses would cost a tenth of its decoding."""

    market_ticker: Ticker
    price_dollars: Number
    delta_fp: Number
    side: Leg
    ts_ms: int | None = None


class DeltaRead(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="orderbook_delta"):
    """One price level changed, as far as the trader reads it."""

    sid: Ordinal
    seq: Ordinal
    msg: LevelChange


class TradeBody(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A public trade."""

    trade_id: Name
    market_ticker: Name
    yes_price_dollars: Number
    no_price_dollars: Number | None = None
    count_fp: Number
    taker_outcome_side: str | None = None
    taker_book_side: str | None = None
    taker_side: str | None = None
    is_block_trade: bool | None = None
    ts: int | None = None
    ts_ms: int | None = None


class Trade(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="trade"):
    """Somebody traded; sequenced since September 2026."""

    sid: Ordinal
    seq: Ordinal = 0
    msg: TradeBody


class FillBody(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One of the account's fills; only the YES price is sent, the legacy pair is never read."""

    trade_id: Name
    order_id: Name
    client_order_id: Name | None = None
    market_ticker: Name
    exchange_index: int | None = None
    is_taker: bool
    outcome_side: str | None = None
    book_side: str | None = None
    side: str | None = None
    action: str | None = None
    purchased_side: str | None = None
    yes_price_dollars: Number
    count_fp: Number
    fee_cost: Number
    post_position_fp: Number | None = None
    ts: int | None = None
    ts_ms: int | None = None
    subaccount: int | None = None


class FillMessage(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="fill"
):
    """One of the account's orders traded; not sequenced."""

    sid: Ordinal
    msg: FillBody


class UserOrderBody(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One of the account's orders changed."""

    order_id: Name
    user_id: Name | None = None
    client_order_id: Name | None = None
    ticker: Name
    exchange_index: int | None = None
    status: str
    outcome_side: str | None = None
    book_side: str | None = None
    side: str | None = None
    is_yes: bool | None = None
    yes_price_dollars: Number
    initial_count_fp: Number
    fill_count_fp: Number
    remaining_count_fp: Number
    taker_fill_cost_dollars: Number | None = None
    maker_fill_cost_dollars: Number | None = None
    taker_fees_dollars: Number | None = None
    maker_fees_dollars: Number | None = None
    order_group_id: str | None = None
    self_trade_prevention_type: str | None = None
    created_time: str | None = None
    created_ts_ms: int | None = None
    last_update_time: str | None = None
    last_updated_ts_ms: int | None = None
    expiration_time: str | None = None
    expiration_ts_ms: int | None = None
    last_update_reason: str | None = None
    subaccount_number: int | None = None


class UserOrder(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="user_order"
):
    """An order's record; not sequenced.  The channel is called `user_orders`."""

    sid: Ordinal
    msg: UserOrderBody


class OrderGroupBody(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An order group changed; the limit comes with `created` and `limit_updated` only."""

    event_type: str
    order_group_id: Name
    contracts_limit_fp: Number | None = None


class OrderGroupUpdate(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    gc=False,
    omit_defaults=True,
    tag="order_group_updates",
):
    """What became of one of the account's order groups; sequenced."""

    sid: Ordinal
    seq: Ordinal = 0
    msg: OrderGroupBody


# --- lifecycle --------------------------------------------------------------------------------------


class LifecycleMetadata(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What a new market is about; only what is used."""

    event_ticker: Name | None = None


class LifecycleBody(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A market's step; every field but the first two only comes with the step it belongs to.  `*_ts` are seconds."""

    market_ticker: Name
    event_type: str
    open_ts: int | None = None
    close_ts: int | None = None
    result: Name | None = None
    settlement_value: Number | None = None
    price_ranges: list[PriceRange] | None = None
    additional_metadata: LifecycleMetadata | None = None


class MarketLifecycle(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    gc=False,
    omit_defaults=True,
    tag="market_lifecycle_v2",
):
    """A market went a step; sequenced since September 2026."""

    sid: Ordinal
    seq: Ordinal = 0
    msg: LifecycleBody


class EventLifecycle(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="event_lifecycle"
):
    """There is a new event: on the lifecycle's subscription, and only its number is of use."""

    sid: Ordinal
    seq: Ordinal = 0


class EventFees(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="event_fee_update"
):
    """An event's fees changed: on the lifecycle's subscription, and only its number is of use."""

    sid: Ordinal
    seq: Ordinal = 0


# --- replies --------------------------------------------------------------------------------------


class SubscribedBody(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One channel's new subscription id."""

    channel: Name
    sid: Ordinal


class Subscribed(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="subscribed"
):
    """Answers subscribe, once per channel."""

    id: Ordinal = 0
    msg: SubscribedBody


class OkBody(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """All that the subscription covers after the change, unless the client asked to skip it."""

    market_tickers: list[str] | None = None
    market_ids: list[str] | None = None
    index_ids: list[str] | None = None
    underlying_tickers: list[str] | None = None


class Ok(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="ok"):
    """Answers update_subscription (an object) and list_subscriptions (a list)."""

    id: Ordinal = 0
    sid: Ordinal = 0
    seq: Ordinal = 0
    msg: OkBody | list[SubscribedBody] | None = None


class Unsubscribed(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="unsubscribed"
):
    """Answers unsubscribe, once per subscription."""

    id: Ordinal = 0
    sid: Ordinal
    seq: Ordinal = 0


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What was wrong."""

    code: int
    msg: str = ""
    market_ticker: str | None = None


class FeedError(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="error"
):
    """A command was refused, or a subscription died (codes 10 and 25)."""

    id: Ordinal = 0
    sid: Ordinal = 0
    seq: Ordinal = 0
    msg: ErrorBody


_ButDelta: TypeAlias = (
    Snapshot
    | Trade
    | FillMessage
    | UserOrder
    | OrderGroupUpdate
    | MarketLifecycle
    | EventLifecycle
    | EventFees
    | Subscribed
    | Ok
    | Unsubscribed
    | FeedError
)
Frame: TypeAlias = Delta | _ButDelta
"""Every message with all its fields."""
FrameRead: TypeAlias = DeltaRead | _ButDelta
"""The same messages as the trader reads them."""


class UnknownFrame(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is read of a frame of a type that this version does not know, or that is malformed: whatever is there."""

    type: object = None
    sid: object = None
    seq: object = None
    msg: msgspec.Raw = msgspec.Raw()


class NamedMarket(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is read of such a frame's body."""

    market_ticker: Name

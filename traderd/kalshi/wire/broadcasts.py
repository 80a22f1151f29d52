"""The bodies of WebSocket messages that an exchange sends and the trader never subscribes to.

Owns: the field names of tickers, positions, order groups and lifecycles (Kalshi: AsyncAPI of September 2026).
Must not: interpret; the exchange fills them in.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from traderd.kalshi.wire.rest import PriceRange


class Ticker(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one market shows; `dollar_*` are whole dollars, `ts` seconds."""

    market_ticker: str
    market_id: str
    price_dollars: str
    yes_bid_dollars: str
    yes_ask_dollars: str
    yes_bid_size_fp: str
    yes_ask_size_fp: str
    last_trade_size_fp: str
    volume_fp: str
    open_interest_fp: str
    dollar_volume: int
    dollar_open_interest: int
    ts: int
    ts_ms: int
    time: str


class MarketPosition(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One of the account's positions after a change; sent as `market_position`."""

    user_id: str
    market_ticker: str
    position_fp: str
    position_cost_dollars: str
    realized_pnl_dollars: str
    fees_paid_dollars: str
    position_fee_cost_dollars: str
    volume_fp: str
    subaccount: int


class OrderGroup(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One of the account's order groups changed; the limit comes with `created` and `limit_updated` only."""

    event_type: str
    order_group_id: str
    contracts_limit_fp: str | UnsetType = UNSET
    ts_ms: int


class MarketMetadata(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a new market is about."""

    name: str
    title: str
    yes_sub_title: str
    no_sub_title: str
    rules_primary: str
    rules_secondary: str
    can_close_early: bool
    event_ticker: str
    expected_expiration_ts: int
    strike_type: str | UnsetType = UNSET
    floor_strike: float | UnsetType = UNSET
    cap_strike: float | UnsetType = UNSET


class MarketLifecycle(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A market went a step; every field but the first two only comes with the step it belongs to.  `*_ts` are seconds."""

    market_ticker: str
    event_type: str
    exchange_index: int | UnsetType = UNSET
    open_ts: int | UnsetType = UNSET
    close_ts: int | UnsetType = UNSET
    is_deactivated: bool | UnsetType = UNSET
    result: str | UnsetType = UNSET
    determination_ts: int | UnsetType = UNSET
    settlement_value: str | UnsetType = UNSET
    settled_ts: int | UnsetType = UNSET
    price_level_structure: str | UnsetType = UNSET
    price_ranges: list[PriceRange] | UnsetType = UNSET
    yes_sub_title: str | UnsetType = UNSET
    strike_type: str | UnsetType = UNSET
    floor_strike: float | UnsetType = UNSET
    cap_strike: float | UnsetType = UNSET
    additional_metadata: MarketMetadata | UnsetType = UNSET


class EventLifecycle(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """There is a new event."""

    event_ticker: str
    exchange_index: int
    title: str
    subtitle: str
    collateral_return_type: str
    series_ticker: str
    strike_date: int | UnsetType = UNSET
    """Seconds."""


class EventFees(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event's fee override; both are null once it is gone.  Sent as `event_fee_update`."""

    event_ticker: str
    fee_type_override: str | None
    fee_multiplier_override: float | None


class IndexList(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The reference indices there are."""

    index_ids: list[str]


class UnderlyingList(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The underlyings that were seen lately."""

    underlying_tickers: list[str]

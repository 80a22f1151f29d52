"""The bodies of Kalshi's V2 portfolio reads: orders, fills, positions, balance.

Owns: field names and which of them a reader insists on, by the same rule as `rest`.
Must not: interpret; `translate` and `serve` turn these into the model and back.
"""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from traderd.kalshi.wire.numbers import Number
from traderd.kalshi.wire.rest import Wire


class Order(Wire, frozen=True, kw_only=True):
    """An order; `side` and `action` are the legacy pair, written for old readers and never read."""

    order_id: str
    ticker: str
    status: str
    yes_price_dollars: Number
    initial_count_fp: Number
    fill_count_fp: Number
    remaining_count_fp: Number
    user_id: str = ""
    client_order_id: str | None = ""
    outcome_side: str | UnsetType | None = UNSET
    book_side: str | UnsetType | None = UNSET
    side: str | UnsetType = UNSET
    action: str | UnsetType = UNSET
    type: str = "limit"
    no_price_dollars: Number | UnsetType = UNSET
    taker_fill_cost_dollars: Number = "0.000000"
    maker_fill_cost_dollars: Number = "0.000000"
    taker_fees_dollars: Number = "0.000000"
    maker_fees_dollars: Number = "0.000000"
    created_time: str | UnsetType | None = UNSET
    last_update_time: str | UnsetType | None = UNSET
    expiration_time: str | UnsetType | None = UNSET
    last_update_reason: str | UnsetType | None = UNSET
    self_trade_prevention_type: str | UnsetType | None = UNSET
    order_group_id: str | UnsetType | None = UNSET
    cancel_order_on_pause: bool | UnsetType | None = UNSET
    subaccount_number: int | UnsetType | None = UNSET
    exchange_index: int | UnsetType | None = UNSET


class OrderList(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/orders`."""

    orders: list[Order] | UnsetType | None = UNSET
    cursor: str | UnsetType | None = UNSET


class OrderEnvelope(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/orders/{order_id}`."""

    order: Order


class Fill(Wire, frozen=True, kw_only=True):
    """A fill; its legacy `side` is the outcome acquired, not what was sent: never read it."""

    trade_id: str
    order_id: str
    ticker: str
    count_fp: Number
    yes_price_dollars: Number
    is_taker: bool
    fee_cost: Number
    fill_id: str = ""
    market_ticker: str = ""
    outcome_side: str | UnsetType | None = UNSET
    book_side: str | UnsetType | None = UNSET
    side: str | UnsetType = UNSET
    action: str | UnsetType = UNSET
    no_price_dollars: Number | UnsetType = UNSET
    client_order_id: str | UnsetType | None = UNSET
    created_time: str | UnsetType | None = UNSET
    ts: int | UnsetType | None = UNSET
    subaccount_number: int | UnsetType | None = UNSET
    exchange_index: int = 0


class FillList(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/fills`."""

    fills: list[Fill] | UnsetType | None = UNSET
    cursor: str | UnsetType | None = UNSET


class MarketPosition(Wire, frozen=True, kw_only=True):
    """A market's position; `last_updated_ts` is an RFC 3339 text in spite of its name."""

    ticker: str
    position_fp: Number
    market_exposure_dollars: Number
    realized_pnl_dollars: Number
    fees_paid_dollars: Number
    total_traded_dollars: Number = "0.000000"
    exchange_index: int = 0
    last_updated_ts: str | UnsetType = UNSET


class EventPosition(Wire, frozen=True, kw_only=True):
    """An event's position."""

    event_ticker: str
    total_cost_dollars: Number = "0.000000"
    total_cost_shares_fp: Number = "0.00"
    event_exposure_dollars: Number = "0.000000"
    realized_pnl_dollars: Number = "0.000000"
    fees_paid_dollars: Number = "0.000000"


class PositionList(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/positions`."""

    cursor: str | UnsetType | None = UNSET
    market_positions: list[MarketPosition] | UnsetType | None = UNSET
    event_positions: list[EventPosition] | UnsetType | None = UNSET


class BalanceShard(Wire, frozen=True, kw_only=True):
    """One matching engine's cash, in dollars."""

    exchange_index: int
    balance: Number


class Balance(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/balance`; `balance` is truncated cents, `balance_dollars` is the truth."""

    balance_dollars: Number
    portfolio_value: int
    """Cents."""
    balance: int = 0
    updated_ts: int = 0
    balance_breakdown: list[BalanceShard] | UnsetType | None = UNSET

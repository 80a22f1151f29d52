"""The bodies of Kalshi's V2 portfolio reads: orders, fills, positions, balance.

Owns: field names and which of them a reader insists on, by the same rule as `rest`.
Must not: interpret; `translate` and `serve` turn these into the model and back.
"""

from __future__ import annotations

from msgspec import UNSET, Raw, UnsetType

from traderd.kalshi.wire.numbers import Name, Number, Ordinal
from traderd.kalshi.wire.rest import Wire


class Order(Wire, frozen=True, kw_only=True):
    """An order; `side` and `action` are the legacy pair, written for old readers and never read."""

    order_id: Name
    ticker: Name
    status: str
    yes_price_dollars: Number
    initial_count_fp: Number
    fill_count_fp: Number
    remaining_count_fp: Number
    user_id: str = ""
    client_order_id: Name | None = ""
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


class OrderRows(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/orders` for a reader: a row that cannot be read must not hide the others."""

    orders: list[Raw] | UnsetType | None = UNSET
    cursor: str | UnsetType | None = UNSET


class OrderEnvelope(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/orders/{order_id}`."""

    order: Order


class OrderRow(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/orders/{order_id}` for a reader who wants what can be read of it."""

    order: Raw


class Fill(Wire, frozen=True, kw_only=True):
    """A fill; its legacy `side` is the outcome acquired, not what was sent: never read it."""

    trade_id: Name
    order_id: Name
    ticker: Name
    count_fp: Number
    yes_price_dollars: Number
    is_taker: bool
    fee_cost: Number
    fill_id: str = ""
    market_ticker: Name = ""
    outcome_side: str | UnsetType | None = UNSET
    book_side: str | UnsetType | None = UNSET
    side: str | UnsetType = UNSET
    action: str | UnsetType = UNSET
    no_price_dollars: Number | UnsetType = UNSET
    client_order_id: Name | UnsetType | None = UNSET
    created_time: str | UnsetType | None = UNSET
    ts: int | UnsetType | None = UNSET
    subaccount_number: int | UnsetType | None = UNSET
    exchange_index: Ordinal = 0


class FillList(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/fills`."""

    fills: list[Fill] | UnsetType | None = UNSET
    cursor: str | UnsetType | None = UNSET


class FillRows(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/fills` for a reader: a row that cannot be read must not hide the others."""

    fills: list[Raw] | UnsetType | None = UNSET
    cursor: str | UnsetType | None = UNSET


class MarketPosition(Wire, frozen=True, kw_only=True):
    """A market's position; `last_updated_ts` is an RFC 3339 text in spite of its name."""

    ticker: Name
    position_fp: Number
    market_exposure_dollars: Number
    realized_pnl_dollars: Number
    fees_paid_dollars: Number
    total_traded_dollars: Number = "0.000000"
    exchange_index: Ordinal = 0
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


class PositionRows(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/positions` for a reader: a row that cannot be read must not hide the others."""

    cursor: str | UnsetType | None = UNSET
    market_positions: list[Raw] | UnsetType | None = UNSET


class BalanceShard(Wire, frozen=True, kw_only=True):
    """One matching engine's cash, in dollars."""

    exchange_index: Ordinal
    balance: Number


class Balance(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/balance`; `balance` is truncated cents, `balance_dollars` is the truth."""

    balance_dollars: Number
    portfolio_value: int
    """Cents."""
    balance: int = 0
    updated_ts: int = 0
    balance_breakdown: list[BalanceShard] | UnsetType | None = UNSET


class Settlement(Wire, frozen=True, kw_only=True):
    """What a position got; `fee_cost` is the sum of the market's trading fees, not one for settling."""

    ticker: Name
    market_result: Name
    yes_count_fp: Number
    no_count_fp: Number
    revenue: int
    """Cents."""
    settled_time: str
    yes_total_cost_dollars: Number = "0.000000"
    no_total_cost_dollars: Number = "0.000000"
    fee_cost: Number = "0.000000"
    value: int | float | UnsetType | None = UNSET
    """Cents of one YES contract."""


class SettlementRows(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/settlements`: a row that cannot be read must not hide the others."""

    settlements: list[Raw] | UnsetType | None = UNSET
    cursor: str | UnsetType | None = UNSET


class CashMovement(Wire, frozen=True, kw_only=True):
    """A deposit or a withdrawal."""

    id: Name
    status: str
    """`pending`, `applied`, `failed` or `returned`."""
    amount_cents: int
    created_ts: int
    """Unix seconds."""
    fee_cents: int = 0
    finalized_ts: int | UnsetType | None = UNSET


class DepositList(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/deposits`."""

    deposits: list[CashMovement] | UnsetType | None = UNSET
    cursor: str | UnsetType | None = UNSET


class WithdrawalList(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/withdrawals`."""

    withdrawals: list[CashMovement] | UnsetType | None = UNSET
    cursor: str | UnsetType | None = UNSET


class Transfer(Wire, frozen=True, kw_only=True):
    """A transfer of cash between two subaccounts."""

    transfer_id: Name
    from_subaccount: int
    to_subaccount: int
    amount_cents: int
    created_ts: int
    """Unix seconds."""


class TransferList(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/subaccounts/transfers`."""

    transfers: list[Transfer] | UnsetType | None = UNSET
    cursor: str | UnsetType | None = UNSET

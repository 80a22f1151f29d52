"""Bodies of the portfolio's reads that only an exchange writes: settlements, queue positions, resting value.

Owns: field names and required ones (Kalshi: portfolio). Orders, fills, positions and the balance, which the trader
reads too, are in `kalshi.wire.portfolio`.
Must not: decide which records a request may see.
"""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from traderd.kalshi.wire.portfolio import BalanceShard
from traderd.kalshi.wire.rest import Wire
from traderd.model.units import (
    MICRODOLLARS_PER_CENT,
    Money,
    format_count,
    format_money,
    format_money_4,
    format_time,
)
from traderd.paper.rest.legacy import PRICE_PER_CENT
from traderd.paper.venue import records
from traderd.paper.venue.messages import QueuePlace


class Settlement(Wire, frozen=True, kw_only=True):
    """What a position got; `fee_cost` is the sum of the trading fees paid on that market."""

    ticker: str
    exchange_index: int = 0
    event_ticker: str
    market_result: str
    yes_count_fp: str
    yes_total_cost_dollars: str
    no_count_fp: str
    no_total_cost_dollars: str
    revenue: int
    """Cents."""
    settled_time: str
    fee_cost: str
    value: int
    """Cents of one YES contract."""


class SettlementList(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/settlements`."""

    settlements: list[Settlement]
    cursor: str


class QueuePosition(Wire, frozen=True, kw_only=True):
    """Contracts that trade before an order; a single read leaves out whose it is."""

    order_id: str | UnsetType = UNSET
    market_ticker: str | UnsetType = UNSET
    queue_position_fp: str


class QueuePositionList(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/orders/queue_positions`."""

    queue_positions: list[QueuePosition]


class RestingValue(Wire, frozen=True, kw_only=True):
    """`GET /portfolio/summary/total_resting_order_value`."""

    total_resting_order_value: int
    """Cents."""
    resting_order_value_breakdown: list[BalanceShard]


def settlement_body(settlement: records.Settlement) -> Settlement:
    """Return a settlement's body."""
    return Settlement(
        ticker=settlement.ticker,
        event_ticker=settlement.event_ticker,
        market_result=settlement.result.value,
        yes_count_fp=format_count(settlement.yes_count),
        yes_total_cost_dollars=format_money(settlement.yes_cost),
        no_count_fp=format_count(settlement.no_count),
        no_total_cost_dollars=format_money(settlement.no_cost),
        revenue=settlement.revenue // MICRODOLLARS_PER_CENT,
        settled_time=format_time(settlement.at),
        fee_cost=format_money(settlement.fees),
        value=settlement.value // PRICE_PER_CENT,
    )


def queue_position_body(place: QueuePlace) -> QueuePosition:
    """Return a place's body as a list shows it."""
    return QueuePosition(
        order_id=place.order_id,
        market_ticker=place.ticker,
        queue_position_fp=format_count(place.ahead),
    )


def resting_value_body(value: Money) -> RestingValue:
    """Return the body of what all resting orders are worth."""
    return RestingValue(
        total_resting_order_value=value // MICRODOLLARS_PER_CENT,
        resting_order_value_breakdown=[
            BalanceShard(exchange_index=0, balance=format_money_4(value))
        ],
    )

"""The model to REST bodies, for the exchange.

Owns: what a Kalshi server writes: every required field, both spellings of direction.
Must not: know the state of an account or a market.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs
from msgspec import UNSET

from traderd.kalshi.wire import portfolio, rest
from traderd.model.market import PriceGrid
from traderd.model.orders import (
    BalanceRecord,
    Fill,
    OrderRecord,
    PositionRecord,
    SelfTradePrevention,
    Side,
)
from traderd.model.units import (
    MICRODOLLARS_PER_CENT,
    NS_PER_S,
    Count,
    Money,
    Price,
    Timestamp,
    complement,
    format_count,
    format_money,
    format_money_4,
    format_price,
    format_time,
)

LEVEL_DEPTH_ALL: Final = 0
"""Kalshi: `depth=0` asks for the whole book."""


@attrs.frozen(kw_only=True)
class OrderDetails:
    """What an exchange knows of an order beyond its record; costs are those of the side acquired."""

    user_id: str
    taker_fill_cost: Money = Money(0)
    maker_fill_cost: Money = Money(0)
    taker_fees: Money = Money(0)
    maker_fees: Money = Money(0)
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.TAKER_AT_CROSS
    subaccount: int = 0
    group_id: str | None = None
    cancel_on_pause: bool = False
    in_no_terms: bool = False
    """Whether the legacy pair speaks of NO: its owner bought or sold NO in V1."""


# --- answers --------------------------------------------------------------------------------------


def outcome_word(side: Side) -> str:
    """Return Kalshi's `outcome_side` of a book side."""
    return "yes" if side is Side.BID else "no"


def order_to_wire(record: OrderRecord, details: OrderDetails) -> portfolio.Order:
    """Return an order's body; its legacy pair is that of V2 orders (bid: yes/buy, ask: yes/sell) or of V1's NO.

    Why it changed last is not told: Kalshi's REST has no field for it, only the feed has.
    """
    adds = record.side is Side.BID
    return portfolio.Order(
        order_id=record.order_id,
        user_id=details.user_id,
        client_order_id=record.client_order_id or "",
        ticker=record.ticker,
        status=record.status.value,
        outcome_side=outcome_word(record.side),
        book_side=record.side.value,
        side="no" if details.in_no_terms else "yes",
        action="buy" if adds is not details.in_no_terms else "sell",
        yes_price_dollars=format_price(record.price),
        no_price_dollars=format_price(complement(record.price)),
        initial_count_fp=format_count(record.initial_count),
        fill_count_fp=format_count(record.fill_count),
        remaining_count_fp=format_count(record.remaining_count),
        taker_fill_cost_dollars=format_money(details.taker_fill_cost),
        maker_fill_cost_dollars=format_money(details.maker_fill_cost),
        taker_fees_dollars=format_money(details.taker_fees),
        maker_fees_dollars=format_money(details.maker_fees),
        created_time=UNSET if record.created_at is None else format_time(record.created_at),
        last_update_time=UNSET if record.updated_at is None else format_time(record.updated_at),
        expiration_time=UNSET if record.expires_at is None else format_time(record.expires_at),
        self_trade_prevention_type=details.self_trade_prevention.value,
        order_group_id=details.group_id or UNSET,
        cancel_order_on_pause=details.cancel_on_pause or UNSET,
        subaccount_number=details.subaccount,
        exchange_index=0,
    )


def fill_to_wire(fill: Fill, *, subaccount: int = 0) -> portfolio.Fill:
    """Return a fill's body; it has no client order id (Kalshi: since 2026-03-30).

    The legacy pair is the one that misleads on Kalshi too: `side` is the outcome acquired and `action` is buy.
    """
    return portfolio.Fill(
        fill_id=fill.trade_id,
        trade_id=fill.trade_id,
        order_id=fill.order_id,
        ticker=fill.ticker,
        market_ticker=fill.ticker,
        outcome_side=outcome_word(fill.side),
        book_side=fill.side.value,
        side=outcome_word(fill.side),
        action="buy",
        count_fp=format_count(fill.count),
        yes_price_dollars=format_price(fill.price),
        no_price_dollars=format_price(complement(fill.price)),
        is_taker=fill.is_taker,
        fee_cost=format_money(fill.fee),
        created_time=format_time(fill.executed_at),
        ts=fill.executed_at // NS_PER_S,
        subaccount_number=subaccount,
    )


def position_to_wire(
    record: PositionRecord, *, total_traded: Money, updated_at: Timestamp
) -> portfolio.MarketPosition:
    """Return a position's body; `total_traded` is the cumulative spend."""
    return portfolio.MarketPosition(
        ticker=record.ticker,
        position_fp=format_count(record.count),
        total_traded_dollars=format_money(total_traded),
        market_exposure_dollars=format_money(record.exposure),
        realized_pnl_dollars=format_money(record.realized_pnl),
        fees_paid_dollars=format_money(record.fees_paid),
        last_updated_ts=format_time(updated_at),
    )


def balance_to_wire(record: BalanceRecord, *, updated_at: Timestamp) -> portfolio.Balance:
    """Return the balance's body: dollars with four decimals, and cents cut as Kalshi cuts them."""
    dollars = format_money_4(record.balance)
    return portfolio.Balance(
        balance=record.balance // MICRODOLLARS_PER_CENT,
        balance_dollars=dollars,
        portfolio_value=record.portfolio_value // MICRODOLLARS_PER_CENT,
        updated_ts=updated_at // NS_PER_S,
        balance_breakdown=[portfolio.BalanceShard(exchange_index=0, balance=dollars)],
    )


def orderbook_to_wire(
    bids: Iterable[tuple[Price, Count]],
    asks: Iterable[tuple[Price, Count]],
    *,
    depth: int = LEVEL_DEPTH_ALL,
) -> rest.OrderBookEnvelope:
    """Return a book's body: YES bids and NO bids, ascending, the `depth` best of each."""
    yes, no = sorted(bids), sorted((complement(price), count) for price, count in asks)
    kept = slice(-depth, None) if depth else slice(None)
    return rest.OrderBookEnvelope(
        orderbook_fp=rest.OrderBookLevels(
            yes_dollars=levels_to_wire(yes[kept]), no_dollars=levels_to_wire(no[kept])
        )
    )


def grid_to_wire(grid: PriceGrid) -> list[rest.PriceRange]:
    """Return a price grid, band by band."""
    return [
        rest.PriceRange(
            start=format_price(band.start), end=format_price(band.end), step=format_price(band.step)
        )
        for band in grid.bands
    ]


def levels_to_wire(levels: Iterable[tuple[Price, Count]]) -> list[rest.Level]:
    """Return levels as text, in the order given."""
    return [(format_price(price), format_count(count)) for price, count in levels]

"""The account's own WebSocket messages to the model: fills and orders.

Owns: what each of their fields means, by the same rules as `translate` reads the rows of REST.
Must not: stand in for what cannot be read: such a message raises, and whoever counts it stops new risk.
"""

from __future__ import annotations

from traderd.errors import ExchangeProtocolError
from traderd.kalshi.wire import feed
from traderd.kalshi.wire.numbers import COUNTS, NAME_CHARACTERS_MAX, PRICES, Number
from traderd.kalshi.wire.translate import order_status_from_wire, side_from_wire
from traderd.model.ids import ClientOrderId, MarketTicker, OrderId, TradeId
from traderd.model.orders import Fill, OrderRecord
from traderd.model.units import (
    Count,
    Timestamp,
    parse_money,
    parse_time,
    timestamp_from_ms,
    timestamp_from_seconds,
)


def fill_from_frame(body: feed.FillBody, at: Timestamp) -> Fill:
    """Return a fill; `at` stands in for the time of execution when the exchange gives none.

    Raises:
        ExchangeProtocolError: no direction.
        UnitError: a number or a time that is none.
    """
    executed_at = at
    if body.ts_ms is not None:
        executed_at = timestamp_from_ms(body.ts_ms, what="ts_ms")
    elif body.ts is not None:
        executed_at = timestamp_from_seconds(body.ts, what="ts")
    return Fill(
        trade_id=TradeId(body.trade_id),
        order_id=OrderId(body.order_id),
        ticker=MarketTicker(body.market_ticker),
        side=side_from_wire(body.book_side, body.outcome_side, "fill"),
        price=PRICES[body.yes_price_dollars],
        count=COUNTS[body.count_fp],
        fee=parse_money(body.fee_cost, what="fee_cost"),
        is_taker=body.is_taker,
        executed_at=executed_at,
        client_order_id=ClientOrderId(body.client_order_id) if body.client_order_id else None,
    )


def order_from_frame(body: feed.UserOrderBody) -> OrderRecord:
    """Return an order as the exchange tells it; raises as `fill_from_frame` does, also for an unknown status."""
    return OrderRecord(
        order_id=OrderId(body.order_id),
        client_order_id=ClientOrderId(body.client_order_id) if body.client_order_id else None,
        ticker=MarketTicker(body.ticker),
        side=side_from_wire(body.book_side, body.outcome_side, "user_order"),
        price=PRICES[body.yes_price_dollars],
        status=order_status_from_wire(body.status, "user_order"),
        initial_count=amount(body.initial_count_fp),
        fill_count=amount(body.fill_count_fp),
        remaining_count=amount(body.remaining_count_fp),
        created_at=_moment(body.created_ts_ms, body.created_time, "created_time"),
        expires_at=_moment(body.expiration_ts_ms, body.expiration_time, "expiration_time"),
        reason=(body.last_update_reason or "")[:NAME_CHARACTERS_MAX] or None,
        updated_at=_moment(body.last_updated_ts_ms, body.last_update_time, "last_update_time"),
    )


def amount(number: Number) -> Count:
    """Return a count that cannot be below 0; raises ExchangeProtocolError for one that is, UnitError for none."""
    count = COUNTS[number]
    if count < 0:
        raise ExchangeProtocolError(f"a count of {number}")
    return count


def _moment(milliseconds: int | None, text: str | None, what: str) -> Timestamp | None:
    if milliseconds is not None:
        return timestamp_from_ms(milliseconds, what=what)
    return parse_time(text, what=what) if text else None

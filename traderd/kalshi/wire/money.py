"""Bodies of settlements and cash movements to the model.

Owns: cents to money, and which side a settled position was on.
Must not: fill in what the exchange left out.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import UnsetType

from traderd.errors import BadInput, ExchangeProtocolError
from traderd.kalshi.wire import portfolio
from traderd.kalshi.wire.translate import MICRODOLLARS_PER_CENT
from traderd.model.cash import CashMove, MoveKind, Settlement
from traderd.model.ids import MarketTicker
from traderd.model.units import (
    NS_PER_S,
    Money,
    Price,
    Timestamp,
    parse_count,
    parse_money,
    parse_price,
    parse_time,
)


def settlement_from_wire(wire: portfolio.Settlement) -> Settlement:
    """Return what a position got; raises ExchangeProtocolError."""
    try:
        if not wire.ticker:
            raise BadInput("ticker is empty")
        yes, no = parse_count(wire.yes_count_fp), parse_count(wire.no_count_fp)
        costs = wire.yes_total_cost_dollars if yes > no else wire.no_total_cost_dollars
        return Settlement(
            ticker=MarketTicker(wire.ticker),
            result=wire.market_result,
            yes_count=yes,
            no_count=no,
            cost=parse_money(costs, what="total_cost_dollars"),
            revenue=Money(wire.revenue * MICRODOLLARS_PER_CENT),
            fees_paid=parse_money(wire.fee_cost, what="fee_cost"),
            settled_at=parse_time(wire.settled_time, what="settled_time"),
            value=_value(wire.value),
        )
    except BadInput as exc:
        raise ExchangeProtocolError(f"settlement of {wire.ticker}: {exc}") from exc


def _value(cents: int | float | UnsetType | None) -> Price | None:
    if cents is None or isinstance(cents, UnsetType):
        return None
    return parse_price(Decimal(str(cents)) / 100, what="value")


def move_from_wire(wire: portfolio.CashMovement, kind: MoveKind) -> CashMove:
    """Return a deposit, which came in, or a withdrawal, which went out."""
    sign = 1 if kind is MoveKind.DEPOSIT else -1
    done_s = wire.finalized_ts if isinstance(wire.finalized_ts, int) else wire.created_ts
    return CashMove(
        move_id=wire.id,
        kind=kind,
        amount=Money(sign * abs(wire.amount_cents) * MICRODOLLARS_PER_CENT),
        fee=Money(wire.fee_cents * MICRODOLLARS_PER_CENT),
        moved_at=Timestamp(done_s * NS_PER_S),
    )


def transfer_from_wire(wire: portfolio.Transfer, ours: int) -> CashMove:
    """Return a transfer as the subaccount `ours` sees it."""
    sign = 1 if wire.to_subaccount == ours else -1
    return CashMove(
        move_id=wire.transfer_id,
        kind=MoveKind.TRANSFER,
        amount=Money(sign * wire.amount_cents * MICRODOLLARS_PER_CENT),
        fee=Money(0),
        moved_at=Timestamp(wire.created_ts * NS_PER_S),
    )

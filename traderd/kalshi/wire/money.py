"""Bodies of settlements and cash movements to the model.

Owns: cents to money, and which side a settled position was on.
Must not: fill in what the exchange left out.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import UnsetType

from traderd.errors import BadInput
from traderd.kalshi.wire import portfolio
from traderd.kalshi.wire.translate import reading
from traderd.model.cash import CashMove, MoveKind, Settlement
from traderd.model.ids import MarketTicker
from traderd.model.units import (
    Money,
    Price,
    money_from_cents,
    parse_count,
    parse_money,
    parse_price,
    parse_time,
    timestamp_from_seconds,
)


def settlement_from_wire(wire: portfolio.Settlement) -> Settlement:
    """Return what a position got; raises ExchangeProtocolError."""
    with reading(f"settlement of {wire.ticker}"):
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
            revenue=money_from_cents(wire.revenue, what="revenue"),
            fees_paid=parse_money(wire.fee_cost, what="fee_cost"),
            settled_at=parse_time(wire.settled_time, what="settled_time"),
            value=_value(wire.value),
        )


def _value(cents: int | float | UnsetType | None) -> Price | None:
    if cents is None or isinstance(cents, UnsetType):
        return None
    return parse_price(Decimal(str(cents)) / 100, what="value")


def move_from_wire(wire: portfolio.CashMovement, kind: MoveKind) -> CashMove:
    """Return a deposit, which came in, or a withdrawal, which went out; raises ExchangeProtocolError."""
    sign = 1 if kind is MoveKind.DEPOSIT else -1
    done_s = wire.finalized_ts if isinstance(wire.finalized_ts, int) else wire.created_ts
    with reading(f"{kind.value} {wire.id}"):
        amount = money_from_cents(abs(wire.amount_cents), what="amount_cents")
        return CashMove(
            move_id=wire.id,
            kind=kind,
            amount=Money(sign * amount),
            fee=money_from_cents(wire.fee_cents, what="fee_cents"),
            moved_at=timestamp_from_seconds(done_s, what="its time"),
        )


def transfer_from_wire(wire: portfolio.Transfer, ours: int) -> CashMove:
    """Return a transfer as the subaccount `ours` sees it; raises ExchangeProtocolError."""
    sign = 1 if wire.to_subaccount == ours else -1
    with reading(f"transfer {wire.transfer_id}"):
        return CashMove(
            move_id=wire.transfer_id,
            kind=MoveKind.TRANSFER,
            amount=Money(sign * money_from_cents(wire.amount_cents, what="amount_cents")),
            fee=Money(0),
            moved_at=timestamp_from_seconds(wire.created_ts, what="created_ts"),
        )

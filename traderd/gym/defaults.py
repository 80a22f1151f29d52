"""The limits that bind a policy in training: the defaults of `[risk]`, in exact units.

Owns: those numbers; a test compares each with what the daemon makes of an empty configuration.
Must not: be looser than the daemon, or a policy would learn what it may not do.
"""

from __future__ import annotations

from typing import Final

from traderd.core.risk_limits import RiskLimits
from traderd.model.book_events import BookGrade
from traderd.model.units import parse_count, parse_money, parse_price

DAEMON_LIMITS: Final = RiskLimits(
    max_order_count=parse_count("100"),
    max_open_orders=10,
    max_exposure=parse_money("1000"),
    breaker_errors=5,
    price_collar=parse_price("0.15"),
    min_book_grade=BookGrade.C,
    max_order_cost=parse_money("100"),
    mid_collar=parse_price("0.25"),
    last_collar=parse_price("0.50"),
    min_price=parse_price("0.01"),
    max_price=parse_price("0.99"),
    max_price_jump=parse_price("0.30"),
    max_market_position=parse_count("500"),
    max_event_position=parse_count("1000"),
    max_strategy_position=parse_count("1000"),
    max_account_position=parse_count("2000"),
    max_event_loss=parse_money("500"),
    max_daily_loss=parse_money("250"),
    max_drawdown=parse_money("250"),
    max_messages_per_s=20,
    max_market_messages_per_s=10,
    max_fills_per_15s=100,
    max_fills_per_min=300,
    duplicate_window_ms=2_000,
    breaker_window=50,
    breaker_percent=20,
)
CASH: Final = parse_money("1000")
"""What an account begins with, as in `sim`."""

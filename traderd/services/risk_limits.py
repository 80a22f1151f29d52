"""From the section `[risk]` to exact limits.

Owns: which setting is which limit.
Must not: check; the texts were checked when the configuration was read.
"""

from __future__ import annotations

import attrs

from traderd.config import Config
from traderd.config_strategies import strategy_settings
from traderd.core.risk_limits import RiskLimits
from traderd.core.strategy_share import StrategyShare, share_of
from traderd.model.book_events import BookGrade
from traderd.model.ids import StrategyName
from traderd.model.units import parse_count, parse_money, parse_price


def risk_limits(config: Config) -> RiskLimits:
    """Return the limits in exact units."""
    risk = config.risk
    limits = RiskLimits(
        max_order_count=parse_count(risk.max_order_contracts),
        max_order_cost=parse_money(risk.max_order_dollars),
        max_open_orders=risk.max_open_orders,
        max_engine_open_orders=risk.max_engine_open_orders,
        max_exposure=parse_money(risk.max_exposure_dollars),
        max_engine_exposure=parse_money(risk.max_engine_exposure_dollars),
        max_event_loss=parse_money(risk.max_event_loss_dollars),
        max_market_position=parse_count(risk.max_market_position_contracts),
        max_event_position=parse_count(risk.max_event_position_contracts),
        max_strategy_position=parse_count(risk.max_strategy_position_contracts),
        max_account_position=parse_count(risk.max_account_position_contracts),
        price_collar=parse_price(risk.price_collar_dollars),
        mid_collar=parse_price(risk.mid_collar_dollars),
        last_collar=parse_price(risk.last_collar_dollars),
        min_price=parse_price(risk.min_price_dollars),
        max_price=parse_price(risk.max_price_dollars),
        max_price_jump=parse_price(risk.max_price_jump_dollars),
        min_book_grade=BookGrade(risk.min_book_grade),
        max_daily_loss=parse_money(risk.max_daily_loss_dollars),
        max_drawdown=parse_money(risk.max_drawdown_dollars),
        day_zone=risk.day_zone,
        day_hour=risk.day_hour,
        max_messages_per_s=risk.max_messages_per_s,
        max_market_messages_per_s=risk.max_market_messages_per_s,
        max_fills_per_15s=risk.max_fills_per_15s,
        max_fills_per_min=risk.max_fills_per_min,
        duplicate_window_ms=risk.duplicate_window_ms,
        breaker_errors=risk.breaker_errors,
        breaker_window=risk.breaker_window,
        breaker_percent=risk.breaker_percent,
        restricted=risk.restricted,
    )
    return attrs.evolve(limits, shares=_shares(config, limits))


def _shares(config: Config, limits: RiskLimits) -> tuple[StrategyShare, ...]:
    """Return the shares of the strategies that have one."""
    found = []
    for name, section in config.strategies.items():
        settings, strategy = strategy_settings(name, section), StrategyName(name)
        absolute = StrategyShare(
            strategy=strategy,
            max_exposure=settings.max_exposure,
            max_open_orders=settings.max_open_orders,
            max_position=settings.max_position,
        )
        share = share_of(limits, strategy, settings.share_percent, absolute)
        if share.is_bound:
            found.append(share)
    return tuple(found)

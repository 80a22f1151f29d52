"""The section `[risk]` of the configuration.

Owns: its settings with their bounds and defaults, and the rules that they obey together.
Must not: judge orders; `core/risk.py` does, by exact numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta

from traderd.errors import ConfigError
from traderd.model.units import parse_count, parse_money, parse_price

HOURS_IN_DAY: Final = 24
MINUTES_IN_HOUR: Final = 60


class RiskConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The numbers that bound risk, with their units in the names; 0 sets no bound where it is allowed."""

    max_order_contracts: str = "100"
    max_open_orders: Annotated[int, Meta(ge=1, le=10_000)] = 10
    max_exposure_dollars: str = "1000"
    breaker_errors: Annotated[int, Meta(ge=1, le=1_000)] = 5
    price_collar_dollars: str = "0.15"
    min_book_grade: Literal["A", "B", "C", "D", "E", "F"] = "C"
    """The worst book on which a strategy takes new risk; F takes any."""
    max_order_dollars: str = "100"
    mid_collar_dollars: str = "0.25"
    last_collar_dollars: str = "0.50"
    min_price_dollars: str = "0.01"
    max_price_dollars: str = "0.99"
    max_price_jump_dollars: str = "0.30"
    max_market_position_contracts: str = "500"
    max_event_position_contracts: str = "1000"
    max_strategy_position_contracts: str = "1000"
    max_account_position_contracts: str = "2000"
    max_event_loss_dollars: str = "500"
    max_engine_open_orders: Annotated[int, Meta(ge=0, le=10_000)] = 0
    max_engine_exposure_dollars: str = "0"
    max_daily_loss_dollars: str = "250"
    max_drawdown_dollars: str = "250"
    day_zone: str = "America/New_York"
    day_hour: Annotated[int, Meta(ge=0, le=23)] = 0
    """When a trading day begins, by the clock of `day_zone`."""
    max_messages_per_s: Annotated[int, Meta(ge=0, le=1_000)] = 20
    max_market_messages_per_s: Annotated[int, Meta(ge=0, le=1_000)] = 10
    max_fills_per_15s: Annotated[int, Meta(ge=0, le=5_000)] = 100
    max_fills_per_min: Annotated[int, Meta(ge=0, le=5_000)] = 300
    duplicate_window_ms: Annotated[int, Meta(ge=0, le=60_000)] = 2_000
    breaker_window: Annotated[int, Meta(ge=0, le=1_000)] = 50
    breaker_percent: Annotated[int, Meta(ge=0, le=100)] = 20
    restricted: tuple[str, ...] = ()
    """Markets, events or series that are not traded."""
    quiet_hours: tuple[str, ...] = ()
    """Times of day in `day_zone` without new risk, for example `02:45-05:15`."""
    quiet_before_close_s: Annotated[float, Meta(ge=0, le=86_400)] = 0.0


Amount = tuple[str, str, Callable[..., Any]]
"""The name of a setting, its text and what reads it."""


def positive_amounts(risk: RiskConfig) -> Iterator[Amount]:
    """Yield the amounts that must be above 0."""
    yield "risk.max_order_contracts", risk.max_order_contracts, parse_count
    yield "risk.max_exposure_dollars", risk.max_exposure_dollars, parse_money
    yield "risk.price_collar_dollars", risk.price_collar_dollars, parse_price


def _amounts(risk: RiskConfig) -> Iterator[Amount]:
    for field in msgspec.structs.fields(RiskConfig):
        value = getattr(risk, field.name)
        if isinstance(value, str) and field.name.endswith(("_dollars", "_contracts")):
            is_price = "collar" in field.name or "price" in field.name
            parse_dollars = parse_price if is_price else parse_money
            parse = parse_count if field.name.endswith("_contracts") else parse_dollars
            yield f"risk.{field.name}", value, parse


def check_risk(risk: RiskConfig) -> None:
    """Judge the settings of risk.

    Raises:
        ConfigError: names the setting and the cure.
    """
    for name, text, parse in _amounts(risk):
        try:
            value = parse(text, what=name)
        except ValueError as exc:
            raise ConfigError(str(exc)) from exc
        if value < 0:
            raise ConfigError(f"{name} cannot be below 0, it is {text}; 0 sets no bound")
    low, high = parse_price(risk.min_price_dollars), parse_price(risk.max_price_dollars)
    if high and low > high:
        raise ConfigError(
            f"risk.min_price_dollars = {risk.min_price_dollars} lies above risk.max_price_dollars = "
            f"{risk.max_price_dollars}, so no price fits; correct one"
        )
    try:
        ZoneInfo(risk.day_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise ConfigError(
            f"risk.day_zone: there is no time zone {risk.day_zone!r}; use a name like America/New_York or UTC"
        ) from exc
    for entry in risk.quiet_hours:
        quiet_minutes(entry)


def quiet_minutes(entry: str, *, setting: str = "risk.quiet_hours") -> tuple[int, int]:
    """Return begin and end of `02:45-05:15` in minutes after midnight; the end may lie on the next day.

    Raises:
        ConfigError: it is no such span.
    """
    begin, _, end = entry.partition("-")
    try:
        span = minute_of_day(begin), minute_of_day(end)
    except ValueError:
        span = (0, 0)
    if span[0] == span[1]:
        raise ConfigError(f"{setting}: {entry!r} is no span of the day; write it like 02:45-05:15")
    return span


def minute_of_day(text: str) -> int:
    """Return a time like 17:05 in minutes after midnight; raises ValueError when it is none."""
    hour, _, minute = text.strip().partition(":")
    if not (text.isascii() and hour.isdigit() and minute.isdigit()):
        raise ValueError(text)
    if int(hour) >= HOURS_IN_DAY or int(minute) >= MINUTES_IN_HOUR:
        raise ValueError(text)
    return int(hour) * MINUTES_IN_HOUR + int(minute)

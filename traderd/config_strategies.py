"""What the daemon itself reads of `[strategies.<name>]`: whether it runs, its budgets and its share of the account.

Owns: the names that no parameter of a strategy may have, their defaults (DEFAULTS) and their checks.
Must not: know any strategy's own parameters (see `core/strategy_parameters.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from traderd.config_orders import check_group_limit
from traderd.errors import ConfigError
from traderd.model.units import Count, Money, parse_count, parse_money

ENABLED: Final = "enabled"
GROUP: Final = "order_group_contracts_per_15s"
COMMANDS_PER_S: Final = 10
"""Kalshi's basic tier writes ten orders a second: more of one strategy would starve all others."""
COMMANDS_PER_S_MAX: Final = 1_000
CALLBACK_BUDGET_MS: Final = 100
"""A callback holds the whole daemon up; books are read and orders are answered only between two of them."""
CALLBACK_BUDGET_MAX_MS: Final = 5_000
LOOP_PERCENT: Final = 25
"""A quarter of one core is ten thousand looks a second of a quick strategy, and leaves room for others."""
DEFAULTS: Final[Mapping[str, Any]] = {
    ENABLED: None,
    GROUP: "0",
    "share_percent": None,
    "max_exposure_dollars": "0",
    "max_open_orders": 0,
    "max_position_contracts": "0",
    "commands_per_s": COMMANDS_PER_S,
    "callback_budget_ms": CALLBACK_BUDGET_MS,
    "loop_percent": LOOP_PERCENT,
}
"""The settings of every strategy as they are when nobody gives them; a parameter of the same name would never be heard."""
OPEN_ORDERS_MAX: Final = 100_000
WORDS: Final = {
    **dict.fromkeys(("true", "1", "yes"), True),
    **dict.fromkeys(("false", "0", "no"), False),
}


@attrs.frozen(kw_only=True)
class StrategySettings:
    """What the daemon reads of one strategy's section; None and 0 set no bound of its own."""

    enabled: bool | None = None
    """None: as the plugin says for `sim`, and no elsewhere."""
    share_percent: int | None = None
    """Of the account's limits for exposure, open orders and contracts."""
    max_exposure: Money = Money(0)
    max_open_orders: int = 0
    max_position: Count = Count(0)
    commands_per_s: int = COMMANDS_PER_S
    callback_budget_ms: int = CALLBACK_BUDGET_MS
    loop_percent: int = LOOP_PERCENT


def strategy_settings(name: str, section: Mapping[str, Any]) -> StrategySettings:
    """Return what the daemon reads of a section; the strategy's own parameters are passed over.

    Raises:
        ConfigError: names the setting, what it may be and what it is.
    """
    prefix = f"strategies.{name}"
    section = {**DEFAULTS, **section}
    check_group_limit(f"{prefix}.{GROUP}", str(section[GROUP]))
    given = section[ENABLED]
    if given is not None and str(given).lower() not in WORDS:
        raise ConfigError(f"{prefix}.enabled must be true or false, not {given!r}")
    share = section["share_percent"]
    return StrategySettings(
        enabled=None if given is None else WORDS[str(given).lower()],
        share_percent=None
        if share is None
        else _whole(f"{prefix}.share_percent", share, low=1, high=100),
        max_exposure=Money(_amount(prefix, section, "max_exposure_dollars", parse_money)),
        max_open_orders=_whole(
            f"{prefix}.max_open_orders", section["max_open_orders"], high=OPEN_ORDERS_MAX
        ),
        max_position=Count(_amount(prefix, section, "max_position_contracts", parse_count)),
        commands_per_s=_whole(
            f"{prefix}.commands_per_s",
            section["commands_per_s"],
            low=1,
            high=COMMANDS_PER_S_MAX,
        ),
        callback_budget_ms=_whole(
            f"{prefix}.callback_budget_ms",
            section["callback_budget_ms"],
            low=1,
            high=CALLBACK_BUDGET_MAX_MS,
        ),
        loop_percent=_whole(f"{prefix}.loop_percent", section["loop_percent"], low=1, high=100),
    )


def own_parameters(section: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a section that is the strategy's own."""
    return {key: value for key, value in section.items() if key not in DEFAULTS}


def _whole(setting: str, value: Any, *, low: int = 0, high: int) -> int:
    text = str(value)
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(high)) else -1
    if isinstance(value, bool) or not low <= number <= high:
        raise ConfigError(f"{setting} must be a whole number from {low} to {high}, not {value!r}")
    return number


def _amount(prefix: str, section: Mapping[str, Any], name: str, parse: Any) -> int:
    text = str(section[name])
    try:
        value = int(parse(text, what=f"{prefix}.{name}"))
    except ValueError as exc:
        raise ConfigError(str(exc)) from exc
    if value < 0:
        raise ConfigError(f"{prefix}.{name} cannot be below 0, it is {text}; 0 sets no bound")
    return value

"""The settings of resting orders: what becomes of them when nobody watches.

Owns: these sections, their defaults, and the rules that they obey together.
Must not: act on them (`services/order_policies.py` makes values of them).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from msgspec import Meta

from traderd.errors import ConfigError
from traderd.model.units import ONE_CONTRACT, parse_count

if TYPE_CHECKING:
    from traderd.config import TradingConfig

LEASE_MIN_S: Final = 10
"""The shortest dead-man expiry: the exchange takes whole seconds, and a renewal needs time to be tried again."""
GROUP_LIMIT_MAX: Final = 1_000_000 * ONE_CONTRACT
"""Kalshi: the largest limit of an order group."""

PolicyWord = Literal["keep", "cancel", "expire"]


class StrategyOrdersConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What becomes of resting orders of strategies when nobody watches over them."""

    on_exit: PolicyWord = "cancel"
    on_disconnect: PolicyWord = "expire"
    on_restart: PolicyWord = "cancel"
    ttl_s: Annotated[int, Meta(ge=0, le=31_536_000)] = 0
    """How long an order rests that names no time of its own; 0: until it is cancelled."""


class PersonOrdersConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What becomes of resting orders of people."""

    on_exit: PolicyWord = "keep"
    on_disconnect: PolicyWord = "keep"
    on_restart: PolicyWord = "keep"
    ttl_s: Annotated[int, Meta(ge=0, le=31_536_000)] = 0


def check_orders(trading: TradingConfig) -> None:
    """Judge the policies of resting orders together; raises ConfigError naming the setting and the cure."""
    lease_s = trading.dead_man_s
    if 0 < lease_s < LEASE_MIN_S:
        raise ConfigError(
            f"trading.dead_man_s is {lease_s}; use at least {LEASE_MIN_S} s, so that a renewal can be tried "
            "twice, or 0 for none"
        )
    for name, policy in (
        ("trading.strategy_orders", trading.strategy_orders),
        ("trading.person_orders", trading.person_orders),
    ):
        leased = lease_s > 0 and policy.on_disconnect != "keep"
        expiring = [
            word
            for word in ("on_exit", "on_disconnect", "on_restart")
            if getattr(policy, word) == "expire"
        ]
        if expiring and not leased:
            raise ConfigError(
                f"{name}.{expiring[0]} is expire, but these orders carry no short expiry: set "
                f"trading.dead_man_s above 0 and {name}.on_disconnect to expire, or choose keep or cancel"
            )
    check_group_limit(
        "trading.order_group_contracts_per_15s", trading.order_group_contracts_per_15s
    )


def check_group_limit(name: str, text: str) -> None:
    """Judge a limit of contracts in 15 seconds (Kalshi: 1 to 1 000 000); 0 is none.

    Raises:
        ConfigError: names the setting and the bounds.
    """
    try:
        limit = parse_count(text, what=name)
    except ValueError as exc:
        raise ConfigError(str(exc)) from exc
    if limit != 0 and not ONE_CONTRACT <= limit <= GROUP_LIMIT_MAX:
        raise ConfigError(
            f"{name} must be 0 for none, or from 1 to 1000000 contracts, it is {text}"
        )

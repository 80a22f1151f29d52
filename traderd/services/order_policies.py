"""What becomes of the resting orders of each class of owners: the settings as values, and as a document.

Owns: the way from the configuration to policies, leases and group limits, and which strategies may leave nothing resting.
Must not: act on them.
"""

from __future__ import annotations

from typing import Any, Final

from traderd.config import Config
from traderd.config_orders import PersonOrdersConfig, StrategyOrdersConfig
from traderd.core.conditions import EXECUTIONS_HALT
from traderd.core.dead_man import is_leased
from traderd.core.view import StateView
from traderd.model.ids import StrategyName
from traderd.model.orders import OrderOwner, OrderPolicy, PolicyAction
from traderd.model.units import Count, format_count, parse_count

GROUP_KEY: Final = "order_group_contracts_per_15s"
"""The setting of one strategy's group, beside its own parameters."""
KEEP_ALL: Final = OrderPolicy(
    on_exit=PolicyAction.KEEP, on_disconnect=PolicyAction.KEEP, on_restart=PolicyAction.KEEP
)
"""Of orders that others placed: they are never touched."""


def policy_of(config: Config, owner: OrderOwner) -> OrderPolicy:
    """Return the policy of an owner's orders."""
    section = _section(config, owner)
    if section is None:
        return KEEP_ALL
    return OrderPolicy(
        on_exit=PolicyAction(section.on_exit),
        on_disconnect=PolicyAction(section.on_disconnect),
        on_restart=PolicyAction(section.on_restart),
    )


def ttl_s(config: Config, owner: OrderOwner) -> int | None:
    """Return how long an owner's orders rest that name no time of their own, None for "until cancelled"."""
    section = _section(config, owner)
    return None if section is None or section.ttl_s == 0 else section.ttl_s


def lease_s(config: Config, owner: OrderOwner) -> int:
    """Return the short expiry that an owner's resting orders carry, in seconds; 0: none."""
    seconds = config.trading.dead_man_s
    return seconds if is_leased(policy_of(config, owner), seconds) else 0


def group_limit(config: Config, strategy: StrategyName) -> Count | None:
    """Return how much a strategy may trade within 15 seconds, None for any amount."""
    own = config.strategies.get(strategy, {}).get(GROUP_KEY)
    text = config.trading.order_group_contracts_per_15s if own is None else str(own)
    limit = parse_count(text, what=GROUP_KEY)
    return limit if limit > 0 else None


def degraded_part(strategy: StrategyName) -> str:
    """Return the name of a strategy among the degraded parts, where one is that was switched off."""
    return f"strategy {strategy}"


def why_stopped(view: StateView, strategy: StrategyName | None) -> str | None:
    """Return why no order of a strategy may rest, None when its orders may.

    It executed too often, its order group was triggered, it failed and was switched off, or it was taken away with its
    plugin, so that nobody watches over what still turns up. A halt or a pause by a
    person is none of these: what rests then is theirs to judge.
    """
    if strategy is None:
        return None
    halt = view.conditions.halts.get(f"{EXECUTIONS_HALT}{strategy}")
    if halt is not None:
        return halt.reason
    if strategy in view.ticks.removed:
        return "it was taken away"
    off = view.conditions.degraded.get(degraded_part(strategy))
    return off or view.order_groups.stopped.get(strategy)


def policies_document(config: Config) -> dict[str, Any]:
    """Return the policies for screens."""
    return {
        owner.value: {
            "on_exit": policy.on_exit.value,
            "on_disconnect": policy.on_disconnect.value,
            "on_restart": policy.on_restart.value,
            "ttl_s": ttl_s(config, owner),
            "dead_man_s": lease_s(config, owner) or None,
        }
        for owner in (OrderOwner.STRATEGY, OrderOwner.PERSON)
        for policy in (policy_of(config, owner),)
    } | {"order_group_contracts_per_15s": _limit_text(config)}


def _limit_text(config: Config) -> str | None:
    limit = parse_count(config.trading.order_group_contracts_per_15s)
    return format_count(limit) if limit > 0 else None


def _section(config: Config, owner: OrderOwner) -> StrategyOrdersConfig | PersonOrdersConfig | None:
    if owner is OrderOwner.STRATEGY:
        return config.trading.strategy_orders
    return config.trading.person_orders if owner is OrderOwner.PERSON else None

"""Policies: what becomes of resting orders, from the settings and for screens."""

import pytest

from traderd.config import Config, TradingConfig
from traderd.config_orders import StrategyOrdersConfig
from traderd.model.ids import StrategyName
from traderd.model.orders import OrderOwner, PolicyAction
from traderd.services.order_policies import (
    GROUP_KEY,
    group_limit,
    lease_s,
    policies_document,
    policy_of,
    ttl_s,
)

MAKER = StrategyName("maker")
CANCEL, EXPIRE, KEEP = PolicyAction.CANCEL, PolicyAction.EXPIRE, PolicyAction.KEEP


def config_of(**trading) -> Config:
    return Config(trading=TradingConfig(**trading))


@pytest.mark.parametrize(
    ("owner", "actions", "lease"),
    [
        (OrderOwner.STRATEGY, (CANCEL, EXPIRE, CANCEL), 60),
        (OrderOwner.PERSON, (KEEP, KEEP, KEEP), 0),
        (OrderOwner.EXTERNAL, (KEEP, KEEP, KEEP), 0),
    ],
)
def test_by_default_strategies_leave_nothing_behind_and_people_keep_everything(
    owner, actions, lease
):
    policy = policy_of(Config(), owner)
    assert (policy.on_exit, policy.on_disconnect, policy.on_restart) == actions
    assert (lease_s(Config(), owner), ttl_s(Config(), owner)) == (lease, None)


def test_without_a_dead_mans_handle_nothing_is_leased():
    config = config_of(dead_man_s=0, strategy_orders=StrategyOrdersConfig(on_disconnect="cancel"))
    assert lease_s(config, OrderOwner.STRATEGY) == 0


def test_a_strategy_may_have_a_group_limit_of_its_own():
    config = Config(
        trading=TradingConfig(order_group_contracts_per_15s="20"),
        strategies={"maker": {GROUP_KEY: 5}, "free": {GROUP_KEY: "0"}},
    )
    names = ("maker", "free", "other")
    assert [group_limit(config, StrategyName(name)) for name in names] == [500, None, 2000]
    assert group_limit(Config(), MAKER) is None


def test_screens_get_every_policy_in_words():
    assert policies_document(Config()) == {
        "strategy": {
            "on_exit": "cancel",
            "on_disconnect": "expire",
            "on_restart": "cancel",
            "ttl_s": None,
            "dead_man_s": 60,
        },
        "person": {
            "on_exit": "keep",
            "on_disconnect": "keep",
            "on_restart": "keep",
            "ttl_s": None,
            "dead_man_s": None,
        },
        "order_group_contracts_per_15s": None,
    }

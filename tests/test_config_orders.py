"""Policies of resting orders that cannot be kept are refused at the start."""

import pytest

from traderd.config import Config, TradingConfig, check_config
from traderd.config_orders import PersonOrdersConfig, StrategyOrdersConfig, check_group_limit
from traderd.errors import ConfigError


def config_of(**trading) -> Config:
    return Config(trading=TradingConfig(**trading))


@pytest.mark.parametrize(
    ("trading", "words"),
    [
        ({"dead_man_s": 5}, "trading.dead_man_s is 5; use at least 10 s"),
        (
            {"dead_man_s": 0},
            "trading.strategy_orders.on_disconnect is expire, but these orders carry no",
        ),
        (
            {"person_orders": PersonOrdersConfig(on_exit="expire")},
            "trading.person_orders.on_exit is expire, but these orders carry no short expiry",
        ),
        ({"order_group_contracts_per_15s": "0.5"}, "from 1 to 1000000 contracts, it is 0.5"),
        ({"order_group_contracts_per_15s": "-1"}, "from 1 to 1000000 contracts, it is -1"),
        ({"order_group_contracts_per_15s": "1000001"}, "from 1 to 1000000 contracts"),
        ({"order_group_contracts_per_15s": "NaN"}, "is not a plain decimal number"),
    ],
)
def test_policies_that_cannot_be_kept_are_refused_at_the_start(trading, words):
    with pytest.raises(ConfigError, match=words):
        check_config(config_of(**trading))


def test_without_a_dead_mans_handle_policies_may_keep_or_cancel():
    policies = StrategyOrdersConfig(on_disconnect="keep")
    check_config(config_of(dead_man_s=0, strategy_orders=policies))


def test_a_limit_is_named_by_its_setting():
    with pytest.raises(ConfigError, match=r"strategies\.maker\.limit must be 0"):
        check_group_limit("strategies.maker.limit", "0.5")

"""What the daemon reads of a strategy's section."""

import pytest

from traderd.config_strategies import (
    CALLBACK_BUDGET_MS,
    COMMANDS_PER_S,
    StrategySettings,
    own_parameters,
    strategy_settings,
)
from traderd.errors import ConfigError


def test_an_empty_section_has_the_defaults():
    assert strategy_settings("mine", {}) == StrategySettings()
    assert (COMMANDS_PER_S, CALLBACK_BUDGET_MS) == (10, 100)


def test_texts_and_numbers_are_read_alike():
    section = {
        "enabled": "yes",
        "share_percent": "50",
        "max_exposure_dollars": "12.50",
        "max_open_orders": 4,
        "max_position_contracts": 7,
        "commands_per_s": "3",
        "callback_budget_ms": 20,
        "mine_alone": 1,
    }
    assert strategy_settings("mine", section) == StrategySettings(
        enabled=True,
        share_percent=50,
        max_exposure=12_500_000,
        max_open_orders=4,
        max_position=700,
        commands_per_s=3,
        callback_budget_ms=20,
    )
    assert own_parameters(section) == {"mine_alone": 1}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("enabled", "maybe", "must be true or false, not 'maybe'"),
        ("share_percent", 0, "from 1 to 100, not 0"),
        ("share_percent", 101, "from 1 to 100, not 101"),
        ("share_percent", "half", "from 1 to 100, not 'half'"),
        ("share_percent", True, "from 1 to 100, not True"),
        ("commands_per_s", 0, "from 1 to 1000"),
        ("callback_budget_ms", 5_001, "from 1 to 5000"),
        ("max_open_orders", -1, "from 0 to 100000"),
        ("max_exposure_dollars", "-1", "cannot be below 0"),
        ("max_position_contracts", "0.001", "more than 2 decimals"),
        ("order_group_contracts_per_15s", "0.5", "from 1 to 1000000 contracts"),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_may_be(name, value, words):
    with pytest.raises(ConfigError) as caught:
        strategy_settings("mine", {name: value})
    assert str(caught.value).startswith(f"strategies.mine.{name}")
    assert words in str(caught.value)

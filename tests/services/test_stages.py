import pytest

from traderd.config import Config, TradingConfig
from traderd.plugin_manager import load_plugins
from traderd.services.stages import CLIMB, MARKET_DATA


def stages_of(config):
    return [s.stage for s in load_plugins([]).services(config) if s.stage is not None]


def test_with_trading_every_step_has_its_one_service_in_order():
    assert stages_of(Config()) == list(CLIMB)


def test_without_trading_only_the_order_books_are_a_step():
    config = Config(trading=TradingConfig(enabled=False))
    assert stages_of(config) == [MARKET_DATA]


@pytest.mark.parametrize("name", CLIMB)
def test_a_stage_and_its_service_share_their_name(name):
    by_stage = {s.stage: s.name for s in load_plugins([]).services(Config())}
    assert by_stage[name] == name

import pytest

from traderd.config import Config, ExchangeConfig, TradingConfig
from traderd.errors import ConfigError
from traderd.services.arming import check_live
from traderd.store.armed import Armed, write_armed

AT = 1_795_000_000_000_000_000


def production(tmp_path, **trading):
    return Config(
        environment="production",
        state_dir=str(tmp_path),
        exchange=ExchangeConfig(key_id="mine"),
        trading=TradingConfig(live=True, **trading),
    )


def test_nothing_is_asked_where_no_real_money_is(tmp_path):
    check_live(Config(), False, AT)
    check_live(Config(environment="paper"), False, AT)
    check_live(production(tmp_path, enabled=False), False, AT)


def test_production_needs_the_flag_and_a_fresh_word_for_this_key(tmp_path):
    config = production(tmp_path)
    with pytest.raises(ConfigError, match="needs --live"):
        check_live(config, False, AT)
    with pytest.raises(ConfigError, match="production is not armed"):
        check_live(config, True, AT)
    write_armed(tmp_path, Armed(by="ann", at=AT, key_id="other"))
    with pytest.raises(ConfigError, match="for another API key"):
        check_live(config, True, AT)
    write_armed(tmp_path, Armed(by="ann", at=AT, key_id="mine"))
    check_live(config, True, AT + 1)
    with pytest.raises(ConfigError, match="holds for 24 h"):
        check_live(config, True, AT + 25 * 3_600_000_000_000)
    with pytest.raises(ConfigError, match="needs --live"):
        check_live(config, False, AT + 1)

"""The section `[risk]`: what cannot be is refused with the setting and the cure."""

import pytest

from traderd.config_risk import RiskConfig, check_risk, quiet_minutes
from traderd.errors import ConfigError


def test_the_defaults_hold():
    check_risk(RiskConfig())


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("max_daily_loss_dollars", "-1", "cannot be below 0"),
        ("max_event_loss_dollars", "lots", "risk.max_event_loss_dollars"),
        ("max_market_position_contracts", "1.001", "risk.max_market_position_contracts"),
        ("min_price_dollars", "0.995", "so no price fits"),
        ("day_zone", "America/Nowhere", "no time zone 'America/Nowhere'"),
        ("day_zone", "../etc/passwd", "no time zone"),
        ("quiet_hours", ("25:00-26:00",), "write it like 02:45-05:15"),
        ("quiet_hours", ("02:00",), "write it like 02:45-05:15"),
        ("quiet_hours", ("02:00-02:00",), "no span of the day"),
    ],
)
def test_what_cannot_be_is_refused(setting, value, words):
    with pytest.raises(ConfigError, match=words):
        check_risk(RiskConfig(**{setting: value}))


def test_a_bound_of_0_is_none():
    check_risk(RiskConfig(max_price_dollars="0", max_daily_loss_dollars="0"))


def test_a_span_may_go_over_midnight():
    assert quiet_minutes("22:30-06:00") == (22 * 60 + 30, 6 * 60)

"""From the configuration to exact limits."""

from traderd.config import Config
from traderd.config_risk import RiskConfig
from traderd.model.units import Count, Money, Price
from traderd.services.risk_limits import risk_limits


def test_amounts_become_exact_units():
    limits = risk_limits(
        Config(
            risk=RiskConfig(
                max_daily_loss_dollars="12.50",
                max_market_position_contracts="7.5",
                mid_collar_dollars="0.07",
                restricted=("KXA",),
            )
        )
    )
    assert limits.max_daily_loss == Money(12_500_000)
    assert limits.max_market_position == Count(750)
    assert limits.mid_collar == Price(700)
    assert limits.restricted == ("KXA",)


def test_the_defaults_are_those_of_the_plan():
    limits = risk_limits(Config())
    assert (limits.max_order_count, limits.max_open_orders) == (Count(10_000), 10)
    assert (limits.max_exposure, limits.breaker_errors) == (Money(1_000_000_000), 5)

"""A policy is bound in training by what binds it in the daemon."""

import pytest

pytest.importorskip("gymnasium", reason="the extra `rl` is not installed")

from traderd.config import Config
from traderd.gym.defaults import CASH, DAEMON_LIMITS
from traderd.model.units import parse_money
from traderd.services.risk_limits import risk_limits


def test_the_limits_are_those_of_an_empty_configuration():
    assert risk_limits(Config()) == DAEMON_LIMITS
    assert parse_money(Config().exchange.balance_dollars) == CASH

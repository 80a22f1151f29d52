"""What an operator may choose, and what is chosen when nobody does."""

import pytest

from traderd.paper import choices
from traderd.paper.settings import DEFAULT_SETTINGS, Dialect, ExchangeSettings, Tier


def test_the_defaults_are_todays_dialect_without_limits():
    assert DEFAULT_SETTINGS.dialect is Dialect.V2
    assert DEFAULT_SETTINGS.tier is Tier.UNLIMITED
    assert not DEFAULT_SETTINGS.is_legacy
    assert DEFAULT_SETTINGS.balance_is_available is choices.BALANCE_IS_AVAILABLE
    assert DEFAULT_SETTINGS.historical_after_s == choices.HISTORICAL_AFTER_S


@pytest.mark.parametrize("dialect", list(Dialect))
def test_only_the_legacy_dialect_is_legacy(dialect):
    assert ExchangeSettings(dialect=dialect).is_legacy == (dialect is Dialect.LEGACY)


def test_every_tier_that_kalshi_has_can_be_chosen():
    assert [tier.value for tier in Tier] == [
        "basic",
        "advanced",
        "expert",
        "premier",
        "paragon",
        "prime",
        "prestige",
        "unlimited",
    ]

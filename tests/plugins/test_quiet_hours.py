"""The demo of a risk rule: quiet hours, and quiet before a close."""

from datetime import UTC, datetime

import attrs
import pytest

from tests.core.builders import contracts
from tests.core.test_risk import proposal
from tests.simulation.harness import REPOSITORY
from traderd.config import Config
from traderd.config_risk import RiskConfig
from traderd.core.plugin_rules import ask_plugins, question_of
from traderd.model.units import NS_PER_S, Timestamp
from traderd.plugin_manager import load_plugins

SET = Config(risk=RiskConfig(quiet_hours=("02:45-05:15", "23:00-00:30"), quiet_before_close_s=60.0))


@pytest.fixture
def rules():
    plugins = load_plugins([REPOSITORY / "plugins"])
    assert plugins.failed == []
    return plugins.risk_rules


def at(text: str) -> Timestamp:
    moment = datetime.fromisoformat(f"2026-11-25T{text}").replace(tzinfo=UTC)
    return Timestamp(int(moment.timestamp()) * NS_PER_S)


def test_nothing_is_offered_until_it_is_set(rules):
    assert rules(Config()) == ()
    assert [rule.name for rule in rules(SET)] == ["quiet_hours", "quiet_before_close"]


@pytest.mark.parametrize(
    ("utc", "quiet"),
    [
        ("07:44:59", False),
        ("07:45:00", True),
        ("10:14:59", True),
        ("10:15:00", False),
        ("04:10:00", True),
        ("05:29:00", True),
        ("05:30:00", False),
    ],
)
def test_hours_are_those_of_the_zone(rules, utc, quiet):
    hours = rules(SET)[0]
    asked = proposal(now=at(utc))
    sentence = hours.check(question_of(asked, asked.market))
    assert (sentence is not None) == quiet
    if sentence is not None:
        assert "risk.quiet_hours has" in sentence


def test_a_market_that_closes_soon_takes_no_new_risk_but_may_be_left(rules):
    asked = proposal()
    close = asked.market.close_time
    early, late = (
        attrs.evolve(asked, now=Timestamp(close - seconds * NS_PER_S)) for seconds in (61, 60)
    )
    assert ask_plugins(rules(SET)[1:], early) is None
    denied = ask_plugins(rules(SET)[1:], late)
    assert denied is not None
    assert denied.rule == "quiet_before_close"
    assert denied.sentence.startswith("KXA-26-Y closes in 60 s and risk.quiet_before_close_s = 60;")
    assert ask_plugins(rules(SET)[1:], attrs.evolve(late, position=contracts(-10))) is None

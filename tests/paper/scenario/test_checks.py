"""What a scenario is refused for: a sentence with the table and the cure."""

from __future__ import annotations

import pytest

from tests.paper.scenario.small import tables
from traderd.errors import BadInput, ConfigError
from traderd.paper.scenario import packaged_names, packaged_scenario, scenario_from
from traderd.paper.scenario.checks import check_scenario
from traderd.paper.scenario.file import Scenario

CHANGE = {"in_s": 5, "fee_type": "quadratic"}
A_SERIES = {"ticker": "KX", "title": "Series", "fee_type": "quadratic"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"markets": []}, "there is no market; add a [[markets]] table, or [generated]"),
        ({"series": []}, "[[events]] KX-1 names the unknown series KX; add its [[series]] table"),
        ({"events": []}, "[[markets]] KX-1-A names the unknown event KX-1; add its [[events]]"),
        ({"accounts": [{"name": "a"}, {"name": "a"}]}, "[[accounts]] a appears twice"),
        ({"accounts": [{"name": "a", "cash": "-1"}]}, "[[accounts]] a: the cash is negative"),
        ({"accounts": [{"name": "a", "cash": "lots"}]}, "not a plain decimal number"),
        ({"series": [A_SERIES, A_SERIES]}, "[[series]] KX appears twice; rename or remove one"),
        ({"series": [A_SERIES | {"fee_multiplier": "-1"}]}, "[[series]] KX: fee multiplier"),
        ({"fee_changes": [CHANGE]}, "[[fee_changes]] number 1: give either series or event"),
        ({"fee_changes": [CHANGE | {"series": "KX", "event": "KX-1"}]}, "either series or event"),
        ({"fee_changes": [CHANGE | {"series": "KZ"}]}, "the series KZ is unknown"),
        ({"fee_changes": [CHANGE | {"event": "KZ"}]}, "the event KZ is unknown"),
        ({"fee_changes": [{"in_s": 5, "series": "KX"}]}, "a series always has fees; give fee_type"),
        (
            {"weekly_pauses": [{"day": "monday", "begins": "05:00", "ends": "03:00"}]},
            "[[weekly_pauses]] number 1: a weekly pause begins before it ends",
        ),
        (
            {
                "series": [A_SERIES, A_SERIES | {"ticker": "KXGENCOIN"}],
                "generated": {"markets": 1},
            },
            "KXGENCOIN appears twice",
        ),
    ],
)
def test_tables_that_do_not_fit_together_are_refused(change, sentence):
    with pytest.raises(ConfigError) as caught:
        scenario_from(tables() | change, source="mine.toml")
    assert str(caught.value).startswith("mine.toml: ")
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"bids": [["0.47", 1], ["0.46", 1]]}, "bids do not ascend; write them from the lowest"),
        ({"bids": [["0.475", 1]]}, "impossible level at 0.4750; the grid is 0.0000-1.0000 by"),
        ({"bids": [["0.47", 0]]}, "impossible level at 0.4700; its count must be above 0"),
        ({"bids": [["0.48", 1]]}, "the opening book is crossed; every bid must be below every ask"),
        ({"opens_in_s": 60}, "it closes before it opens"),
        ({"latest_expiration_in_s": 59}, "it expires before it closes"),
        ({"floor_strike": "high"}, "floor_strike 'high' is not a number"),
        ({"price_level_structure": "mine"}, "are not known; give price_ranges, or take one of lin"),
        ({"price_ranges": [{"start": 1, "end": 0, "step": 1}]}, "is not a band"),
    ],
)
def test_markets_that_cannot_be_are_refused_by_name(change, sentence):
    with pytest.raises(ConfigError, match=r"mine\.toml: \[\[markets\]\] KX-1-A: ") as caught:
        scenario_from(tables(**change), source="mine.toml")
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ({"fee_type_override": "quadratic", "fee_multiplier_override": "11"}, "fee multiplier"),
        ({"fee_multiplier_override": 0}, "fee_multiplier_override needs fee_type_override"),
    ],
)
def test_an_event_override_that_cannot_be_is_refused_by_name(override, sentence):
    document = tables()
    document["events"][0] |= override
    with pytest.raises(ConfigError, match=rf"\[\[events\]\] KX-1: {sentence}"):
        scenario_from(document)


def test_a_fee_change_with_half_of_its_fees_is_refused():
    document = tables() | {"fee_changes": [{"in_s": 1, "event": "KX-1", "fee_multiplier": 0}]}
    with pytest.raises(ConfigError, match="fee_multiplier needs fee_type beside it"):
        scenario_from(document)


def test_a_multiplier_that_is_left_out_is_one_and_nothing_is_free_by_accident():
    document = tables()
    document["events"][0] |= {"fee_type_override": "quadratic"}
    assert scenario_from(document).events[0].fee_override.multiplier == 1_000
    document["events"][0] |= {"fee_multiplier_override": 0}
    assert scenario_from(document).events[0].fee_override.multiplier == 0


@pytest.mark.parametrize("name", packaged_names())
def test_the_packaged_scenarios_pass(name):
    check_scenario(packaged_scenario(name))


def test_an_empty_scenario_is_refused_however_it_was_made():
    with pytest.raises(BadInput, match="no market"):
        check_scenario(Scenario(name="empty"))

"""What the texts of a scenario stand for."""

from __future__ import annotations

import pytest

from tests.paper.scenario.small import tables
from traderd.errors import BadInput
from traderd.model.market import LINEAR_CENT
from traderd.model.units import Price, parse_money
from traderd.paper.flow.behaviour import NO_PLAN, Settles, StreetPlan, Style
from traderd.paper.scenario import parse_levels, scenario_from
from traderd.paper.scenario.file import MarketSpec, PauseSpec, parse_strike
from traderd.paper.venue.calendar import THURSDAY_PAUSE
from traderd.paper.venue.fees import FeeSchedule, FeeType


def market(**changes) -> MarketSpec:
    return scenario_from(tables(**changes)).markets[0]


def test_only_what_has_no_sensible_default_is_needed():
    scenario = scenario_from(tables())
    assert scenario.accounts[0].money == parse_money("1000")
    (spec,) = scenario.markets
    assert spec.grid is LINEAR_CENT
    assert spec.plan == NO_PLAN
    assert scenario.series[0].fees == FeeSchedule(fee_type=FeeType.QUADRATIC)
    assert scenario.events[0].fee_override is None


def test_numbers_are_texts_or_whole_numbers_and_stay_exact():
    assert parse_levels((("0.4", 3), (1, "0.25"))) == ((4_000, 300), (10_000, 25))


def test_a_grid_is_a_label_or_its_bands():
    assert market(price_level_structure="deci_cent", bids=[["0.461", 1]]).grid.allows(Price(4_610))
    bands = [{"start": 0, "end": 1, "step": "0.05"}]
    own = market(price_level_structure="mine", price_ranges=bands, bids=[["0.45", 1]], asks=[])
    assert own.grid.allows(Price(4_500))
    assert not own.grid.allows(Price(4_600))


def test_what_is_asked_of_the_street_holds_the_book_of_a_market_that_opens_later():
    open_now = market(flow="burst", settles="by flow")
    assert open_now.plan == StreetPlan(style=Style.BURST, settles=Settles.BY_FLOW)
    later = market(opens_in_s=5)
    assert later.plan.opening_bids == ((4_600, 100), (4_700, 200))
    assert later.plan.opening_asks == ((4_800, 300),)


def test_a_weekly_pause_is_written_in_times_of_day():
    assert PauseSpec(day="thursday", begins="03:00", ends="05:00").pause == THURSDAY_PAUSE
    sunday = PauseSpec(day="sunday", begins="22:30", ends="24:00")
    assert sunday.pause.to_minute == 1_440
    for spec in (PauseSpec(day="thursday", begins="03:00", ends="05:00"), sunday):
        assert PauseSpec.of(spec.pause) == spec


@pytest.mark.parametrize("text", ["3:00", "0300", "25:00", "03:60", "24:01", "٠٣:٠٠", "ab:cd", ""])
def test_what_is_no_time_of_day_is_refused_with_the_form(text):
    with pytest.raises(BadInput, match="HH:MM"):
        _ = PauseSpec(day="monday", begins=text, ends="24:00").pause


def test_strikes_are_plain_numbers():
    assert parse_strike("62.5", "cap_strike") == 62.5
    assert parse_strike(60_000, "cap_strike") == 60_000
    assert parse_strike(None, "cap_strike") is None
    for text in ("high", "nan", "inf", "1e300"):
        with pytest.raises(BadInput, match="cap_strike"):
            parse_strike(text, "cap_strike")

"""Scenario files: the packaged one against the recordings it was made from, and what is refused."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import msgspec
import pytest

from tests.paper.venues import NOW
from traderd.errors import ConfigError
from traderd.model.market import LINEAR_CENT
from traderd.model.units import NS_PER_S, parse_money
from traderd.paper.scenario import (
    Scenario,
    build_venue,
    default_scenario,
    opening_books,
    parse_levels,
    parse_scenario,
)
from traderd.paper.venue.venue import Venue

DATA = Path(__file__).parents[1] / "data"
RECORDING = (DATA / "ws_orderbook_prod_20260807.json").read_bytes()
SERIES = json.loads((DATA / "rest_series_fee_fields_20260820.json").read_bytes())["payloads"]


def build(scenario: Scenario) -> Venue:
    numbers = itertools.count(1)
    return build_venue(scenario, ids=lambda: f"id-{next(numbers)}", now=NOW)


def test_the_packaged_opening_books_are_those_of_the_recording():
    scenario = default_scenario()
    recorded = opening_books(RECORDING)
    assert len(recorded) == 12
    assert {m.ticker: (m.bids, m.asks) for m in scenario.markets} == recorded


def test_the_conversion_turns_no_bids_into_asks_at_the_complement():
    frame = {
        "type": "orderbook_snapshot",
        "msg": {
            "market_ticker": "X",
            "yes_dollars_fp": [["0.4500", "10.00"], ["0.4700", "3.00"]],
            "no_dollars_fp": [["0.4600", "5.00"], ["0.4800", "2.50"]],
        },
    }
    later = {"type": "orderbook_snapshot", "msg": {"market_ticker": "X"}}
    recording = json.dumps({"frames": [{"frame": frame}, {"frame": later}]}).encode()
    assert opening_books(recording) == {
        "X": (
            (("0.4500", "10.00"), ("0.4700", "3.00")),
            (("0.5200", "2.50"), ("0.5400", "5.00")),
        )
    }


def test_the_packaged_series_have_the_recorded_fees():
    for series in default_scenario().series:
        recorded = SERIES[series.ticker]["series"]
        assert series.fee_type.value == recorded["fee_type"]
        assert float(series.fee_multiplier) == recorded["fee_multiplier"]
        assert series.title == recorded["title"]


def test_the_packaged_file_says_where_its_books_come_from():
    scenario = default_scenario()
    assert "2026-08-07" in scenario.note
    for market in scenario.markets:
        event, _, outcome = market.ticker.rpartition("-")
        assert market.event == event
        assert market.title == f"{event}: {outcome} wins"
    assert [each.money for each in scenario.accounts] == [parse_money("1000")]


def test_a_venue_opens_with_the_scenarios_books_and_nothing_to_tell():
    scenario = default_scenario()
    venue = build(scenario)
    assert venue.take_outbox() == []
    assert venue.account_ids() == ()
    assert venue.total_money() == 0
    for spec in scenario.markets:
        bids, asks = venue.book(spec.ticker)
        assert tuple(reversed(bids)) == parse_levels(spec.bids)
        assert asks == parse_levels(spec.asks)
        assert venue.book_of(spec.ticker).order_count() == len(bids) + len(asks)
        market = venue.market(spec.ticker)
        assert market.close_time == NOW + spec.closes_in_s * NS_PER_S
        assert market.grid == LINEAR_CENT
    halved = venue.market("KXMLBGAME-26AUG072140LADAZ-LAD").fees
    whole = venue.market("KXWNBAGAME-26AUG07PHXCONN-PHX").fees
    assert (halved.multiplier, whole.multiplier) == (500, 1000)


def small() -> dict:
    return {
        "name": "small",
        "series": [{"ticker": "KX", "title": "Series", "fee_type": "quadratic"}],
        "events": [{"ticker": "KX-1", "series": "KX", "title": "Event"}],
        "markets": [
            {
                "ticker": "KX-1-A",
                "event": "KX-1",
                "title": "A",
                "outcome": "A",
                "market_id": "m",
                "closes_in_s": 60,
                "bids": [["0.46", "1"], ["0.47", "2"]],
                "asks": [["0.48", "3"]],
            }
        ],
        "accounts": [{"name": "ann"}],
    }


def test_a_small_scenario_needs_only_what_has_no_sensible_default():
    scenario = parse_scenario(json.dumps(small()).encode())
    assert scenario.accounts[0].money == parse_money("1000")
    assert build(scenario).book("KX-1-A") == (((4700, 200), (4600, 100)), ((4800, 300),))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"markets": []}, "length >= 1"),
        ({"colour": "red"}, "unknown field `colour`"),
        ({"series": []}, "event KX-1 names the unknown series KX"),
        ({"events": []}, "market KX-1-A names the unknown event KX-1"),
        ({"accounts": [{"name": "a"}, {"name": "a"}]}, "account a appears twice"),
        ({"accounts": [{"name": "a", "cash": "-1"}]}, "account a has negative cash"),
        ({"accounts": [{"name": "a", "cash": "lots"}]}, "not a plain decimal number"),
        ({"market": {"bids": [["0.47", "1"], ["0.46", "1"]]}}, "bids of KX-1-A do not ascend"),
        ({"market": {"bids": [["0.475", "1"]]}}, "impossible level at 0.4750"),
        ({"market": {"bids": [["0.47", "0"]]}}, "impossible level"),
        ({"market": {"bids": [["0.48", "1"]]}}, "is crossed"),
        ({"market": {"closes_in_s": 0}}, "closes_in_s"),
        ({"fees": {"fee_type": "flat"}}, "fee_type"),
        ({"fees": {"fee_multiplier": "-1"}}, "multiplier"),
    ],
)
def test_a_scenario_that_cannot_be_is_refused_with_what_is_wrong(change, sentence):
    document = small()
    document["markets"][0].update(change.pop("market", {}))
    document["series"][0].update(change.pop("fees", {}))
    document.update(change)
    with pytest.raises(ConfigError, match=r"the scenario cannot be used: ") as caught:
        parse_scenario(json.dumps(document).encode())
    assert sentence in str(caught.value)


def test_text_that_is_not_json_is_refused():
    with pytest.raises(ConfigError, match="cannot be used"):
        parse_scenario(b"{")


def test_the_packaged_file_survives_a_round_trip():
    scenario = default_scenario()
    assert parse_scenario(msgspec.json.encode(scenario)) == scenario

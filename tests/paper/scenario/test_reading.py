"""Scenario files as text: the packaged ones, and what a mistake is answered with."""

from __future__ import annotations

import json
import tomllib
from importlib import resources
from pathlib import Path

import msgspec
import pytest

from tests.paper.scenario.small import tables
from traderd.errors import ConfigError
from traderd.model.units import parse_money
from traderd.paper.flow.behaviour import Style
from traderd.paper.scenario import (
    default_scenario,
    packaged_names,
    packaged_scenario,
    parse_scenario,
    scenario_from,
)
from traderd.paper.scenario.file import Scenario

DATA = Path(__file__).parents[2] / "data"
SERIES = json.loads((DATA / "rest_series_fee_fields_20260820.json").read_bytes())["payloads"]
MARKET = '[[markets]]\nticker="A"\nevent="E"\ntitle=""\noutcome=""\ncloses_in_s=2\n'


def test_the_packaged_series_are_the_recorded_ones():
    for series in default_scenario().series:
        recorded = SERIES[series.ticker]["series"]
        assert series.fee_type.value == recorded["fee_type"]
        assert float(series.fee_multiplier) == recorded["fee_multiplier"]
        assert series.title == recorded["title"]
        assert series.category == recorded["category"]
        assert list(series.tags) == recorded["tags"]


def test_the_default_says_where_its_books_come_from_and_pauses_never():
    scenario = default_scenario()
    assert "2026-08-07" in scenario.note
    assert scenario.weekly_pauses == ()
    for market in scenario.markets:
        event, _, outcome = market.ticker.rpartition("-")
        assert market.event == event
        assert market.title == f"{event}: {outcome} wins"
        assert market.flow is market.settles is None
    assert [each.money for each in scenario.accounts] == [parse_money("1000")]


def test_the_showcase_uses_every_key_there_is():
    assert packaged_names() == ("default", "showcase")
    text = (
        resources.files("traderd.paper").joinpath("scenarios", "showcase.toml").read_text("utf-8")
    )
    written = text.replace("# [generated]", "[generated]").replace("# markets =", "markets =")
    tree = tomllib.loads(written.replace("# seed =", "seed ="))
    scenario = scenario_from(tomllib.loads(written.replace("# seed =", "seed ="), parse_float=str))
    assert set(tree) == set(Scenario.__struct_fields__)
    for table in ("series", "events", "markets", "fee_changes", "weekly_pauses", "accounts"):
        used = {key for entry in tree[table] for key in entry}
        assert used == set(type(getattr(scenario, table)[0]).__struct_fields__), table
    assert {market.flow for market in scenario.markets} == set(Style)
    assert {str(each.fee_multiplier) for each in scenario.series} == {"0.5", "1", "0"}
    assert len({each.fee_type for each in scenario.series}) == 3


@pytest.mark.parametrize("name", packaged_names())
def test_a_packaged_scenario_is_commented(name):
    text = resources.files("traderd.paper").joinpath("scenarios", f"{name}.toml").read_text("utf-8")
    assert text.startswith("# ")
    assert max(map(len, text.splitlines())) <= 120 or name == "default"


def test_numbers_with_a_point_stay_exact():
    data = MARKET + "bids=[[0.07, 0.29]]\n[[events]]\nticker='E'\nseries='S'\ntitle=''\n"
    data += "[[series]]\nticker='S'\ntitle=''\nfee_type='quadratic'\nfee_multiplier=0.07\n"
    scenario = parse_scenario(f"name='x'\n{data}".encode())
    assert scenario.markets[0].bids == (("0.07", "0.29"),)
    assert scenario.series[0].fees.multiplier == 70


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name=", "mine.toml is not TOML: Invalid value"),
        ("name='x'\ncolour=1", "top level: the key 'colour' does not exist; known are name, note"),
        ("name='x'\nmarket=[]", "top level: the key 'market' does not exist; did you mean 'mark"),
        ("name='x'\nmarkets=3", "[markets]: Expected `array`"),
        ("name=''\n", "[name]: Expected `str` of length >= 1"),
        ("name='x'\n[generated]\nmarketz=0", "[generated]: the key 'marketz' does not exist; did"),
        ("name='x'\n[generated]\nmarkets=0", "[generated.markets]: Expected `int` >= 1"),
        ("name='x'\n[[markets]]\nticker='A'", "[[markets]] A: the key 'event' is missing; add it"),
        ("name='x'\n[[markets]]\nticket='A'", "[[markets]] number 1: the key 'ticket' does not ex"),
        (f"name='x'\n{MARKET}flow='slow'", "[[markets]] A, flow: Invalid enum value 'slow'; write"),
        (f"name='x'\n{MARKET}bids=[[1]]", "[[markets]] A, bids[0]: Expected `array` of length 2"),
        (
            f"name='x'\n{MARKET}price_ranges=[{{start=0, end=1, sep=1}}]",
            "[[markets]] A, price_ranges[0]: the key 'sep' does not exist; did you mean 'step'?",
        ),
        (
            "name='x'\n[[weekly_pauses]]\nday='mon'",
            "number 1, day: Invalid enum value 'mon'; write",
        ),
        (
            "name='x'\n[[series]]\nticker='S'\ntitle=''\nfee_type='flat'",
            "[[series]] S, fee_type: Invalid enum value 'flat'; write one of 'quadratic', ",
        ),
        ("name='x'\n[[accounts]]\nname='ann'\ncash=[1]", "[[accounts]] ann, cash: Expected"),
    ],
)
def test_a_mistake_is_answered_with_its_place_and_the_cure(text, sentence):
    with pytest.raises(ConfigError) as caught:
        parse_scenario(text.encode(), source="mine.toml")
    assert str(caught.value).startswith("mine.toml")
    assert sentence in str(caught.value)


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(ConfigError, match="is not TOML"):
        parse_scenario(b"\xff\xfe")


def test_a_scenario_that_is_not_packaged_is_refused_with_those_that_are():
    with pytest.raises(
        ConfigError, match="there is no scenario 'big'; there are default, showcase"
    ):
        packaged_scenario("big")


def test_tables_of_a_program_make_the_same_scenario_as_a_file():
    scenario = scenario_from(tables())
    assert scenario_from(msgspec.to_builtins(scenario)) == scenario

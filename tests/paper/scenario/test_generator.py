"""Made up markets: plausible, repeatable, and cheap in any number."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise

import pytest

from tests.paper.scenario.small import build
from traderd.errors import ConfigError
from traderd.paper.flow.behaviour import Style
from traderd.paper.scenario import generated_scenario, scenario_from, street_plans
from traderd.paper.scenario.checks import check_scenario
from traderd.paper.scenario.file import GeneratedSpec, MarketSpec, Scenario
from traderd.paper.scenario.generator import generated_events, series_of_generated

LIMIT_MB = 400
MEASURE = """
import itertools, re, sys
from pathlib import Path
from random import Random
from traderd.model.units import NS_PER_S, Timestamp
from traderd.paper.flow.order_flow import OrderFlow
from traderd.paper.scenario import build_venue, generated_scenario, street_plans
numbers, now = itertools.count(), Timestamp(1_800_000_000 * NS_PER_S)
scenario = generated_scenario(10_000, seed=1)
venue = build_venue(scenario, ids=lambda: f"id-{next(numbers)}", now=now)
flow = OrderFlow(venue, Random(1), 50.0, street_plans(scenario))
for _ in range(20_000):
    delay, action = flow.next_action(now)
    now = Timestamp(now + int(delay * NS_PER_S))
    venue.advance(now)
    flow.apply(action, now)
    venue.take_outbox()
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


def markets_of(count: int, seed: int = 1) -> list[MarketSpec]:
    spec = GeneratedSpec(markets=count, seed=seed)
    return [market for _, markets in generated_events(spec) for market in markets]


@pytest.mark.parametrize("count", [1, 12, 333])
def test_there_are_exactly_as_many_as_were_asked_for(count):
    markets = markets_of(count)
    assert len({market.ticker for market in markets}) == len(markets) == count
    assert len(build(generated_scenario(count, seed=1)).markets()) == count


def test_the_same_seed_makes_the_same_markets_and_a_larger_exchange_holds_the_smaller_one():
    assert markets_of(200) == markets_of(200)
    assert markets_of(200)[:100] == markets_of(100)
    assert markets_of(100, seed=2) != markets_of(100)


@pytest.mark.parametrize("levels", [1, 20, 40])
def test_every_book_opens_as_deep_as_was_asked_for(levels):
    spec = GeneratedSpec(markets=1_500, levels=levels)
    venue = build(Scenario(name="deep", generated=spec))
    markets = [market for _, markets in generated_events(spec) for market in markets]
    assert {(len(each.bids), len(each.asks)) for each in markets} == {(levels, levels)}
    assert len(venue.markets()) == 1_500


def test_what_is_made_up_would_pass_as_a_written_file():
    events = list(generated_events(GeneratedSpec(markets=2_000, seed=3)))
    check_scenario(
        Scenario(
            name="written",
            series=series_of_generated(),
            events=tuple(event for event, _ in events),
            markets=tuple(market for _, markets in events for market in markets),
        )
    )


def test_prices_of_outcomes_that_exclude_each_other_add_up_to_about_a_dollar():
    totals = []
    for event, markets in generated_events(GeneratedSpec(markets=3_000, seed=1)):
        if event.mutually_exclusive and len(markets) > 1:
            totals.append(sum(float(market.bids[-1][0]) for market in markets))
    whole = totals[:-1]
    assert len(whole) > 100
    assert all(0.85 < total <= 1.05 for total in whole)


def test_the_odds_of_a_ladder_fall_from_strike_to_strike():
    ladders = [
        [float(market.bids[-1][0]) for market in markets]
        for event, markets in generated_events(GeneratedSpec(markets=3_000, seed=1))
        if event.series in ("KXGENCOIN", "KXGENETHER")
    ]
    assert len(ladders) > 20
    assert all(after <= before for ladder in ladders for before, after in pairwise(ladder))


def test_most_markets_are_quiet_and_a_small_exchange_is_not():
    styles = Counter(market.flow for market in markets_of(5_000))
    assert styles[Style.QUIET] > 0.9 * 5_000
    assert {Style.STEADY, Style.DRIFT, Style.BURST, Style.TAKERS} <= set(styles)
    assert Style.QUIET not in {market.flow for market in markets_of(30)}


def test_some_open_later_and_then_their_plan_has_the_book():
    scenario = generated_scenario(2_000, seed=1)
    plans = street_plans(scenario)
    later = [market for market in markets_of(2_000) if market.opens_in_s]
    assert 20 < len(later) < 200
    assert all(plans[market.ticker].opening_bids for market in later)
    venue = build(scenario)
    assert venue.book(later[0].ticker) == ((), ())


def test_the_number_of_markets_is_bounded():
    for count in (0, 100_001):
        with pytest.raises(ConfigError, match=r"\[generated\.markets\]"):
            scenario_from({"name": "x", "generated": {"markets": count}})


def test_ten_thousand_markets_are_built_in_seconds():
    started = time.process_time()
    venue = build(generated_scenario(10_000, seed=1))
    assert time.process_time() - started < 20
    orders = sum(venue.book_of(market.ticker).order_count() for market in venue.markets())
    assert 80_000 < orders < 200_000


@pytest.mark.process
def test_ten_thousand_markets_and_their_street_fit_into_the_memory_of_a_small_machine():
    ran = subprocess.run(
        [sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True, timeout=300
    )
    assert int(ran.stdout) < LIMIT_MB / 2


def test_fee_changes_do_not_look_at_every_market_for_every_event():
    venue = build(generated_scenario(10_000, seed=1))
    series = venue.one_series("KXGENCOIN")
    started = time.process_time()
    for _ in range(20):
        venue.life.change_series_fees(series, series.fees, venue.markets()[0].open_time)
    # Twenty times 400 events times 10 000 markets would take ten seconds.
    assert time.process_time() - started < 2

"""Who wins, by the table and in a whole venue."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from tests.paper.flow.streets import follow, planned
from tests.paper.scenario.small import build
from tests.paper.venues import TICKER
from traderd.model.units import Price
from traderd.paper.flow.behaviour import Settles, StreetPlan
from traderd.paper.flow.order_flow import OrderFlow
from traderd.paper.flow.outcomes import Candidate, draw_outcomes
from traderd.paper.scenario import packaged_scenario, street_plans
from traderd.paper.venue.listings import Result


def candidates(*chances: int, **more: object) -> list[Candidate]:
    return [
        Candidate(ticker=f"M{number}", chance=Price(chance), **more)
        for number, chance in enumerate(chances)
    ]


def draws(each: list[Candidate], *, exclusive: bool, times: int = 2_000) -> list[tuple[bool, ...]]:
    rng = Random(1)
    return [tuple(draw_outcomes(each, exclusive=exclusive, rng=rng).values()) for _ in range(times)]


def test_exactly_one_of_a_complete_exclusive_event_wins_by_its_odds():
    drawn = draws(candidates(6_000, 3_000, 900), exclusive=True)
    assert {sum(each) for each in drawn} == {1}
    wins = Counter(each.index(True) for each in drawn)
    assert 0.56 < wins[0] / 2_000 < 0.65
    assert 0.06 < wins[2] / 2_000 < 0.13


def test_an_event_whose_other_side_is_not_listed_may_have_no_winner():
    drawn = draws(candidates(3_000), exclusive=True)
    assert 0.27 < sum(each[0] for each in drawn) / 2_000 < 0.33


def test_prices_above_a_dollar_still_have_one_winner():
    assert {sum(each) for each in draws(candidates(9_000, 9_000), exclusive=True)} == {1}


def test_a_ladder_of_strikes_never_contradicts_itself():
    drawn = draws(candidates(9_000, 6_000, 2_000, strike_type="greater"), exclusive=False)
    assert all(list(each) == sorted(each, reverse=True) for each in drawn)
    assert 0.56 < sum(each[1] for each in drawn) / 2_000 < 0.64


def test_below_a_strike_is_the_other_side_of_above_it():
    pair = [
        *candidates(7_000, strike_type="greater"),
        Candidate(ticker="L", chance=Price(3_000), strike_type="less"),
    ]
    assert {sum(each) for each in draws(pair, exclusive=False)} == {1}


def test_what_the_scenario_says_stands_and_the_others_follow():
    fixed = [
        Candidate(ticker="A", chance=Price(100), fixed=True),
        Candidate(ticker="B", chance=Price(9_900)),
    ]
    assert set(draws(fixed, exclusive=True, times=50)) == {(True, False)}
    lost = [
        Candidate(ticker="A", chance=Price(9_000), fixed=False),
        *candidates(500, 500),
    ]
    assert not any(each[0] for each in draws(lost, exclusive=True, times=200))
    assert set(draws(fixed[:1], exclusive=False, times=5)) == {(True,)}


@pytest.mark.parametrize("seed", range(12))
def test_at_most_one_market_of_an_exclusive_event_ends_yes_by_flow(seed):
    scenario = packaged_scenario("showcase")
    v = build(scenario)
    flow = OrderFlow(v, Random(seed), 2.0, street_plans(scenario))
    for _ in follow(v, flow, 1_300):
        pass
    ends = [v.market(f"KXSHOWGAME-FINAL-{side}") for side in "NS"]
    assert sorted(each.result.value for each in ends) == ["no", "yes"]
    winner = next(each for each in ends if each.result is Result.YES)
    assert winner.last_price is not None
    scalar = v.market("KXSHOWFREE-TURNOUT-PCT")
    assert scalar.result is Result.SCALAR
    assert scalar.settlement_value % 100 == 0
    assert 5_000 < scalar.settlement_value < 8_000
    above = [v.market(f"KXSHOWCOIN-NOON-T{strike}").result for strike in (60_000, 61_000)]
    assert above != [Result.NO, Result.YES]
    v.check_money()


def test_which_side_wins_is_up_to_the_seed():
    def winner(seed: int) -> Result | None:
        v, _ = planned(StreetPlan())
        flow = OrderFlow(v, Random(seed), 0, {TICKER: StreetPlan(settles=Settles.BY_FLOW)})
        for _ in follow(v, flow, 3_700):
            pass
        return v.market(TICKER).result

    results = [winner(seed) for seed in range(20)]
    assert results == [winner(seed) for seed in range(20)]
    assert {Result.YES, Result.NO} == set(results)

"""Who wins."""

from __future__ import annotations

from collections import Counter
from random import Random

from traderd.model.units import Price
from traderd.paper.flow.outcomes import Candidate, draw_outcomes


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

"""Learning: the gradient is the slope of what is wanted, and what paid becomes likelier."""

import numpy as np
import pytest

pytest.importorskip("gymnasium", reason="the extra `rl` is not installed")

from traderd.gym.learner import CLIP, Episode, Learner, gradient, judged, odds
from traderd.gym.policy import IN, MOVES, WEIGHTS, Policy

RNG = np.random.default_rng(1)


def wanted(weights, looks, moves, before, advantages, entropy):
    """What the gradient is of, straight from its definition."""
    now = odds(Policy(weights).rate_looks(looks))
    ratio = np.take_along_axis(now, moves[..., None], axis=2)[..., 0] / before
    better = advantages[:, None]
    gained = np.minimum(ratio * better, np.clip(ratio, 1 - CLIP, 1 + CLIP) * better).sum()
    return (gained - entropy * (now * np.log(now)).sum()) / len(looks)


def test_the_gradient_is_the_slope_of_what_is_wanted():
    weights = RNG.normal(scale=0.3, size=WEIGHTS)
    looks, moves = RNG.normal(size=(40, 2, IN)), RNG.integers(MOVES, size=(40, 2))
    advantages = RNG.normal(size=40)
    earlier = odds(Policy(weights + RNG.normal(scale=0.1, size=WEIGHTS)).rate_looks(looks))
    before = np.take_along_axis(earlier, moves[..., None], axis=2)[..., 0]
    given = (looks, moves, before, advantages, 0.05)
    slope = gradient(weights, *given)
    for index in RNG.integers(WEIGHTS, size=10):
        nudge = np.zeros(WEIGHTS)
        nudge[index] = 1e-6
        measured = (wanted(weights + nudge, *given) - wanted(weights - nudge, *given)) / 2e-6
        assert slope[index] == pytest.approx(measured, rel=1e-4, abs=1e-7)


def test_odds_are_odds():
    drawn = odds(np.array([[0.0, 0.0, 1000.0], [1.0, 1.0, 1.0]]))
    assert drawn.sum(axis=1) == pytest.approx([1, 1])
    assert drawn[0] == pytest.approx([0, 0, 1])


def test_a_decision_that_paid_more_than_expected_is_judged_better():
    looks = np.ones((30, 2, IN))
    good, bad = np.zeros(30), np.zeros(30)
    good[10], bad[10] = 1.0, -1.0
    found = judged([
        Episode(looks=looks, moves=np.zeros((30, 2), dtype=int), rewards=good),
        Episode(looks=looks, moves=np.zeros((30, 2), dtype=int), rewards=bad),
    ])
    assert found[10] > 1 > -1 > found[40]
    assert found[9] > found[5] > 0
    assert abs(found.mean()) < 1e-9


def test_what_pays_becomes_likelier():
    learner, rewarded = Learner(weights=RNG.normal(scale=0.1, size=WEIGHTS)), 3
    looks = RNG.normal(size=(100, 1, 2, IN))
    for _ in range(40):
        before = odds(Policy(learner.weights).rate_looks(looks))
        moves = (before.cumsum(axis=-1) < RNG.random((100, 1, 2, 1))).sum(axis=-1)
        rewards = (moves == rewarded).sum(axis=-1).astype(float)
        played = zip(looks, moves, rewards, strict=True)
        learner.learn([Episode(looks=a, moves=b, rewards=c) for a, b, c in played], left=0.2)
    now = odds(Policy(learner.weights).rate_looks(looks)).mean(axis=(0, 1, 2))
    assert now.argmax() == rewarded
    assert now[rewarded] > 0.5

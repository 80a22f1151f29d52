"""A policy: one network for both sides, a memory of its own, and a file."""

import numpy as np
import pytest

pytest.importorskip("gymnasium", reason="the extra `rl` is not installed")

from traderd.core.policy_moves import PolicyMove
from traderd.gym.market_env import MarketEnv
from traderd.gym.policy import IN, MOVES, WEIGHTS, Policy, load_weights, save_weights


def vector(seed=1):
    return MarketEnv().reset(seed=seed)[0].tolist()


def test_the_best_rated_move_of_each_side_is_taken():
    weights = np.zeros(WEIGHTS)
    weights[PolicyMove.JOIN - MOVES] = 1.0
    assert Policy(weights).act(vector()) == (PolicyMove.JOIN, PolicyMove.JOIN)
    assert Policy(np.zeros(WEIGHTS)).act(vector()) == (PolicyMove.KEEP, PolicyMove.KEEP)


def test_both_sides_are_rated_by_one_network():
    policy = Policy(np.random.default_rng(1).normal(size=WEIGHTS))
    looks = policy.look(vector())
    assert looks.shape == (2, IN)
    turned = policy.rate_looks(looks[::-1])
    assert np.array_equal(turned[::-1], policy.rate_looks(looks))


def test_it_remembers_its_market_until_it_is_told_to_forget():
    policy = Policy(np.random.default_rng(1).normal(size=WEIGHTS))
    first, second = policy.rate(vector()), policy.rate(vector())
    assert not np.array_equal(first, second)
    policy.forget()
    assert np.array_equal(policy.rate(vector()), first)


def test_weights_come_back_from_their_file_with_the_facts(tmp_path):
    weights = np.random.default_rng(1).normal(size=WEIGHTS)
    save_weights(tmp_path / "p.json", weights, {"batch": 7})
    again, facts = load_weights(tmp_path / "p.json")
    assert np.abs(again - weights).max() <= 5e-7
    assert facts == {"batch": 7}
    assert [one.name for one in tmp_path.iterdir()] == ["p.json"]


def test_weights_of_another_shape_are_refused(tmp_path):
    save_weights(tmp_path / "p.json", np.zeros(3), {})
    with pytest.raises(ValueError, match=f"has 3 weights, this version needs {WEIGHTS}"):
        load_weights(tmp_path / "p.json")
    with pytest.raises(ValueError, match="weights, not"):
        Policy(np.zeros(3))

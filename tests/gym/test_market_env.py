"""The environment: Gymnasium's own check, equal seeds, honest rewards, and the daemon's gate inside."""

import itertools

import attrs
import numpy as np
import pytest

pytest.importorskip("gymnasium", reason="the extra `rl` is not installed")

import gymnasium
from gymnasium.utils.env_checker import check_env

import traderd.gym
from traderd.core.observation_vector import VECTOR_LENGTH
from traderd.core.policy_moves import PolicyMove
from traderd.errors import BadInput
from traderd.gym.defaults import DAEMON_LIMITS
from traderd.gym.market_env import MarketEnv, default_rates
from traderd.model.units import parse_count

M = PolicyMove


def moves(env, seed, count=40):
    """Play drawn moves; returns everything that came back."""
    rng, told = np.random.default_rng(seed), [env.reset(seed=seed)]
    told += [env.step(rng.integers(len(M), size=2)) for _ in range(count)]
    return told


def test_gymnasium_finds_nothing_wrong_with_it():
    check_env(gymnasium.make(traderd.gym.ENVIRONMENT_ID).unwrapped)


def test_equal_seeds_give_equal_episodes_to_the_last_bit():
    first, second = moves(MarketEnv(), 3), moves(MarketEnv(), 3)
    assert [one[0].tobytes() for one in first] == [one[0].tobytes() for one in second]
    assert [one[1:] for one in first] == [one[1:] for one in second]
    other = moves(MarketEnv(), 4)
    assert [one[0].tobytes() for one in first] != [one[0].tobytes() for one in other]


def test_a_reset_without_a_seed_goes_on_with_another_episode():
    env = MarketEnv()
    first, _ = env.reset(seed=1)
    second, _ = env.reset()
    assert first.tobytes() != second.tobytes()


def test_the_rewards_add_up_to_what_the_account_gained():
    env = MarketEnv(decisions=60)
    told = moves(env, 5, count=60)
    gained = sum(step[1] for step in told[1:])
    balance = env.session.venue.balance("policy")
    assert gained == pytest.approx((balance.cash + balance.portfolio_value) / 1e6 - 1_000, abs=1e-9)
    assert gained < 0
    assert [step[3] for step in told[1:]] == [False] * 59 + [True]


def test_doing_nothing_is_worth_nothing():
    env = MarketEnv(decisions=20)
    env.reset(seed=2)
    steps = [env.step(np.array([M.KEEP, M.KEEP])) for _ in range(20)]
    assert {step[1] for step in steps} == {0.0}
    assert steps[-1][4]["exchange_events"] > 0


def test_a_penalty_is_taken_off_for_what_is_held():
    def first_reward(penalty):
        env = MarketEnv(position_penalty=penalty, interval_s=6.0, rate_per_s=0.001)
        env.reset(seed=1)
        return env.step(np.array([M.TAKE, M.KEEP]))[1]

    assert first_reward(0.0) - first_reward(0.1) == pytest.approx(0.1 * 5 / 10)


def test_the_middle_of_the_book_is_a_kinder_mark_than_the_closing_price():
    def reward(mark):
        env = MarketEnv(mark=mark, rate_per_s=0.001)
        env.reset(seed=1)
        return env.step(np.array([M.TAKE, M.KEEP]))[1]

    assert reward("close") < reward("mid") < 0


def test_the_gate_of_the_daemon_binds_the_policy():
    tight = attrs.evolve(DAEMON_LIMITS, max_market_position=parse_count("10"))
    env = MarketEnv(limits=tight, rate_per_s=0.5)
    env.reset(seed=1)
    told = [env.step(np.array([M.TAKE, M.KEEP])) for _ in range(6)]
    assert [step[4]["position"] for step in told] == [500, 1000, 1000, 1000, 1000, 1000]
    assert told[-1][4]["denied"] == 4
    assert env.session.view.denials == {"market_position": 4}


def test_no_order_makes_the_position_larger_than_it_may_be():
    env = MarketEnv(position_contracts=12, rate_per_s=0.5)
    env.reset(seed=1)
    held = [env.step(np.array([M.KEEP, M.TAKE]))[4]["position"] for _ in range(5)]
    assert held == [-500, -1000, -1200, -1200, -1200]


def test_a_strategy_can_play_an_episode_with_commands_of_its_own():
    env = MarketEnv(decisions=10)
    env.reset(seed=1)
    looks = []
    assert env.play(lambda seen: looks.append(seen.at) or ()) == 0
    assert len(looks) == 10
    assert {later - earlier for earlier, later in itertools.pairwise(looks)} == {5 * 10**9}


def test_an_episode_ends_when_its_market_closes():
    env = MarketEnv(scenario="showcase", interval_s=86_400.0, decisions=400, rate_per_s=1e-9)
    env.reset(seed=1)
    over = [env.step(np.array([M.KEEP, M.KEEP]))[2:4] for _ in range(2)]
    assert over[-1] == (True, False)


def test_the_busiest_markets_take_most_of_the_street():
    rates = default_rates(12)
    assert sum(rates) == pytest.approx(5.0)
    assert rates[0] == pytest.approx(2 * rates[1]) == pytest.approx(12 * rates[11])


def test_what_cannot_be_an_episode_is_refused():
    with pytest.raises(BadInput, match="at least one decision"):
        MarketEnv(decisions=0)
    with pytest.raises(BadInput, match="has no market NOPE"):
        MarketEnv(tickers=["NOPE"])
    assert MarketEnv().observation_space.shape == (VECTOR_LENGTH,)

"""The table: everybody plays the same held-out episodes, and the numbers are what they say."""

import numpy as np
import pytest

pytest.importorskip("gymnasium", reason="the extra `rl` is not installed")

from tests.architecture.sources import ROOT
from traderd.gym import evaluate
from traderd.gym.evaluate import Score, chance, judge, nothing, plugin_strategy, trained
from traderd.gym.market_env import MarketEnv
from traderd.gym.policy import WEIGHTS, Policy, save_weights
from traderd.gym.train import TEST_SEED, play

MAKER = ROOT / "plugins" / "spread_maker.py"


def test_a_score_is_mean_standard_error_and_share():
    score = Score.of("x", [1.0, -1.0, 3.0, 0.0])
    assert (score.mean, score.episodes, score.above_0) == (0.75, 4, 0.5)
    assert score.error == pytest.approx(np.std([1, -1, 3, 0], ddof=1) / 2)


def test_everybody_plays_the_same_held_out_episodes(monkeypatch):
    seeds = []
    reset = MarketEnv.reset

    def noted(self, *, seed, options=None):
        seeds.append(seed)
        return reset(self, seed=seed, options=options)

    monkeypatch.setattr(MarketEnv, "reset", noted)
    scores = judge(MarketEnv(decisions=5), {"no-op": nothing, "random": chance}, 3)
    assert seeds == [TEST_SEED, TEST_SEED + 1, TEST_SEED + 2] * 2
    assert [score.name for score in scores] == ["no-op", "random"]
    assert (scores[0].mean, scores[0].above_0) == (0.0, 0.0)


def test_a_policy_is_judged_by_what_it_would_earn_in_the_environment():
    policy = Policy(np.random.default_rng(3).normal(scale=0.5, size=WEIGHTS))
    env = MarketEnv(decisions=60)
    (score,) = judge(env, {"policy": trained(policy)}, 2)
    played = [play(env, policy, TEST_SEED + number) for number in range(2)]
    assert score.mean == pytest.approx(np.mean(played), abs=1e-9)
    assert score.mean != 0


def test_a_drop_in_strategy_can_be_judged():
    (score,) = judge(MarketEnv(decisions=80), {"m": plugin_strategy(MAKER, "spread_maker")}, 2)
    assert score.mean != 0
    with pytest.raises(LookupError, match="offers no strategy nope"):
        plugin_strategy(MAKER, "nope")
    with pytest.raises(FileNotFoundError, match="there is no plugin"):
        plugin_strategy(ROOT / "plugins" / "nope.py", "nope")


def test_the_table_is_printed(tmp_path, capsys, monkeypatch):
    save_weights(tmp_path / "p.json", np.zeros(WEIGHTS), {})
    monkeypatch.setattr(evaluate, "MarketEnv", lambda: MarketEnv(decisions=3))
    assert evaluate.main([str(tmp_path / "p.json"), "--episodes", "2"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["player", "mean", "$", "std", "err", "n", "above", "0"]
    assert [line.split()[0] for line in table[1:]] == ["policy", "no-op", "random", "spread_maker"]
    assert table[2].split() == ["no-op", "+0.000", "0.000", "2", "0%"]


def test_without_a_training_there_is_nothing_to_judge(tmp_path, capsys):
    assert evaluate.main([str(tmp_path / "none.json")]) == 1
    assert "holds no training" in capsys.readouterr().out

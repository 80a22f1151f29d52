"""Training: repeatable, resumable in the middle, and never on the episodes by which it is judged."""

import io
import sys

import numpy as np
import pytest

pytest.importorskip("gymnasium", reason="the extra `rl` is not installed")

from traderd.gym import train
from traderd.gym.market_env import MarketEnv
from traderd.gym.policy import Policy, load_weights
from traderd.gym.progress import Progress


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Train on next to nothing: what is tested is the way, not where it leads."""
    for name, value in (
        *(("EPISODES", 2), ("DECISIONS", 12), ("VALIDATION_EPISODES", 1), ("VALIDATE_EVERY", 1)),
    ):
        monkeypatch.setattr(train, name, value)


def run(file, batches, seed=1):
    assert train.main([str(file), "--batches", str(batches), "--seed", str(seed)]) == 0
    return load_weights(file)[1]


def test_equal_seeds_train_equal_policies(tmp_path):
    first, second = run(tmp_path / "a.json", 2), run(tmp_path / "b.json", 2)
    assert first == second
    assert first["now"] != run(tmp_path / "c.json", 2, seed=2)["now"]


def test_a_training_that_was_broken_off_goes_on_where_it_was(tmp_path, capsys):
    whole = tmp_path / "whole.json"
    env, training = MarketEnv(decisions=12), train.Training.begin(1)
    train.train(env, training, 3, whole)

    broken = tmp_path / "broken.json"
    env, training = MarketEnv(decisions=12), train.Training.begin(1)
    train.save_weights(broken, training.best, training.state())
    train.step(env, training, 3, Progress(0))
    train.validate(env, training)
    train.save_weights(broken, training.best, training.state())
    capsys.readouterr()
    assert run(broken, 3) == load_weights(whole)[1]
    assert "goes on after batch 1 of" in capsys.readouterr().out


def test_each_batch_says_how_it_goes(tmp_path, capsys):
    run(tmp_path / "a.json", 2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "310 weights over 13 features a side; 2 episodes a batch"
    assert lines[1].startswith("batch 1/2: ")
    assert "validation" in lines[1]
    assert lines[-1].startswith("best validation ")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_the_standard_error_tells_the_episode_and_leaves_nothing_behind(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    run(tmp_path / "a.json", 2)
    told = [part.strip() for part in terminal.getvalue().split("\r")]
    assert [one for one in told if one] == [
        *(
            "batch 1 of 2: episode 1 of 2",
            "batch 1 of 2: episode 2 of 2",
            "batch 1 of 2: validation",
        ),
        *(
            "batch 2 of 2: episode 1 of 2",
            "batch 2 of 2: episode 2 of 2",
            "batch 2 of 2: validation",
        ),
    ]
    assert terminal.getvalue().endswith("\r")
    assert "episode 1 of 2" not in capsys.readouterr().out


def test_off_a_terminal_the_standard_error_says_nothing(tmp_path, capsys):
    run(tmp_path / "a.json", 1)
    assert capsys.readouterr().err == ""


def test_the_seeds_of_training_validation_and_judgement_never_meet():
    first, end = train.TRAIN_SEEDS
    assert 0 <= first < end <= train.VALIDATION_SEED
    assert train.VALIDATION_SEED + 1_000 < train.TEST_SEED


def test_a_fresh_policy_does_next_to_nothing():
    policy = Policy(train.Training.begin(1).learner.weights)
    assert abs(train.play(MarketEnv(decisions=40), policy, 5)) < 0.5


def test_the_best_is_kept_when_it_gets_worse(monkeypatch):
    env, training = MarketEnv(decisions=3), train.Training.begin(1)
    scores = iter([1.0, -1.0])
    monkeypatch.setattr(train, "play", lambda *_: next(scores))
    train.validate(env, training)
    best = training.best.copy()
    training.learner.weights = training.learner.weights + 1
    assert train.validate(env, training) == -1.0
    assert np.array_equal(training.best, best)
    assert training.best_score == 1.0


def test_a_file_of_something_else_is_left_alone(tmp_path, capsys):
    other = tmp_path / "notes.json"
    other.write_text('{"weights": [1]}')
    assert train.main([str(other)]) == 1
    assert "holds no training" in capsys.readouterr().out
    assert other.read_text() == '{"weights": [1]}'


def test_ctrl_c_says_how_to_go_on(tmp_path, capsys, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "step", stop)
    assert train.main([str(tmp_path / "p.json")]) == train.BROKEN_OFF
    assert "the same command goes on" in capsys.readouterr().out

"""The exported graph rates as the policy does, and says what it was trained for."""

import numpy as np
import pytest

pytest.importorskip("gymnasium", reason="the extra `rl` is not installed")
pytest.importorskip("onnxruntime", reason="the extra `rl` is not installed")
pytest.importorskip("onnx", reason="the extra `rl` is not installed")

import onnxruntime

from traderd.core.observation import OBSERVATION_VERSION
from traderd.core.observation_vector import VECTOR_LENGTH
from traderd.core.policy_moves import POLICY_MOVES_VERSION
from traderd.gym import export
from traderd.gym.features import MEMORY
from traderd.gym.market_env import MarketEnv
from traderd.gym.policy import WEIGHTS, Policy, save_weights


@pytest.fixture
def policy():
    return Policy(np.random.default_rng(1).normal(scale=0.5, size=WEIGHTS))


@pytest.fixture
def env():
    return MarketEnv()


def test_the_graph_rates_every_look_as_the_policy_does(policy, env):
    session = onnxruntime.InferenceSession(
        export.onnx_bytes(policy, {}), providers=["CPUExecutionProvider"]
    )
    memory = np.zeros((1, len(MEMORY)), dtype=np.float32)
    vector, _ = env.reset(seed=3)
    for _ in range(60):
        given = {"vector": vector[None], "memory": memory}
        ratings, memory = session.run(["ratings", "memory_next"], given)
        ours = policy.rate(vector.tolist())
        assert np.abs(ratings - ours).max() < 1e-4
        vector, *_ = env.step(ours.argmax(axis=1))
    assert memory[0, 1] == 60


def test_the_file_says_what_it_was_trained_for(policy, tmp_path, capsys):
    save_weights(tmp_path / "p.json", policy.weights, {"seed": 1, "batch": 9, "episodes": 144})
    target = tmp_path / "p.onnx"
    assert export.main([str(tmp_path / "p.json"), str(target)]) == 0
    assert "9 batches of training" in capsys.readouterr().out
    assert target.stat().st_size < 20_000
    facts = (
        onnxruntime
        .InferenceSession(target, providers=["CPUExecutionProvider"])
        .get_modelmeta()
        .custom_metadata_map
    )
    assert facts == {
        "observation_version": str(OBSERVATION_VERSION),
        "vector_length": str(VECTOR_LENGTH),
        "moves_version": str(POLICY_MOVES_VERSION),
        "interval_ms": "5000",
        "order_contracts": "5",
        "position_contracts": "40",
        "trained": "seed 1, 9 batches, 144 episodes",
    }


def test_a_file_that_holds_no_training_is_refused(tmp_path, capsys):
    (tmp_path / "p.json").write_text("{}")
    assert export.main([str(tmp_path / "p.json"), str(tmp_path / "p.onnx")]) == 1
    assert "holds no training" in capsys.readouterr().out
    assert not (tmp_path / "p.onnx").exists()


def test_a_file_that_would_be_too_large_is_not_made(policy, monkeypatch):
    monkeypatch.setattr(export, "BYTES_MAX", 1_000)
    with pytest.raises(ValueError, match="1000 is the bound"):
        export.onnx_bytes(policy, {})

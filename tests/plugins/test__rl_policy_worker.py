"""The worker alone: one line of hello, one record for each question, and an end with its input."""

import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="the extra `rl` is not installed")

from traderd.gym.export import facts_of, onnx_bytes
from traderd.gym.market_env import MarketEnv
from traderd.gym.policy import WEIGHTS, Policy

WORKER = Path(__file__).parents[2] / "plugins" / "_rl_policy_worker.py"
POLICY = Policy(np.random.default_rng(1).normal(scale=0.5, size=WEIGHTS))
pytestmark = pytest.mark.process


def work(model, questions=b""):
    """Run a worker to the end of its input; returns its hello, what came after it, and its exit code."""
    done = subprocess.run(
        [sys.executable, str(WORKER), str(model)],
        input=questions,
        capture_output=True,
        timeout=60,
        check=False,
    )
    hello, _, answers = done.stdout.partition(b"\n")
    return json.loads(hello), answers, done.returncode


@pytest.fixture
def model(tmp_path):
    file = tmp_path / "p.onnx"
    file.write_bytes(onnx_bytes(POLICY, facts_of({})))
    return file


def test_it_says_what_its_file_was_trained_for(model):
    hello, answers, code = work(model)
    assert (hello, answers, code) == ({"facts": facts_of({})}, b"", 0)


def test_each_question_gets_the_ratings_and_the_memory_that_follow(model):
    vector = MarketEnv().reset(seed=1)[0].tolist()
    asked = struct.pack("<Q123f", 41, *vector, 0.0, 0.0)
    again = struct.pack("<Q123f", 42, *vector, 0.3, 8.0)
    _, answers, _ = work(model, asked + again)
    (first, *told), (second, *after) = struct.iter_unpack("<Q14f", answers)
    assert (first, second) == (41, 42)
    POLICY.forget()
    assert np.abs(np.array(told[:12]).reshape(2, 6) - POLICY.rate(vector)).max() < 1e-4
    assert (told[13], after[13]) == (1.0, 9.0)


def test_a_question_that_breaks_off_is_not_answered(model):
    assert work(model, b"\0" * 100)[1:] == (b"", 0)


@pytest.mark.parametrize("content", [None, b"no graph"])
def test_a_file_that_cannot_be_opened_is_told(tmp_path, content):
    file = tmp_path / "p.onnx"
    if content is not None:
        file.write_bytes(content)
    hello, _, code = work(file)
    assert list(hello) == ["error"]
    assert code == 1


def test_a_graph_without_facts_is_told(tmp_path):
    file = tmp_path / "p.onnx"
    file.write_bytes(onnx_bytes(POLICY, {}))
    assert work(file)[0] == {"error": "KeyError: 'vector_length'"}

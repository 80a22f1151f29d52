"""Trains a policy against the paper exchange: `python -m traderd.gym.train --help`.

Owns: the batches of episodes, their seeds, and the file from which a training that was broken off goes on exactly where it
was. Training, validation and the final judgement use seeds of ranges that never meet.
Must not: read a clock: a training is as long as its batches, so that it can be repeated.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import numpy as np

from traderd.core.observation import OBSERVATION_VERSION
from traderd.core.policy_moves import POLICY_MOVES_VERSION, PolicyMove
from traderd.gym.features import FEATURES
from traderd.gym.learner import Episode, Learner, odds
from traderd.gym.market_env import MarketEnv
from traderd.gym.policy import IN, MOVES, WEIGHTS, Policy, Row, load_weights, save_weights
from traderd.gym.progress import Progress

EPISODES: Final = 16
"""Of one batch."""
DECISIONS: Final = 240
"""Of a training episode, half of the environment's own: twice as many markets are seen for the same work."""
CAUTION: Final = 1.5
"""By how much a fresh policy prefers no quote: its first tries are rare enough to tell good from bad."""
VALIDATE_EVERY: Final = 10
VALIDATION_EPISODES: Final = 16
BROKEN_OFF: Final = 130
"""The exit code after Ctrl-C, as shells have it."""
TRAIN_SEEDS: Final = (0, 1_000_000)
VALIDATION_SEED: Final = 1_000_000
TEST_SEED: Final = 2_000_000
"""Where the ranges of seeds begin and end; none of the last is seen before a policy is finished."""


@attrs.define(eq=False, kw_only=True)
class Training:
    """Everything that the next batch depends on."""

    seed: int
    learner: Learner
    batch: int = 0
    episodes: int = 0
    best: Row
    best_score: float = -1e9

    @classmethod
    def begin(cls, seed: int) -> Training:
        """Return a fresh training, whose policy does little."""
        weights = np.random.default_rng((seed, 0)).normal(scale=0.2, size=WEIGHTS)
        weights[-MOVES:] = 0.0
        weights[PolicyMove.PULL - MOVES] = CAUTION
        return cls(seed=seed, learner=Learner(weights=weights), best=weights)

    def state(self) -> dict[str, Any]:
        """Return it as JSON values, beside the best weights."""
        return {
            "seed": self.seed,
            "batch": self.batch,
            "episodes": self.episodes,
            "best_score": self.best_score,
            "features": list(FEATURES),
            "observation_version": OBSERVATION_VERSION,
            "moves_version": POLICY_MOVES_VERSION,
            "steps": self.learner.steps,
            "now": self.learner.weights.tolist(),
            "slope": self.learner.slope.tolist(),
            "square": self.learner.square.tolist(),
        }

    @classmethod
    def resume(cls, path: Path) -> Training:
        """Return the training that a file holds; raises OSError, KeyError or ValueError."""
        best, facts = load_weights(path)
        learner = Learner(
            weights=np.array(facts["now"]),
            slope=np.array(facts["slope"]),
            square=np.array(facts["square"]),
            steps=facts["steps"],
        )
        return cls(
            seed=facts["seed"],
            batch=facts["batch"],
            episodes=facts["episodes"],
            best=best,
            best_score=facts["best_score"],
            learner=learner,
        )


def try_out(env: MarketEnv, policy: Policy, seed: int, rng: np.random.Generator) -> Episode:
    """Play one episode with moves drawn by their odds."""
    policy.forget()
    vector, _ = env.reset(seed=seed)
    looks, moves, rewards, over = [], [], [], False
    while not over:
        look = policy.look(vector.tolist())
        drawn = (odds(policy.rate_looks(look)).cumsum(axis=1) < rng.random((2, 1))).sum(axis=1)
        action = np.minimum(drawn, MOVES - 1)
        vector, reward, terminated, truncated, _ = env.step(action)
        looks.append(look)
        moves.append(action)
        rewards.append(reward)
        over = terminated or truncated
    return Episode(looks=np.array(looks), moves=np.array(moves), rewards=np.array(rewards))


def play(env: MarketEnv, policy: Policy, seed: int) -> float:
    """Play one episode with the best-rated moves and return its summed reward in dollars."""
    policy.forget()
    vector, _ = env.reset(seed=seed)
    total, over = 0.0, False
    while not over:
        action = np.array(policy.act(vector.tolist()))
        vector, reward, terminated, truncated, _ = env.step(action)
        total += reward
        over = terminated or truncated
    return total


def step(env: MarketEnv, training: Training, batches: int, progress: Progress) -> float:
    """Play and learn one batch; returns its mean reward in dollars an episode."""
    rng = np.random.default_rng((training.seed, training.batch + 1))
    seeds = [int(one) for one in rng.integers(*TRAIN_SEEDS, size=EPISODES)]
    policy = Policy(training.learner.weights)
    played = []
    for number, seed in enumerate(seeds, start=1):
        progress.begin_part(
            f"batch {training.batch + 1} of {batches}: episode {number} of {EPISODES}"
        )
        played.append(try_out(env, policy, seed, rng))
        progress.end_part()
    training.learner.learn(played, max(0.0, 1 - training.batch / batches))
    training.batch += 1
    training.episodes += len(played)
    return float(np.mean([one.rewards.sum() for one in played]))


def validate(env: MarketEnv, training: Training) -> float:
    """Judge the policy of now on episodes that no batch plays, and keep it if it is the best so far."""
    policy = Policy(training.learner.weights)
    seeds = range(VALIDATION_SEED, VALIDATION_SEED + VALIDATION_EPISODES)
    score = sum(play(env, policy, seed) for seed in seeds) / len(seeds)
    if score > training.best_score:
        training.best, training.best_score = training.learner.weights.copy(), score
    return score


def train(env: MarketEnv, training: Training, batches: int, path: Path) -> None:
    """Go on until so many batches are done in all; a line for each, the file after each."""
    progress = Progress(max(0, batches - training.batch) * EPISODES)
    try:
        while training.batch < batches:
            line = _batch(env, training, batches, progress)
            save_weights(path, training.best, training.state())
            progress.make_room()
            print(line, flush=True)
    finally:
        progress.make_room()


def _batch(env: MarketEnv, training: Training, batches: int, progress: Progress) -> str:
    score = step(env, training, batches, progress)
    line = f"batch {training.batch}/{batches}: {score:+.3f} $ an episode"
    if training.batch % VALIDATE_EVERY == 0 or training.batch == batches:
        progress.begin_part(f"batch {training.batch} of {batches}: validation")
        line += f", validation {validate(env, training):+.3f} $ (best {training.best_score:+.3f})"
    return line


def main(arguments: Sequence[str] | None = None) -> int:
    """Train from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m traderd.gym.train",
        description="Train a policy against the paper exchange. Example: python -m traderd.gym.train policy.json",
    )
    parser.add_argument(
        "file", type=Path, help="where the weights go; one that is there is resumed"
    )
    parser.add_argument("--batches", type=int, default=100, help="in all (default 100)")
    parser.add_argument("--seed", type=int, default=1, help="of the training (default 1)")
    chosen = parser.parse_args(arguments)
    try:
        is_there = chosen.file.exists()
        training = Training.resume(chosen.file) if is_there else Training.begin(chosen.seed)
    except (OSError, KeyError, ValueError) as exc:
        print(f"{chosen.file} holds no training: {exc}; name another file")
        return 1
    if is_there:
        print(f"goes on after batch {training.batch} of {chosen.file}")
    print(f"{WEIGHTS} weights over {IN} features a side; {EPISODES} episodes a batch")
    try:
        train(MarketEnv(decisions=DECISIONS), training, chosen.batches, chosen.file)
    except KeyboardInterrupt:
        print("broken off; the same command goes on after the last line above")
        return BROKEN_OFF
    print(f"best validation {training.best_score:+.3f} $ an episode, written to {chosen.file}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

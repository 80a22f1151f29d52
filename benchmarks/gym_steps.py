"""The training environment: steps a second of one core, resets and the making of every observation included.

Owns: three episodes' worth of moves drawn by chance (which trade and are refused far more than a policy's do), in the
environment as it is registered and in the busiest market of the default exchange; and what the time goes into.
Must not: count what learning costs.
"""

from __future__ import annotations

import cProfile
import gc
import pstats
import sys
import time
from pathlib import Path
from typing import Final

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.compare import Row, rate_row, report
from traderd.core.policy_moves import PolicyMove
from traderd.gym.market_env import MarketEnv, default_rates
from traderd.runtime.env import GC_THRESHOLDS

EPISODES: Final = 3
ROUNDS: Final = 5
GOAL_PER_S: Final = 2_000
MARKETS: Final = 12
"""Of the default exchange."""
PARTS: Final = (
    ("the street's orders at the venue", "order_flow.py", "apply"),
    ("our orders, gate and venue and all", "desk.py", "send"),
    ("folding what the exchange told", "session.py", "_take_news"),
    ("observation", "observe.py", "observe"),
    ("its vector", "observation_vector.py", "vector_of"),
    ("moves to commands", "policy_moves.py", "commands_for"),
    ("resets", "market_env.py", "reset"),
)
"""What a step consists of: the words for it, and the function that does it."""


def play(env: MarketEnv, seed: int) -> tuple[float, int, int]:
    """Play episodes; returns seconds of CPU, steps, and events that the exchange told."""
    rng = np.random.default_rng(seed)
    gc.collect()
    begun, steps, told = time.process_time(), 0, 0
    for episode in range(EPISODES):
        env.reset(seed=seed + episode)
        over = False
        while not over:
            action = rng.integers(len(PolicyMove), size=2)
            _, _, terminated, truncated, facts = env.step(action)
            over = terminated or truncated
            steps += 1
        told += facts["exchange_events"]
    return time.process_time() - begun, steps, told


def steps_row(name: str, env: MarketEnv) -> Row:
    """Return the row of one environment: the best of some rounds, as others work on the machine."""
    play(env, 0)
    # As the daemon does with what stays.
    gc.collect()
    gc.freeze()
    rounds = [play(env, 1) for _ in range(ROUNDS)]
    spent, steps, told = min(rounds)
    return rate_row(
        f"gym: steps of {name} ({told / steps:.1f} events of the exchange each)",
        steps / spent,
        GOAL_PER_S,
    )


def print_profile(env: MarketEnv) -> None:
    """Print which share of a step each part takes; one part may hold another."""
    profile = cProfile.Profile()
    profile.enable()
    play(env, 1)
    profile.disable()
    # The shape of this table is the standard library's: (calls, ..., seconds with what it called, ...) by function.
    rows = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    total = max(entry[3] for entry in rows.values())
    for words, file, function in PARTS:
        spent = sum(
            entry[3]
            for (path, _, name), entry in rows.items()
            if name == function and path.endswith(f"/{file}")
        )
        print(f"  {spent / total:>4.0%} {words}")


def main() -> int:
    """Measure, print and keep the rows; returns 1 if the goal is missed."""
    gc.set_threshold(*GC_THRESHOLDS)
    env = MarketEnv()
    rows = [
        steps_row("traderd/Market-v0, 5 s of market each", env),
        steps_row(
            "the busiest market, 1 s each",
            MarketEnv(interval_s=1.0, rate_per_s=default_rates(MARKETS)[0]),
        ),
    ]
    print_profile(env)
    return report(rows, "gym_steps.json")


if __name__ == "__main__":
    sys.exit(main())

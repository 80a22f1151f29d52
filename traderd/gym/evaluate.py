"""Judges a policy beside those it has to beat: `python -m traderd.gym.evaluate weights.json`.

Owns: the table: mean, standard error, number of episodes and share above 0, all on the same held-out seeds. An open position
at the end is worth what it could be closed for.
Must not: train, or use a seed that a training may have seen.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Final

import attrs
import numpy as np

from traderd.core.observation import Observation
from traderd.core.policy_moves import PolicyMove, commands_for
from traderd.gym.market_env import MONEY_PER_DOLLAR, MarketEnv
from traderd.gym.policy import Policy, load_weights
from traderd.gym.progress import Progress
from traderd.gym.train import TEST_SEED
from traderd.model.commands import Command

EPISODES: Final = 100
SPREAD_MAKER: Final = Path("plugins/spread_maker.py")
"""As a checkout has it."""

Decide = Callable[[Observation], Iterable[Command]]
Maker = Callable[[int], Decide]
"""Makes a player for one episode from its seed."""


@attrs.frozen(kw_only=True)
class Score:
    """How one player did, in dollars an episode."""

    name: str
    mean: float
    error: float
    """The mean's standard error."""
    episodes: int
    above_0: float
    """Share of the episodes."""

    @classmethod
    def of(cls, name: str, profits: Sequence[float]) -> Score:
        """Return the score of these episodes."""
        return cls(
            name=name,
            mean=float(np.mean(profits)),
            error=float(np.std(profits, ddof=1)) / math.sqrt(len(profits)),
            episodes=len(profits),
            above_0=sum(one > 0 for one in profits) / len(profits),
        )


def nothing(_: int) -> Decide:
    """Make a player that does nothing."""
    return lambda seen: ()


def chance(seed: int) -> Decide:
    """Make a player that draws its moves."""
    rng = np.random.default_rng(seed)

    def decide(seen: Observation) -> list[Command]:
        bid, ask = rng.integers(len(PolicyMove), size=2)
        return commands_for(seen, PolicyMove(int(bid)), PolicyMove(int(ask)))

    return decide


def trained(policy: Policy) -> Maker:
    """Return a maker of players by a policy, each without a memory of the one before."""

    def make(_: int) -> Decide:
        policy.forget()

        def decide(seen: Observation) -> list[Command]:
            bid, ask = policy.act(seen.vector().tolist())
            return commands_for(seen, PolicyMove(bid), PolicyMove(ask))

        return decide

    return make


def plugin_strategy(file: Path, name: str) -> Maker:
    """Return a maker of players by a drop-in strategy with its default parameters; raises OSError or LookupError."""
    spec = spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None or not file.is_file():
        raise FileNotFoundError(f"there is no plugin {file}")
    module: Any = module_from_spec(spec)
    spec.loader.exec_module(module)
    offered = {one.name: one for one in module.traderd_strategies()}
    if name not in offered:
        raise LookupError(f"{file} offers no strategy {name}")

    def make(_: int) -> Decide:
        decide: Decide = offered[name].make(offered[name].parameters()).decide
        return decide

    return make


def profit(env: MarketEnv, make: Maker, seed: int) -> float:
    """Play one episode and return what it gained, in dollars."""
    env.reset(seed=seed)
    return env.play(make(seed)) / MONEY_PER_DOLLAR


def judge(
    env: MarketEnv, players: dict[str, Maker], episodes: int, progress: Progress | None = None
) -> list[Score]:
    """Return every player's score on the same held-out episodes."""
    progress = progress or Progress(len(players) * episodes)
    scores = []
    for name, make in players.items():
        profits = []
        for number in range(episodes):
            progress.begin_part(f"{name}: episode {number + 1} of {episodes}")
            profits.append(profit(env, make, TEST_SEED + number))
            progress.end_part()
        scores.append(Score.of(name, profits))
    progress.make_room()
    return scores


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m traderd.gym.evaluate",
        description="Judge a policy on held-out episodes. Example: python -m traderd.gym.evaluate policy.json",
    )
    parser.add_argument("weights", type=Path, help="the file of a training")
    parser.add_argument("--episodes", type=int, default=EPISODES)
    chosen = parser.parse_args(arguments)
    try:
        weights, _ = load_weights(chosen.weights)
    except (OSError, KeyError, ValueError) as exc:
        print(f"{chosen.weights} holds no training: {exc}")
        return 1
    players: dict[str, Maker] = {
        "policy": trained(Policy(weights)),
        "no-op": nothing,
        "random": chance,
    }
    if SPREAD_MAKER.is_file():
        players["spread_maker"] = plugin_strategy(SPREAD_MAKER, "spread_maker")
    print(f"{'player':<14} {'mean $':>9} {'std err':>8} {'n':>5} {'above 0':>8}")
    progress = Progress(len(players) * chosen.episodes)
    for name, make in players.items():
        (one,) = judge(MarketEnv(), {name: make}, chosen.episodes, progress)
        print(
            f"{name:<14} {one.mean:>+9.3f} {one.error:>8.3f} {one.episodes:>5} {one.above_0:>8.0%}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""How a policy learns from what it did: proximal policy optimisation, in plain numpy.

Owns: the gradient of the one network, the judgement of each decision beside what was to be expected there, and the step that
keeps new odds near the old ones.
Must not: play.
"""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np
from numpy.typing import NDArray

from traderd.gym.policy import HIDDEN, IN, MOVES, WEIGHTS, Policy, Row

DISCOUNT: Final = 0.98
"""What a dollar one decision later is worth: a move of the price takes minutes to come back, not hours."""
TRACE: Final = 0.95
"""How far a surprise is blamed on earlier decisions."""
CLIP: Final = 0.2
"""By how much a step may change the odds of what was done before its gradient ends."""
PASSES: Final = 6
"""How often the same episodes are gone over."""
RATE: Final = 0.01
ENTROPY: Final = 0.1
"""What trying things out is worth at first, in units of an advantage; it fades to nothing."""
RIDGE: Final = 10.0
"""Keeps what is expected from following every accident of one batch."""

Moves = NDArray[np.int64]


@attrs.frozen(kw_only=True, eq=False)
class Episode:
    """What was seen, done and earned, decision by decision."""

    looks: Row
    """decisions x 2 sides x features."""
    moves: Moves
    """decisions x 2 sides."""
    rewards: Row


@attrs.define(eq=False, kw_only=True)
class Learner:
    """The weights and the optimiser's memory of its steps (Adam)."""

    weights: Row
    slope: Row = attrs.Factory(lambda: np.zeros(WEIGHTS))
    square: Row = attrs.Factory(lambda: np.zeros(WEIGHTS))
    steps: int = 0

    def learn(self, episodes: list[Episode], left: float) -> None:
        """Take the steps of one batch; `left` is the share of the training that is to come."""
        looks = np.concatenate([one.looks for one in episodes])
        moves = np.concatenate([one.moves for one in episodes])
        advantages = judged(episodes)
        before = odds(Policy(self.weights).rate_looks(looks))
        chosen = np.take_along_axis(before, moves[..., None], axis=2)[..., 0]
        for _ in range(PASSES):
            self._step(
                gradient(self.weights, looks, moves, chosen, advantages, ENTROPY * left), left
            )

    def _step(self, slope: Row, left: float) -> None:
        self.steps += 1
        self.slope = 0.9 * self.slope + 0.1 * slope
        self.square = 0.99 * self.square + 0.01 * slope**2
        mean = self.slope / (1 - 0.9**self.steps)
        scale = np.sqrt(self.square / (1 - 0.99**self.steps)) + 1e-8
        self.weights = self.weights + RATE * (0.1 + 0.9 * left) * mean / scale


def odds(rated: Row) -> Row:
    """Return the odds by which moves of these ratings are drawn."""
    raised = np.exp(rated - rated.max(axis=-1, keepdims=True))
    drawn: Row = raised / raised.sum(axis=-1, keepdims=True)
    return drawn


def judged(episodes: list[Episode]) -> Row:
    """Return how much better each decision turned out than was to be expected, scaled to a deviation of 1."""
    states = [_state(one.looks) for one in episodes]
    returns = np.concatenate([_discounted(one.rewards, DISCOUNT) for one in episodes])
    everything = np.concatenate(states)
    gram = everything.T @ everything + RIDGE * np.eye(everything.shape[1])
    value = np.linalg.solve(gram, everything.T @ returns)
    found = []
    for one, state in zip(episodes, states, strict=True):
        expected = state @ value
        later = np.append(expected[1:], expected[-1])
        found.append(_discounted(one.rewards + DISCOUNT * later - expected, DISCOUNT * TRACE))
    advantages = np.concatenate(found)
    scaled: Row = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    return scaled


def _state(looks: Row) -> Row:
    """Return what a state's worth is estimated from: the bid's features and all their products."""
    bid = looks[:, 0, :]
    rows, columns = np.triu_indices(bid.shape[1])
    state: Row = bid[:, rows] * bid[:, columns]
    return state


def _discounted(values: Row, factor: float) -> Row:
    summed, total = np.zeros(len(values)), 0.0
    for index in range(len(values) - 1, -1, -1):
        total = values[index] + factor * total
        summed[index] = total
    return summed


def gradient(
    weights: Row, looks: Row, moves: Moves, before: Row, advantages: Row, entropy: float
) -> Row:
    """Return the direction in which better decisions become likelier.

    Args:
        weights: of the policy.
        looks: decisions x 2 x features.
        moves: what was done, decisions x 2.
        before: the odds that it had when it was done, decisions x 2.
        advantages: of each decision.
        entropy: what evenness of the odds is worth.
    """
    first, second = Policy(weights).layers
    hidden = np.tanh(looks @ first)
    now = odds(hidden @ second[:-1] + second[-1])
    chosen = np.take_along_axis(now, moves[..., None], axis=2)[..., 0]
    ratio, better = chosen / before, advantages[:, None]
    # Beyond the bound nothing is gained by going further the same way.
    counts = np.where(better > 0, ratio < 1 + CLIP, ratio > 1 - CLIP)
    pull = (counts * ratio * better)[..., None]
    slope = pull * (np.eye(MOVES)[moves] - now)
    logs = np.log(now + 1e-12)
    slope -= entropy * now * (logs - (now * logs).sum(axis=-1, keepdims=True))
    slope /= len(looks)
    flat = slope.reshape(-1, MOVES)
    back = (slope @ second[:-1].T) * (1 - hidden**2)
    to_first = looks.reshape(-1, IN).T @ back.reshape(-1, HIDDEN)
    to_second = np.vstack((hidden.reshape(-1, HIDDEN).T @ flat, flat.sum(axis=0)))
    return np.concatenate((to_first.ravel(), to_second.ravel()))

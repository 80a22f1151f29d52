"""A policy: the features of both sides through one small network, and the best-rated move of each.

Owns: the network's shape and its numbers as one flat row, which is what training searches; and the file that a training
keeps them in.
Must not: know how it is trained.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import numpy as np
from numpy.typing import NDArray

from traderd.core.policy_moves import PolicyMove
from traderd.gym.features import FEATURES, MEMORY, PlainOps, features

HIDDEN: Final = 16
"""Cells of the one hidden layer: there is not more to know than a few thresholds."""
MOVES: Final = len(PolicyMove)
IN: Final = len(FEATURES)
WEIGHTS: Final = IN * HIDDEN + (HIDDEN + 1) * MOVES
"""All numbers of a policy."""

Row = NDArray[np.float64]


@attrs.define(eq=False)
class Policy:
    """One policy with its memory of the market that it is in."""

    weights: Row
    _memory: tuple[float, ...] = (0.0,) * len(MEMORY)
    _first: Row = attrs.field(init=False)
    _second: Row = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        if self.weights.shape != (WEIGHTS,):
            raise ValueError(f"a policy has {WEIGHTS} weights, not {self.weights.shape}")
        self._first = self.weights[: IN * HIDDEN].reshape(IN, HIDDEN)
        self._second = self.weights[IN * HIDDEN :].reshape(HIDDEN + 1, MOVES)

    @property
    def layers(self) -> tuple[Row, Row]:
        """The weights of the hidden layer, and those of the ratings, whose last row is their bias."""
        return self._first, self._second

    def forget(self) -> None:
        """Begin in another market."""
        self._memory = (0.0,) * len(MEMORY)

    def look(self, vector: Sequence[float]) -> Row:
        """Return the features of the bid (row 0) and of the ask (row 1), and remember what was seen."""
        bid, ask, self._memory = features(PlainOps(vector, self._memory))
        return np.array((bid, ask))

    def rate_looks(self, looks: Row) -> Row:
        """Return how each move is rated, for any number of rows of features."""
        rated: Row = np.tanh(looks @ self._first) @ self._second[:-1] + self._second[-1]
        return rated

    def rate(self, vector: Sequence[float]) -> Row:
        """Return how each move of the bid and of the ask is rated, and remember what was seen."""
        return self.rate_looks(self.look(vector))

    def act(self, vector: Sequence[float]) -> tuple[int, int]:
        """Return the best-rated move of the bid and of the ask; of equals the first."""
        bid, ask = self.rate(vector).argmax(axis=1)
        return int(bid), int(ask)


def save_weights(path: Path, weights: Row, facts: dict[str, Any]) -> None:
    """Write weights with what is known of their training, as JSON; an old file is replaced at once, never half."""
    text = json.dumps({**facts, "weights": [round(float(one), 6) for one in weights]})
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def load_weights(path: Path) -> tuple[Row, dict[str, Any]]:
    """Return the weights of a file and its facts; raises OSError or ValueError."""
    facts = json.loads(path.read_text(encoding="utf-8"))
    weights = np.array(facts.pop("weights"), dtype=np.float64)
    if weights.shape != (WEIGHTS,):
        raise ValueError(f"{path} has {weights.size} weights, this version needs {WEIGHTS}")
    return weights, facts

"""What a policy looks at: a dozen numbers per side, made from the observation's vector and a small memory.

Owns: their formulas, written once over `Ops`, so that the training (plain numbers) and the exported graph (ONNX nodes)
cannot differ. A number of the bid has the same meaning for the ask with every direction turned round, so one network
serves both sides.
Must not: look at anything that is not in the vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Generic, Protocol, TypeVar

from traderd.core.observation_vector import VECTOR_FIELDS

V = TypeVar("V")

MEMORY: Final = ("mean_mid", "looks")
"""What a policy remembers of one market from decision to decision; zeros at first."""
LOOKS_MAX: Final = 720.0
"""Over so many decisions the middle's mean runs at most: an hour at 5 s."""
TRADES_USED: Final = 10
FEATURES: Final = (
    *("bias", "below_mean", "position", "microprice", "imbalance", "below_trades", "flow"),
    *("spread", "looks", "own_quote", "own_distance", "entry", "close"),
)
"""The numbers of one side, all within about -2 to 2."""

_INDEX: Final = {name: number for number, name in enumerate(VECTOR_FIELDS)}
_CENTS: Final = 100.0


class Ops(Protocol[V]):
    """Arithmetic on numbers, or on nodes of a graph that will compute them."""

    def field(self, index: int) -> V:
        """Return one number of the vector."""

    def memory(self, index: int) -> V:
        """Return one number of the memory."""

    def const(self, value: float) -> V:
        """Return a constant."""

    def add(self, a: V, b: V) -> V:
        """Return a + b."""

    def sub(self, a: V, b: V) -> V:
        """Return a - b."""

    def mul(self, a: V, b: V) -> V:
        """Return a * b."""

    def div(self, a: V, b: V) -> V:
        """Return a / b."""

    def clip(self, a: V, low: float, high: float) -> V:
        """Return a, at least low and at most high."""

    def above_0(self, a: V) -> V:
        """Return 1 for a number above 0, else 0."""


class PlainOps:
    """Python floats: the quickest for so few numbers."""

    def __init__(self, vector: Sequence[float], memory: Sequence[float]) -> None:
        self._vector, self._memory = vector, memory

    def field(self, index: int) -> float:
        """Return one number of the vector."""
        return self._vector[index]

    def memory(self, index: int) -> float:
        """Return one number of the memory."""
        return self._memory[index]

    def const(self, value: float) -> float:
        """Return the value."""
        return value

    def add(self, a: float, b: float) -> float:
        """Return a + b."""
        return a + b

    def sub(self, a: float, b: float) -> float:
        """Return a - b."""
        return a - b

    def mul(self, a: float, b: float) -> float:
        """Return a * b."""
        return a * b

    def div(self, a: float, b: float) -> float:
        """Return a / b."""
        return a / b

    def clip(self, a: float, low: float, high: float) -> float:
        """Return a within its bounds."""
        return low if a < low else min(a, high)

    def above_0(self, a: float) -> float:
        """Return 1 for a number above 0, else 0."""
        return 1.0 if a > 0 else 0.0


class _Formulas(Generic[V]):
    def __init__(self, ops: Ops[V]) -> None:
        self.ops = ops
        self.one, self.zero = ops.const(1.0), ops.const(0.0)
        self.has_book = ops.mul(self.get("has_bid"), self.get("has_ask"))
        self.mid = self.get("mid")

    def get(self, name: str) -> V:
        return self.ops.field(_INDEX[name])

    def scaled(self, value: V, factor: float, bound: float = 2.0) -> V:
        """Return a bounded multiple; nothing without a book."""
        ops = self.ops
        bounded = ops.clip(ops.mul(value, ops.const(factor)), -bound, bound)
        return ops.mul(bounded, self.has_book)

    def memory(self) -> tuple[V, V]:
        """Return the running mean of the middle, this look included, and the looks."""
        ops, mean, looks = self.ops, self.ops.memory(0), self.ops.memory(1)
        now = ops.clip(ops.add(looks, self.has_book), 0.0, LOOKS_MAX)
        weight = ops.div(self.has_book, ops.clip(now, 1.0, LOOKS_MAX))
        return ops.add(mean, ops.mul(weight, ops.sub(self.mid, mean))), now

    def trades(self) -> tuple[V, V]:
        """Return how far the last trades' mean price lies above the middle, and which way they went."""
        ops = self.ops
        above, there, flow = self.zero, self.zero, self.zero
        for number in range(1, TRADES_USED + 1):
            price, count = self.get(f"trade_price_{number}"), self.get(f"trade_count_{number}")
            exists = ops.above_0(price)
            there = ops.add(there, exists)
            above = ops.add(above, ops.mul(exists, ops.sub(price, self.mid)))
            flow = ops.add(flow, ops.clip(ops.mul(count, ops.const(0.01)), -1.0, 1.0))
        return ops.div(above, ops.clip(there, 1.0, float(TRADES_USED))), flow

    def entry(self) -> V:
        """Return how far the middle lies below the price at which the position was entered, 0 when flat."""
        ops, position, cost = self.ops, self.get("position"), self.get("average_cost")
        short = ops.above_0(ops.sub(self.zero, position))
        held = ops.add(ops.above_0(position), short)
        # Of a short position the cost is that of NO.
        price = ops.add(
            ops.mul(ops.sub(self.one, short), cost), ops.mul(short, ops.sub(self.one, cost))
        )
        return ops.mul(held, ops.sub(price, self.mid))


def features(ops: Ops[V]) -> tuple[list[V], list[V], tuple[V, V]]:
    """Return the numbers of the bid, those of the ask, and the memory for the next decision."""
    make = _Formulas(ops)
    mean, looks = make.memory()
    trades_above, flow = make.trades()
    turned = [
        make.scaled(ops.sub(mean, make.mid), _CENTS / 3),
        make.scaled(make.get("position"), 1 / 40),
        make.scaled(ops.sub(make.get("microprice"), make.mid), 2 * _CENTS),
        make.scaled(make.get("imbalance"), 1.0),
        make.scaled(trades_above, _CENTS / 3),
        make.scaled(flow, 1 / 3),
    ]
    spread = make.scaled(make.get("spread"), _CENTS / 3)
    known = ops.mul(looks, ops.const(1 / 100))
    entry = make.scaled(make.entry(), _CENTS / 3)
    close = ops.clip(
        ops.sub(make.one, ops.mul(make.get("time_to_close_s"), ops.const(1 / 1_800))), 0.0, 1.0
    )
    sides: list[list[V]] = []
    for sign, side, best in ((1.0, "bid", "bid_price_1"), (-1.0, "ask", "ask_price_1")):
        direction = ops.const(sign)
        own = ops.above_0(make.get(f"own_{side}_count"))
        apart = ops.mul(direction, ops.sub(make.get(best), make.get(f"own_{side}_price")))
        sides.append([
            make.one,
            *(ops.mul(direction, value) for value in turned),
            spread,
            ops.clip(known, 0.0, 1.0),
            own,
            make.scaled(ops.mul(own, apart), _CENTS / 2),
            ops.mul(direction, entry),
            close,
        ])
    return sides[0], sides[1], (mean, looks)

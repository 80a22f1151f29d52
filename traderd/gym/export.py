"""Writes a trained policy as an ONNX file: `python -m traderd.gym.export weights.json rl_policy.onnx`.

Owns: the graph (vector and memory in, ratings and memory out; every scaling inside) and the facts in its metadata by which the
strategy refuses a file of another version. The graph's arithmetic is `features`, node by node.
Must not: change what the policy does; a test runs both side by side.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from traderd.core.observation_vector import VECTOR_LENGTH
from traderd.core.policy_moves import DEFAULT_SIZES, POLICY_FACTS
from traderd.gym.features import MEMORY, features
from traderd.gym.market_env import INTERVAL_S
from traderd.gym.policy import MOVES, Policy, load_weights
from traderd.model.units import ONE_CONTRACT

OPSET: Final = 17
"""Of 2022: every onnxruntime that installs on Python 3.11 knows it."""
IR_VERSION: Final = 8
BYTES_MAX: Final = 100_000
"""Bounds the file: a policy of this size that is larger has something in it that is none of its own."""


class GraphOps:
    """Arithmetic that becomes nodes; a value is the name of one, a column of one number per observation."""

    def __init__(self) -> None:
        from onnx import helper, numpy_helper

        self._node, self._tensor = helper.make_node, numpy_helper.from_array
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def emit(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node and return the name of its result."""
        name = f"n{len(self.nodes)}"
        self.nodes.append(self._node(kind, list(inputs), [name], **attributes))
        return name

    def tensor(self, name: str, values: NDArray[Any]) -> str:
        """Add a constant and return its name."""
        self.constants.setdefault(name, self._tensor(values, name))
        return name

    def column(self, source: str, index: int) -> str:
        """Return one column of an input."""
        at = self.tensor(f"i{index}", np.array([index], dtype=np.int64))
        return self.emit("Gather", source, at, axis=1)

    def field(self, index: int) -> str:
        """Return one number of the vector."""
        return self.column("vector", index)

    def memory(self, index: int) -> str:
        """Return one number of the memory."""
        return self.column("memory", index)

    def const(self, value: float) -> str:
        """Return a constant."""
        return self.tensor(f"c{value!r}", np.array([[value]], dtype=np.float32))

    def add(self, a: str, b: str) -> str:
        """Return a + b."""
        return self.emit("Add", a, b)

    def sub(self, a: str, b: str) -> str:
        """Return a - b."""
        return self.emit("Sub", a, b)

    def mul(self, a: str, b: str) -> str:
        """Return a * b."""
        return self.emit("Mul", a, b)

    def div(self, a: str, b: str) -> str:
        """Return a / b."""
        return self.emit("Div", a, b)

    def clip(self, a: str, low: float, high: float) -> str:
        """Return a within its bounds."""
        bounds = [
            self.tensor(f"b{bound!r}", np.array(bound, dtype=np.float32)) for bound in (low, high)
        ]
        return self.emit("Clip", a, *bounds)

    def above_0(self, a: str) -> str:
        """Return 1 for a number above 0, else 0."""
        return self.emit("Cast", self.emit("Greater", a, self.const(0.0)), to=1)


def onnx_bytes(policy: Policy, facts: Mapping[str, str]) -> bytes:
    """Return the file's content; raises ValueError for one that is too large."""
    import onnx
    from onnx import TensorProto, helper

    ops = GraphOps()
    bid, ask, memory = features(ops)
    first, second = policy.layers
    rows = []
    for side in (bid, ask):
        row = ops.emit("Concat", *side, axis=1)
        weights = ops.tensor("first", first.astype(np.float32))
        hidden = ops.emit("Tanh", ops.emit("MatMul", row, weights))
        rated = ops.emit("MatMul", hidden, ops.tensor("second", second[:-1].astype(np.float32)))
        rows.append(ops.emit("Add", rated, ops.tensor("bias", second[-1].astype(np.float32))))
    ratings = ops.emit("Concat", *rows, axis=0)
    remembered = ops.emit("Concat", *memory, axis=1)
    ops.nodes.append(helper.make_node("Identity", [ratings], ["ratings"]))
    ops.nodes.append(helper.make_node("Identity", [remembered], ["memory_next"]))
    graph = helper.make_graph(
        ops.nodes,
        "policy",
        [
            helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, VECTOR_LENGTH]),
            helper.make_tensor_value_info("memory", TensorProto.FLOAT, [1, len(MEMORY)]),
        ],
        [
            helper.make_tensor_value_info("ratings", TensorProto.FLOAT, [2, MOVES]),
            helper.make_tensor_value_info("memory_next", TensorProto.FLOAT, [1, len(MEMORY)]),
        ],
        initializer=list(ops.constants.values()),
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="traderd"
    )
    model.ir_version = IR_VERSION
    helper.set_model_props(model, dict(facts))
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    if len(content) > BYTES_MAX:
        raise ValueError(f"the file would have {len(content)} bytes, {BYTES_MAX} is the bound")
    return content


def facts_of(trained: Mapping[str, Any]) -> dict[str, str]:
    """Return the metadata of a file: what it was trained for, and how it is to be asked."""
    return {
        **POLICY_FACTS,
        "interval_ms": str(round(INTERVAL_S * 1_000)),
        "order_contracts": str(DEFAULT_SIZES.order_count // ONE_CONTRACT),
        "position_contracts": str(DEFAULT_SIZES.position_max // ONE_CONTRACT),
        "trained": (
            f"seed {trained.get('seed')}, {trained.get('batch')} batches, "
            f"{trained.get('episodes')} episodes"
        ),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Export from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m traderd.gym.export",
        description="Write a trained policy as ONNX. Example: python -m traderd.gym.export policy.json policy.onnx",
    )
    parser.add_argument("weights", type=Path, help="the file of a training")
    parser.add_argument("target", type=Path, help="the ONNX file to write")
    chosen = parser.parse_args(arguments)
    try:
        weights, trained = load_weights(chosen.weights)
    except (OSError, KeyError, ValueError) as exc:
        print(f"{chosen.weights} holds no training: {exc}; train one first")
        return 1
    content = onnx_bytes(Policy(weights), facts_of(trained))
    chosen.target.write_bytes(content)
    print(f"{chosen.target}: {len(content)} bytes, {trained['batch']} batches of training")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

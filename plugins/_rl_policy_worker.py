"""The process that runs a policy's ONNX graph for `rl_policy`, apart from the daemon: `python _rl_policy_worker.py FILE`.

Owns: the graph, and the little protocol on its two pipes. It tells one line of JSON when it is ready or why it cannot be;
then each question is one record (number, vector, memory), and so is each answer (number, ratings, memory), until its input
ends.
Must not: import traderd, decide when an answer is too late, or write anything else to its output.
"""

from __future__ import annotations

import json
import struct
import sys
from typing import Any, BinaryIO, Final

MOVES: Final = 6
"""Ratings of each side in an answer."""
MEMORY: Final = 2
"""Numbers that go from decision to decision."""


def main() -> int:
    """Serve until the input ends; returns the exit code."""
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    try:
        session = open_model(sys.argv[1])
        facts = dict(session.get_modelmeta().custom_metadata_map)
        length = int(facts["vector_length"])
    except Exception as exc:  # noqa: BLE001 - whatever it is, the daemon has to tell a person
        say(answers, {"error": f"{type(exc).__name__}: {exc}"})
        return 1
    say(answers, {"facts": facts})
    serve(session, length, questions, answers)
    return 0


def open_model(file: str) -> Any:
    """Return a session on one thread: a network this small is slower on two."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def serve(session: Any, length: int, questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the input ends."""
    import numpy

    asked, answered = (
        struct.Struct(f"<Q{length + MEMORY}f"),
        struct.Struct(f"<Q{2 * MOVES + MEMORY}f"),
    )
    while len(record := questions.read(asked.size)) == asked.size:
        number, *values = asked.unpack(record)
        row = numpy.array([values], dtype=numpy.float32)
        given = {"vector": row[:, :length], "memory": row[:, length:]}
        ratings, memory = session.run(["ratings", "memory_next"], given)
        answers.write(answered.pack(number, *ratings.ravel(), *memory.ravel()))
        answers.flush()


def say(answers: BinaryIO, line: dict[str, Any]) -> None:
    """Write the first line."""
    answers.write(json.dumps(line).encode() + b"\n")
    answers.flush()


if __name__ == "__main__":
    sys.exit(main())

"""Time, chance, files, threads and sockets come through `Env` only, so that a simulation is exact."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.sources import PACKAGE, dotted, python_files, relative

DOORS = ("traderd/runtime/env.py", "traderd/runtime/simulation.py")
BANNED_MODULES = frozenset({
    *("time", "secrets", "uuid", "threading", "_thread", "socket", "subprocess", "asyncio"),
    *("multiprocessing", "concurrent", "queue", "sched", "socketserver"),
})
BANNED_NAMES = frozenset({
    *("os.urandom", "os.getrandom", "os.environ", "os.environb", "os.getenv", "os.fork"),
    *("trio.to_thread", "trio.from_thread", "trio.socket", "trio.open_tcp_stream"),
    *(
        "trio.open_tcp_listeners",
        "trio.open_ssl_over_tcp_stream",
        "trio.open_ssl_over_tcp_listeners",
    ),
    *("trio.serve_tcp", "trio.serve_ssl_over_tcp", "trio.open_unix_socket", "trio.run_process"),
    *("trio.open_file", "trio.open_signal_receiver", "trio.lowlevel.open_process"),
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
    *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today"),
    *("datetime.date.today", "io.open"),
})
BANNED_CALLS = frozenset({"open", "id", "hash"})
ORDERLESS = frozenset({"set", "frozenset"})
ORDERLESS_HINTS = frozenset({"set", "frozenset", "AbstractSet", "MutableSet", "Set", "FrozenSet"})
ORDER_TAKERS = frozenset({
    "list",
    "tuple",
    "iter",
    "enumerate",
    "map",
    "filter",
    "zip",
    "next",
    "dict",
})
"""Builtins that keep the order of what they are given; `sorted`, `len`, `min`, `any` do not."""
SET_METHODS = frozenset({"union", "intersection", "difference", "symmetric_difference", "copy"})
EXCEPTED = re.compile(r"#\s*sim-ok:?\s*(?P<reason>.*)$")
BANNED_MODULE_USED = re.compile(rf"\b(?:{'|'.join(sorted(BANNED_MODULES))})\.")
"""Where an excepted import is used: a comment there is not needed, and welcome."""

Fault = tuple[int, str]


def is_chance(name: str) -> bool:
    """Tell whether a name is one of the module-wide generator; the class itself is a fine type."""
    return re.fullmatch(r"random\.(?!Random\b)\w+", name) is not None


def banned_imports(tree: ast.Module) -> Iterator[Fault]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            targets = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in targets:
            banned_module = target.split(".")[0] in BANNED_MODULES
            if banned_module or target in BANNED_NAMES or is_chance(target):
                yield node.lineno, f"imports {target}"


def banned_uses(tree: ast.Module) -> Iterator[Fault]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            name = dotted(node)
            if name in BANNED_NAMES or is_chance(name):
                yield node.lineno, f"uses {name}"
        elif isinstance(node, ast.Call):
            name = dotted(node.func)
            if name in BANNED_CALLS:
                yield node.lineno, f"calls {name}()"
            elif name in ("random.Random", "Random") and not node.args:
                yield node.lineno, "makes random numbers without a seed"


def names_of_sets(tree: ast.Module) -> frozenset[str]:
    """Return the names and attributes (`x`, `self.x`) that this module declares as sets."""
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and is_set(node.value, frozenset()):
            found += [dotted(target) for target in node.targets]
        elif isinstance(node, ast.AnnAssign) and is_set_hint(node.annotation):
            # A field of a class is read as an attribute of `self`.
            name = dotted(node.target)
            found += [name, f"self.{name}"]
        elif (
            isinstance(node, ast.arg)
            and node.annotation is not None
            and is_set_hint(node.annotation)
        ):
            found.append(node.arg)
    return frozenset(filter(None, found))


def is_set_hint(node: ast.expr) -> bool:
    base = node.value if isinstance(node, ast.Subscript) else node
    if dotted(base).split(".")[-1] == "Final" and isinstance(node, ast.Subscript):
        return is_set_hint(node.slice)
    return dotted(base).split(".")[-1] in ORDERLESS_HINTS


def is_set(node: ast.expr, names: frozenset[str]) -> bool:
    """Tell whether an expression is a set, as far as this module shows."""
    if isinstance(node, (ast.Set, ast.SetComp)):
        return True
    if isinstance(node, ast.Call):
        method = node.func
        if isinstance(method, ast.Attribute) and method.attr in SET_METHODS:
            return is_set(method.value, names)
        return dotted(node.func) in ORDERLESS
    if isinstance(node, ast.BinOp) and isinstance(
        node.op, (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)
    ):
        return is_set(node.left, names) or is_set(node.right, names)
    return dotted(node) in names


def orders_from_sets(tree: ast.Module) -> Iterator[Fault]:
    names = names_of_sets(tree)
    for node in ast.walk(tree):
        taken: list[ast.expr] = []
        if isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
            taken = [node.iter]
        elif isinstance(node, ast.Starred):
            taken = [node.value]
        elif isinstance(node, ast.Call) and dotted(node.func) in ORDER_TAKERS:
            taken = list(node.args)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "join":
                taken = list(node.args)
            elif node.func.attr == "pop" and not node.args:
                taken = [node.func.value]
        for one in taken:
            if is_set(one, names):
                yield one.lineno, "takes an order from a set"


def statement_lines(tree: ast.Module) -> dict[int, range]:
    """Return for each line those of its statement: the head only, where a statement holds others."""
    spans: dict[int, range] = {}
    # Outer statements come first, so inner ones overwrite them.
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            end = body[0].lineno if body else (node.end_lineno or node.lineno) + 1
            span = range(node.lineno, max(end, node.lineno + 1))
            spans.update(dict.fromkeys(span, span))
    return spans


def faults_of(source: str) -> list[str]:
    """Return every use of the outside world that no comment on its statement excepts with a reason."""
    tree, lines = ast.parse(source), source.splitlines()
    reasons = {
        number: found["reason"].strip()
        for number, line in enumerate(lines, start=1)
        if (found := EXCEPTED.search(line)) is not None
    }
    spans, used, faults = statement_lines(tree), [], []
    for number, what in (*banned_imports(tree), *banned_uses(tree), *orders_from_sets(tree)):
        excepted = [
            line for line in spans.get(number, range(number, number + 1)) if line in reasons
        ]
        used += excepted
        if not excepted:
            faults.append(f"line {number}: {what}")
    for number, reason in reasons.items():
        if len(reason) < 10:
            faults.append(f"line {number}: sim-ok needs a reason")
        elif number not in used and BANNED_MODULE_USED.search(lines[number - 1]) is None:
            faults.append(f"line {number}: sim-ok excepts nothing")
    return sorted(faults)


INSIDE = [path for path in python_files(PACKAGE, "plugins") if relative(path) not in DOORS]


@pytest.mark.parametrize("path", INSIDE, ids=relative)
def test_the_outside_world_comes_through_the_doors_only(path):
    assert faults_of(path.read_text()) == []


def test_the_doors_themselves_would_be_caught():
    for door in DOORS:
        (path,) = (one for one in python_files(PACKAGE) if relative(one) == door)
        assert faults_of(path.read_text()) != []


@pytest.mark.parametrize(
    "source",
    [
        *(
            "import time",
            "from time import monotonic",
            "import uuid",
            "import socket",
            "import secrets",
        ),
        *("from concurrent.futures import Future", "def f():\n    import threading"),
        *("import os\nos.urandom(3)", "import os\nx = os.environ['A']", "from os import environ"),
        *("random.random()", "from random import choice", "random.Random()", "Random()"),
        *("trio.to_thread.run_sync(f)", "from trio import to_thread", "trio.open_tcp_stream(h, p)"),
        *("datetime.now(UTC)", "datetime.datetime.utcnow()", "date.today()"),
        *("open('x')", "with open('x') as f: ...", "key = id(x)", "d[hash(x)] = 1"),
        *("for x in {1, 2}: ...", "[x for x in set(y)]", "list(frozenset(y))", "f(*{1, 2})"),
        *(
            "s = set()\nfor x in s: ...",
            "s: set[int] = f()\ntuple(s)",
            "def f(s: frozenset[str]):\n list(s)",
        ),
        *("class A:\n s: set[int]\n def f(self):\n  for x in self.s: ...", "','.join({a, b})"),
        *("s = {1}\nfor x in s | t: ...", "s = {1}\nfor x in s.union(t): ...", "s = {1}\ns.pop()"),
        *("S: Final[frozenset[str]] = f()\nfor x in S: ...", "{x: 1 for x in {a, b}}"),
    ],
)
def test_a_way_around_the_doors_is_noticed(source):
    assert len(faults_of(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        *(
            "trio.sleep(1)",
            "trio.current_time()",
            "env.wall_ns()",
            "datetime.fromtimestamp(1, tz=UTC)",
        ),
        *("rng: random.Random", "random.Random(seed)", "rng.random()", "self.rng.choice(x)"),
        *("for x in sorted({1, 2}): ...", "len({1})", "x in {1, 2}", "s = set()\ns.add(1)"),
        *("for x in [1, 2]: ...", "path.read_text()", "row.id", "import os\nos.getpid()"),
        *("for x in d.values(): ...", "min({1, 2})", "d = {}\nd.pop(1)", "lst = [1]\nlst.pop()"),
    ],
)
def test_honest_code_is_left_alone(source):
    assert faults_of(source) == []


def test_one_line_can_be_excepted_with_a_reason_and_only_then():
    assert faults_of("import socket  # sim-ok: systemd's notify socket is outside of any run") == []
    assert faults_of("import socket  # sim-ok") == ["line 1: sim-ok needs a reason"]
    assert faults_of("import socket  # sim-ok: yes") == ["line 1: sim-ok needs a reason"]


def test_a_comment_covers_its_whole_statement_and_no_other():
    source = "x = f(\n    trio.socket\n)  # sim-ok: never in a simulation\ny = trio.socket\n"
    assert faults_of(source) == ["line 4: uses trio.socket"]
    source = "with open('x'):  # sim-ok: a reason long enough\n    open('y')\n"
    assert faults_of(source) == ["line 2: calls open()"]


def test_an_exception_that_excepts_nothing_is_noticed():
    assert faults_of("x = 1  # sim-ok: a leftover of earlier days") == [
        "line 1: sim-ok excepts nothing"
    ]

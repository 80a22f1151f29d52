"""Files and functions stay short enough to be read, and say what they are for."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.sources import python_files, relative

FUNCTION_LINES_MAX = 70
"""The hard stop, docstring not counted; the aim is 40."""
FILE_LINES_MAX = 400
"""The hard stop; the aim is 100, and 300 is much."""
LONGER_FILES: dict[str, tuple[int, str]] = {}
"""Files that may be longer, each with its bound and the reason."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = Function | ast.ClassDef


def lines_without_docstring(function: Function) -> int:
    """Return how long a function is, from its `def` to its end."""
    assert function.end_lineno is not None
    length = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is not None:
        text = function.body[0]
        assert text.end_lineno is not None
        length -= text.end_lineno - text.lineno + 1
    return length


def long_functions(source: str) -> list[str]:
    """Return the functions that are too long to be read."""
    return [
        f"line {node.lineno}: {node.name} has {lines_without_docstring(node)} lines"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, Function) and lines_without_docstring(node) > FUNCTION_LINES_MAX
    ]


def long_file(source: str, limit: int = FILE_LINES_MAX) -> list[str]:
    """Return the fault of a file that is too long."""
    lines = len(source.splitlines())
    return [f"{lines} lines, {limit} is the limit"] if lines > limit else []


def public_things(body: list[ast.stmt]) -> Iterator[Documented]:
    """Yield public functions and classes, and those inside public classes."""
    for node in body:
        if not isinstance(node, Documented) or node.name.startswith("_"):
            continue
        decorators = [ast.unparse(one) for one in node.decorator_list]
        # An overload or a property's setter is told by its first definition.
        if any(one.endswith((".setter", "overload")) for one in decorators):
            continue
        yield node
        if isinstance(node, ast.ClassDef):
            yield from public_things(node.body)


def undocumented(source: str) -> list[str]:
    """Return the module and the public things that say nothing about themselves."""
    tree = ast.parse(source)
    faults = [] if ast.get_docstring(tree) else ["the module has no docstring"]
    faults += [
        f"line {node.lineno}: {node.name} has no docstring"
        for node in public_things(tree.body)
        if not ast.get_docstring(node)
    ]
    return faults


@pytest.mark.parametrize(
    "path", python_files("traderd", "plugins", "benchmarks", "tests"), ids=relative
)
def test_functions_are_short(path):
    assert long_functions(path.read_text()) == []


@pytest.mark.parametrize("path", python_files("traderd", "plugins", "benchmarks"), ids=relative)
def test_files_are_short_and_say_what_they_are_for(path):
    limit, _ = LONGER_FILES.get(relative(path), (FILE_LINES_MAX, ""))
    assert long_file(path.read_text(), limit) == []
    assert undocumented(path.read_text()) == []


def test_a_function_that_is_too_long_is_noticed():
    body = "    x = 1\n" * FUNCTION_LINES_MAX
    assert long_functions(f"def f():\n{body}") == ["line 1: f has 71 lines"]
    assert long_functions(f"class A:\n  async def f(self):\n{body}") != []


def test_a_long_docstring_does_not_make_a_function_long():
    text = "    line\n" * 100
    assert long_functions(f'def f():\n    """Say.\n\n{text}    """\n    return 1\n') == []


def test_a_file_that_is_too_long_is_noticed():
    assert long_file("x = 1\n" * FILE_LINES_MAX) == []
    assert long_file("x = 1\n" * (FILE_LINES_MAX + 1)) == ["401 lines, 400 is the limit"]


def test_silence_is_noticed():
    source = "class A:\n  def f(self): ...\n  def _g(self): ...\ndef h(): ...\nclass _B: ...\n"
    assert undocumented(source) == [
        "the module has no docstring",
        "line 1: A has no docstring",
        "line 2: f has no docstring",
        "line 4: h has no docstring",
    ]

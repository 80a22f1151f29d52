"""Every hook is explained and used: one that no plugin implements is not shipped."""

import ast
import importlib
import inspect
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from tests.architecture.sources import python_files

PREFIX = "traderd_"


def functions_in(source: str) -> list[str]:
    """Return the names of hook functions that a file defines, at any depth."""
    return [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.name.startswith(PREFIX)
    ]


def unexplained(source: str) -> list[str]:
    """Return the hooks of hookspecs without a docstring."""
    return [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith(PREFIX)
        and not ast.get_docstring(node)
    ]


def asynchronous(source: str) -> list[str]:
    """Return hooks that are coroutines: pluggy would call them and nobody would await."""
    return [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.AsyncFunctionDef) and node.name.startswith(PREFIX)
    ]


def unused(hooks: Iterable[str], plugin_sources: Iterable[str]) -> list[str]:
    """Return the hooks that no plugin implements."""
    implemented = [name for source in plugin_sources for name in functions_in(source)]
    return [hook for hook in hooks if hook not in implemented]


def unknown(hooks: Iterable[str], plugin_sources: Iterable[str]) -> list[str]:
    """Return implementations of hooks that do not exist."""
    known = list(hooks)
    return [name for source in plugin_sources for name in functions_in(source) if name not in known]


def hookspecs_source() -> str:
    return inspect.getsource(importlib.import_module("traderd.hookspecs"))


def plugin_sources() -> list[str]:
    """Return the sources of all built-in services and drop-in plugins."""
    manager = importlib.import_module("traderd.plugin_manager")
    built_in = [find_spec(name) for name in manager.BUILT_IN_PLUGINS]
    origins = [
        Path(spec.origin) for spec in built_in if spec is not None and spec.origin is not None
    ]
    assert len(origins) == len(manager.BUILT_IN_PLUGINS), "a built-in plugin cannot be found"
    # A name that begins with _ is no plugin: the manager passes it over, too.
    drop_ins = [path for path in python_files("plugins") if not path.name.startswith("_")]
    return [path.read_text() for path in [*origins, *drop_ins]]


def test_every_hook_is_explained_and_synchronous():
    source = hookspecs_source()
    assert functions_in(source) != []
    assert unexplained(source) == []
    assert asynchronous(source) == []


def test_every_hook_is_used_by_a_real_plugin():
    assert unused(functions_in(hookspecs_source()), plugin_sources()) == []


def test_every_implementation_has_its_hook():
    assert unknown(functions_in(hookspecs_source()), plugin_sources()) == []


def test_every_plugin_of_ours_implements_something():
    assert [source[:80] for source in plugin_sources() if not functions_in(source)] == []


SPECS = 'def traderd_a():\n    """Say."""\ndef traderd_b(): ...\nasync def traderd_c(): "s"\n'


def test_a_silent_or_unused_hook_is_noticed():
    assert functions_in(SPECS) == ["traderd_a", "traderd_b", "traderd_c"]
    assert unexplained(SPECS) == ["traderd_b"]
    assert asynchronous(SPECS) == ["traderd_c"]
    plugin = "class P:\n    def traderd_a(self): ...\n    def traderd_typo(self): ..."
    assert unused(functions_in(SPECS), [plugin]) == ["traderd_b", "traderd_c"]
    assert unknown(functions_in(SPECS), [plugin]) == ["traderd_typo"]

"""Whether a module fits: its syntax, the version it asks for, its imports, and each of its hooks, with file and line.

Owns: the sentence and the cure of everything that can be wrong with a plugin before it is used.
Must not: register or call a plugin.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import linecache
import re
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Final

import attrs

from traderd import __version__, hookspecs, plugin_api
from traderd.plugin_api import API_VERSION, PROJECT_NAME
from traderd.runtime.log_text import mask_texts

HOOKS: Final = tuple(name for name in vars(hookspecs) if name.startswith("traderd_"))
PREFIX: Final = "traderd_"
MARKER: Final = f"{PROJECT_NAME}_impl"
"""The attribute by which pluggy knows a function that @hookimpl decorates."""
DEMAND: Final = "TRADERD_API"
"""The name under which a module says which traderd it was written for."""
LIKE: Final = 0.6
"""How alike (0 to 1) two words must be for one to be suggested."""
DECORATORS_MAX: Final = 20
"""Bounds the lines between a function's first decorator and its `def`."""
TEXT_MAX: Final = 300
"""Bounds what an error of a plugin may write into a sentence."""


class PluginFault(Exception):
    """A plugin cannot be used: why, where, and what to do about it."""

    def __init__(self, reason: str, cure: str = "", line: int | None = None) -> None:
        super().__init__(reason, cure, line)
        self.reason, self.cure, self.line = reason, cure, line

    def __str__(self) -> str:
        return f"{self.reason}; {self.cure}" if self.cure else self.reason


@attrs.frozen(kw_only=True)
class SourceFacts:
    """What the text of a module tells without being run."""

    demand: str | None = None
    """What it says under TRADERD_API."""
    demand_line: int | None = None
    strategies: tuple[str, ...] = ()
    """Names of strategies that it would offer, as far as they are written out."""


def read_source(source: bytes, path: Path) -> SourceFacts:
    """Return what a module's text tells; raises PluginFault when it is no Python or asks for another traderd."""
    try:
        tree = ast.parse(source, str(path))
    except (SyntaxError, ValueError, RecursionError) as exc:
        line = getattr(exc, "lineno", None)
        words = exc.msg if isinstance(exc, SyntaxError) else str(exc)
        raise PluginFault(
            f"it cannot be imported: {type(exc).__name__}: {words}"
            + (f" (line {line})" if line else ""),
            "correct the line",
            line,
        ) from exc
    facts = SourceFacts(
        **_demand_in(tree), strategies=tuple(dict.fromkeys(_strategies_in(tree, path)))
    )
    check_demand(facts.demand, facts.demand_line)
    return facts


def strategies_of(path: Path) -> tuple[str, ...]:
    """Return the strategies that a file probably offers, also when it cannot be used: its own name and those written out."""
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return (path.stem,)
    return tuple(dict.fromkeys([path.stem, *_strategies_in(tree, path)]))


def hooks_in(source: bytes) -> tuple[str, ...]:
    """Return the hooks that a module's text defines, also when it is no valid Python."""
    text = source.decode(errors="replace")
    return tuple(
        name for name in HOOKS if re.search(rf"^\s*(async\s+)?def\s+{name}\b", text, re.MULTILINE)
    )


def _demand_in(tree: ast.Module) -> dict[str, Any]:
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(target, ast.Name) and target.id == DEMAND for target in targets):
            text = node.value.value if isinstance(node.value, ast.Constant) else None
            if not isinstance(text, str):
                raise PluginFault(
                    f"{DEMAND} must be a text", f'write {DEMAND} = "{API_VERSION}"', node.lineno
                )
            return {"demand": text, "demand_line": node.lineno}
    return {}


def _strategies_in(tree: ast.Module, path: Path) -> Iterable[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or "StrategySpec" not in ast.unparse(node.func):
            continue
        for word in node.keywords:
            if word.arg == "name" and isinstance(word.value, ast.Constant):
                yield str(word.value.value)


def check_demand(demand: str | None, line: int | None = None) -> None:
    """Raise PluginFault when a module was written for another traderd.

    A plain number names the version of the plugin interface; anything else is a requirement on traderd's own version, such
    as ">=0.1,<0.3".
    """
    if demand is None or demand == API_VERSION:
        return
    if demand.isdecimal():
        raise PluginFault(
            f"it was written for version {demand} of the plugin interface, this traderd has {API_VERSION}",
            f"see docs/plugins.md for what changed, then write {DEMAND} = {API_VERSION!r}",
            line,
        )
    # Half a megabyte, and few plugins ask for a version of traderd.
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        wanted = SpecifierSet(demand)
    except InvalidSpecifier as exc:
        raise PluginFault(
            f"{DEMAND} = {demand!r} is no version",
            f'write the version of the interface, "{API_VERSION}", or a requirement such as ">=0.1,<0.3"',
            line,
        ) from exc
    if not wanted.contains(__version__, prereleases=True):
        raise PluginFault(
            f"it asks for traderd {demand}, this is {__version__}",
            "install that traderd, or a plugin for this one",
            line,
        )


def import_fault(error: BaseException, path: Path) -> PluginFault:
    """Return what a failed import means: which package or name is missing, in which line, and what to do."""
    line = next(
        (
            frame.lineno
            for frame in reversed(traceback.extract_tb(error.__traceback__))
            if frame.filename == str(path)
        ),
        None,
    )
    words = f"it cannot be imported: {type(error).__name__}: {str(error)[:TEXT_MAX]}"
    cure = "correct the line, or take the file away"
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        if package == PROJECT_NAME:
            cure = f"import from {PROJECT_NAME}.plugin_api only"
        else:
            cure = f"install what it needs: {sys.executable} -m pip install {package}"
    elif isinstance(error, ImportError) and error.name == f"{PROJECT_NAME}.plugin_api":
        # Python 3.11 has the name in its words only.
        missing = re.search(r"cannot import name '(\w+)'", str(error))
        cure = _did_you_mean(missing[1] if missing else "", plugin_api.__all__) or (
            f"{PROJECT_NAME}.plugin_api has: {', '.join(plugin_api.__all__)}"
        )
    return PluginFault(words + (f" (line {line})" if line else ""), cure, line)


def check_hooks(module: Any) -> tuple[str, ...]:
    """Return the hooks of a module, in the order of `hookspecs`.

    Raises:
        PluginFault: a hook is misspelled, undecorated, asynchronous, or has arguments that it is not given; or there is none.
    """
    found: list[str] = []
    for name in dir(module):
        thing = getattr(module, name)
        thing = getattr(thing, "__func__", thing)
        if not isinstance(thing, FunctionType):
            continue
        line = _line_of(thing)
        is_marked = hasattr(thing, MARKER)
        is_own = thing.__module__ == getattr(module, "__name__", thing.__module__)
        if not is_marked and not (name.startswith(PREFIX) and is_own):
            continue
        if name not in HOOKS:
            raise PluginFault(
                f"its hooks do not fit: there is no hook {name}",
                _did_you_mean(name, HOOKS) or f"known hooks are {', '.join(HOOKS)}",
                line,
            )
        if not is_marked:
            raise PluginFault(
                f"it has no hook: {name} is not decorated", "write @hookimpl above it", line
            )
        _check_signature(name, thing, line)
        found.append(name)
    if not found:
        raise PluginFault(
            "it has no hook", f"decorate {' or '.join(HOOKS)} with @hookimpl, or take the file away"
        )
    return tuple(name for name in HOOKS if name in found)


def _check_signature(name: str, function: FunctionType, line: int) -> None:
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise PluginFault(
            f"its hook {name} is `async def`",
            "hooks are plain functions that describe; write `def`",
            line,
        )
    if inspect.isgeneratorfunction(function):
        raise PluginFault(f"its hook {name} yields", "return a list", line)
    known = arguments_of(name)
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "self":
            continue
        is_open = parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
        if is_open or (parameter.name not in known and parameter.default is parameter.empty):
            raise PluginFault(
                f"its hooks do not fit: {name} is not given {parameter.name!r}",
                _did_you_mean(parameter.name, known)
                or (f"it may take: {', '.join(known)}" if known else "it takes no argument"),
                line,
            )


def check_answer(hook: str, answer: object, kind: type, module: object) -> list[Any]:
    """Return what a hook answered as a list; raises PluginFault unless it is a list or tuple of `kind`."""
    line = line_of_hook(module, hook)
    if not isinstance(answer, list | tuple):
        wrong = type(answer).__name__
        hint = f"write `return [...]` around the {wrong}" if isinstance(answer, kind) else ""
        raise PluginFault(
            f"its hook failed: {hook} must return a list of {kind.__name__}, it returned {_article(wrong)}",
            hint or f"return [] or a list of {kind.__name__}",
            line,
        )
    for item in answer:
        if not isinstance(item, kind):
            raise PluginFault(
                f"its hook failed: {hook} must return a list of {kind.__name__}, one item is "
                f"{_article(type(item).__name__)}",
                f"return {kind.__name__} objects only",
                line,
            )
    return list(answer)


def call_fault(
    hook: str, error: BaseException, module: object, hidden: Iterable[str] = ()
) -> PluginFault:
    """Return what it means that a hook raised: in the plugin's own line where one is known, without the `hidden` texts."""
    if isinstance(error, PluginFault):
        return error
    where = getattr(module, "__file__", None)
    line = next(
        (
            frame.lineno
            for frame in reversed(traceback.extract_tb(error.__traceback__))
            if frame.filename == where
        ),
        line_of_hook(module, hook),
    )
    return PluginFault(
        f"its hook failed: {hook} raised {type(error).__name__}: {mask_texts(str(error), hidden)[:TEXT_MAX]}",
        "correct it; hooks only describe and must not fail",
        line,
    )


def arguments_of(hook: str) -> tuple[str, ...]:
    """Return the names of the arguments that a hook may take."""
    return tuple(inspect.signature(getattr(hookspecs, hook)).parameters)


def line_of_hook(module: object, hook: str) -> int | None:
    """Return the line in which a module defines a hook, None when it has none that is a function."""
    function = getattr(module, hook, None)
    return _line_of(function) if isinstance(function, FunctionType) else None


def _line_of(function: FunctionType) -> int:
    inner = inspect.unwrap(function)
    code: CodeType = inner.__code__
    first = code.co_firstlineno
    # Python counts a function from its first decorator; a person looks for its `def`.
    for number in range(first, first + DECORATORS_MAX):
        if re.match(r"\s*(async\s+)?def\s", linecache.getline(code.co_filename, number)):
            return number
    return first


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=LIKE)
    return f"did you mean {near[0]}?" if near else ""


def nearest_first(word: str, known: Iterable[str]) -> list[str]:
    """Return the names, those first that look most like the word."""
    by_likeness = difflib.SequenceMatcher(b=word.lower())

    def likeness(name: str) -> float:
        by_likeness.set_seq1(name.lower())
        return by_likeness.ratio()

    return sorted(known, key=likeness, reverse=True)


def _article(word: str) -> str:
    return f"an {word}" if word[:1].lower() in "aeiou" else f"a {word}"

"""The verbs about strategies that people have, and what their bodies may hold.

Owns: the reading of `release-strategy` and `set-strategy-parameter`.
Must not: judge values; the strategy's parameters do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from traderd.errors import BadInput
from traderd.model.commands import Command
from traderd.model.ids import StrategyName
from traderd.model.strategy_commands import ReleaseStrategy, SetStrategyParameter

TEXT_MAX: Final = 200
"""Bounds a name or a value, which the journal keeps."""


def _text(body: dict[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str) or len(value) > TEXT_MAX or (default is None and not value):
        raise BadInput(f"{name!r} must be a text of 1 to {TEXT_MAX} characters")
    return value


def _set(body: dict[str, Any]) -> Command:
    return SetStrategyParameter(
        strategy=StrategyName(_text(body, "strategy")),
        name=_text(body, "name"),
        value=_text(body, "value"),
        by=_text(body, "author", ""),
    )


def _release(body: dict[str, Any]) -> Command:
    name = StrategyName(_text(body, "strategy"))
    return ReleaseStrategy(strategy=name, by=_text(body, "author", ""))


STRATEGY_VERBS: Final[dict[str, tuple[Callable[[dict[str, Any]], Command], tuple[str, ...]]]] = {
    "set-strategy-parameter": (_set, ("strategy", "name", "value", "author")),
    "release-strategy": (_release, ("strategy", "author")),
}

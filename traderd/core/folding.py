"""What a fold is, and the two that are needed again and again.

Owns: the shape of the engine's table of folds.
Must not: know what is folded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from traderd.model.events import Event

Fold: TypeAlias = Callable[[Any], list[Event] | None]
"""Takes an event into the state and returns what follows from it; None when it is no news, so nobody must hear it."""


def nothing(_: Event) -> list[Event]:
    """Fold an event that is only kept and told."""
    return []


def quiet(fold: Callable[[Any], object]) -> Fold:
    """Wrap a fold from which nothing follows."""

    def folded(event: Any) -> list[Event]:
        fold(event)
        return []

    return folded


def both(fold: Fold | None, watch: Fold) -> Fold:
    """Return a fold that does the one, then the other; what is no news to the first is not told to the second."""
    if fold is None:
        return watch
    first = fold

    def folded(event: Any) -> list[Event] | None:
        told = first(event)
        return None if told is None else [*told, *(watch(event) or ())]

    return folded

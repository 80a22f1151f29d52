"""What of the engine a replay of the journal makes, taken out of one engine and put into another.

Owns: which fields these are. What comes from the settings, from plugins or from market data is left out, so a checkpoint
is true under other settings as well.
Must not: know files, or decide when.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import attrs

from traderd.core.engine import Engine
from traderd.core.state_rows import Parts, write_rows

ENGINE: Final = "engine"
LEFT_OUT: Final[dict[str, frozenset[str]]] = {
    ENGINE: frozenset({
        *("limits", "market_data", "denials", "services", "restarts", "recovering"),
        *("health", "health_history"),
        # Their fields are parts of their own, because other parts of the engine hold on to these objects.
        *("orders", "groups", "ledger", "account", "conditions", "risk", "ticks", "requests"),
        "_folds",
    }),
    "orders": frozenset(),
    "groups": frozenset(),
    "ledger": frozenset(),
    "account": frozenset(),
    "conditions": frozenset({"breaker_limit", "venue_paused", "markets_paused", "degraded"}),
    "risk": frozenset({
        *("errors", "why", "rules", "_exclusive", "_event_of", "_markets_of"),
    }),
    "errors": frozenset({"window", "percent"}),
    "ticks": frozenset({"_rows", "_kept", "_sentence", "ticks", "reports", "reported_at"}),
    "requests": frozenset(),
}
"""The parts of a checkpoint, and which of their fields no journaled event changes; every other field is in it."""


def take(engine: Engine) -> Iterator[bytes]:
    """Yield the rows of a checkpoint of an engine that has folded the journal and nothing else.

    Nobody may change the engine until all are taken.
    """
    return write_rows({
        name: {field: getattr(part, field) for field in _fields(name, part)}
        for name, part in _parts(engine).items()
    })


def put(engine: Engine, parts: Parts) -> None:
    """Bring a fresh engine to where another one was; all or nothing.

    Raises:
        LookupError: the checkpoint has not just the parts and fields of this engine; nothing was changed.
    """
    own = _parts(engine)
    if {name: _fields(name, part) for name, part in own.items()} != {
        name: tuple(fields) for name, fields in parts.items()
    }:
        raise LookupError("the checkpoint has other fields than the engine")
    for name, fields in parts.items():
        for field, value in fields.items():
            setattr(own[name], field, value)


def _parts(engine: Engine) -> dict[str, Any]:
    return {
        ENGINE: engine,
        "orders": engine.orders,
        "groups": engine.groups,
        "ledger": engine.ledger,
        "account": engine.account,
        "conditions": engine.conditions,
        "risk": engine.risk,
        "errors": engine.risk.errors,
        "ticks": engine.ticks,
        "requests": engine.requests,
    }


def _fields(name: str, part: Any) -> tuple[str, ...]:
    left_out = LEFT_OUT[name]
    return tuple(field.name for field in attrs.fields(type(part)) if field.name not in left_out)

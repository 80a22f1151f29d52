"""Halts, pauses and health as documents.

Owns: their field names, which consoles and programs read.
Must not: hold state.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from traderd.core.order import Order
from traderd.core.view import StateView
from traderd.model import events as ev
from traderd.model.orders import OrderStatus
from traderd.model.units import format_time
from traderd.services.health_cures import cure_of

Document: TypeAlias = dict[str, Any]


def conditions_document(view: StateView) -> Document:
    """Return everything that stops new risk, or that is not well."""
    conditions = view.conditions
    return {
        "halts": [halt_document(halt) for halt in conditions.halts.values()],
        "paused": conditions.paused,
        "pauses": [pause_document(pause) for pause in conditions.pauses.values()],
        "venue_paused": conditions.venue_paused,
        "degraded": dict(conditions.degraded),
        "orders_in_doubt": orders_in_doubt(view),
        "health_parts": parts_document(view),
        "health_history": health_history_document(view),
    }


def orders_in_doubt(view: StateView) -> list[Document]:
    """Return the orders of which nobody knows whether they rest, or by which terms; their markets are fenced."""
    return [
        {"key": order.key, "ticker": order.ticker, "sentence": _doubt(order)}
        for order in view.live_orders()
        if order.status is OrderStatus.UNKNOWN or order.terms_unknown
    ]


def _doubt(order: Order) -> str:
    what = "whether it was placed" if order.status is OrderStatus.UNKNOWN else "how it was changed"
    return (
        f"order {order.key}: it is not known {what}; the daemon is finding out, and {order.ticker} takes no new risk "
        "until then"
    )


def problems_of(view: StateView) -> list[str]:
    """Return what is not well: the last health check's problems, and every order in doubt now."""
    checked = [] if view.health is None else list(view.health.problems)
    return checked + [one["sentence"] for one in orders_in_doubt(view)]


def halt_document(halt: ev.HaltRaised) -> Document:
    """Return one halt."""
    return {
        "id": halt.halt_id,
        "author": halt.author.value,
        "by": halt.by,
        "reason": halt.reason,
        "ticker": halt.ticker,
        "strategy": halt.strategy,
        "raised_at": format_time(halt.at),
    }


def pause_document(pause: ev.TradingPaused) -> Document:
    """Return one pause."""
    return {
        "by": pause.by,
        "reason": pause.reason,
        "ticker": pause.ticker,
        "strategy": pause.strategy,
        "paused_at": format_time(pause.at),
    }


def health_word(view: StateView) -> str:
    """Return `healthy`, `degraded` or `unhealthy`; before the first check `unhealthy`."""
    health = view.health
    if health is None or not health.healthy:
        return "unhealthy"
    return "degraded" if problems_of(view) else "healthy"


def health_document(view: StateView, *, environment: str, uptime_s: float) -> Document:
    """Return the short answer of `/v3/health`."""
    health = view.health
    return {
        "environment": environment,
        "health": health_word(view),
        "problems": problems_of(view) if health is not None else ["not checked yet"],
        "checked_at": None if health is None else format_time(health.at),
        "state": view.state.value,
        "uptime_s": uptime_s,
        "parts": parts_document(view),
        "history": health_history_document(view),
    }


def parts_document(view: StateView) -> list[Document]:
    """Return how each part of health stands, critical ones first."""
    return [
        {
            "name": part.name,
            "critical": part.critical,
            "status": part.status.value,
            "value": part.value,
            "limit": part.limit,
            "sentence": part.sentence,
            "cure": cure_of(part.name),
        }
        for part in (() if view.health is None else view.health.parts)
    ]


def health_history_document(view: StateView) -> list[Document]:
    """Return the newest checks that found something else than the one before, oldest first."""
    return [
        {
            "checked_at": format_time(one.at),
            "health": _word(one),
            "problems": list(one.problems),
        }
        for one in view.health_history
    ]


def _word(health: ev.HealthChecked) -> str:
    if not health.healthy:
        return "unhealthy"
    return "degraded" if health.problems else "healthy"

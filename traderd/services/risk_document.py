"""What the risk gate remembers, as a JSON document.

Owns: the shapes of `risk` and `denials` in `/v3/status`.
Must not: compute anything that the view does not tell.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from traderd.core.view import StateView
from traderd.model.units import Money, format_money, format_time

Document: TypeAlias = dict[str, Any]


def denials_document(view: StateView) -> list[Document]:
    """Return why no trade: what each rule refused to each strategy or person, the newest first."""
    return [
        {
            "owner": one.owner,
            "rule": one.rule,
            "control": one.control,
            "count": one.count,
            "number": one.number,
            "limit": one.limit,
            "last_sentence": one.sentence,
            "last_at": format_time(one.at),
        }
        for one in view.risk.why.all()
    ]


def risk_document(view: StateView) -> Document:
    """Return the limits and what the loss limits go by."""
    loss = view.risk.loss
    return {
        "limits": view.limits.words(),
        "day": loss.day or None,
        "profit_dollars": _money(loss.profit),
        "day_start_dollars": format_money(loss.day_start) if loss.day else None,
        "peak_dollars": format_money(loss.peak) if loss.day else None,
        "daily_loss_dollars": format_money(loss.daily_loss),
        "drawdown_dollars": format_money(loss.drawdown),
        "errors_of_last_answers": view.risk.errors.errors,
        "plugin_rules": [rule.name for rule in view.risk.rules],
    }


def _money(money: Money | None) -> str | None:
    return None if money is None else format_money(money)

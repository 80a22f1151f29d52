"""Which verb is which command, and what its JSON body may hold.

Owns: the verbs that people have, and the refusal of bodies that are not exactly what a verb takes.
Must not: judge what is asked beyond its shape, or send it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from traderd.errors import BadInput
from traderd.model import commands as cm
from traderd.model.ids import MarketTicker, StrategyName
from traderd.model.orders import (
    Attribution,
    OrderOwner,
    OrderTerms,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from traderd.model.plugin_commands import DisablePlugin, EnablePlugin, ReloadPlugin
from traderd.model.units import Count, Price, parse_count, parse_price
from traderd.services.documents import Document
from traderd.services.notice_verbs import NOTICE_VERBS
from traderd.services.strategy_verbs import STRATEGY_VERBS

AUTHOR_MAX: Final = 80
"""Bounds a name, which the journal keeps."""
TICKER_MAX: Final = 64
"""Bounds a ticker; Kalshi's are shorter, and a refusal shows it back."""
REASON_MAX: Final = 200
"""Bounds a reason, which every refusal that it causes shows."""
NAME_MAX: Final = 200
"""Bounds a key, a name or a number, which a refusal shows back."""
ITEM_MAX: Final = 100
"""Bounds the name of a difference: a ticker and what stands before it."""
BY_PERSON: Final = "asked for by a person"


def refuse_unknown(body: Document, fields: tuple[str, ...]) -> None:
    """Refuse a body with a field that its verb does not have; raises BadInput."""
    # A misspelled `time_in_force` that is passed over would be an order that nobody asked for.
    for name in body:
        if name not in fields:
            known = ", ".join(fields) or "none"
            raise BadInput(f"there is no field {name!r}; known are: {known}")


def _text(body: Document, name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        # Numbers of JSON are floats to many programs, and money is never one.
        raise BadInput(f'{name!r} must be in quotes, as "{value}"')
    if not isinstance(value, str) or not value:
        raise BadInput(f"{name!r} must be a text that is not empty")
    if len(value) > NAME_MAX and name != "ticker":
        raise BadInput(f"{name!r} must be a text of 1 to {NAME_MAX} characters")
    return value


def _ticker_or_none(body: Document) -> MarketTicker | None:
    return None if body.get("ticker") is None else _ticker(body)


def _ticker(body: Document) -> MarketTicker:
    text = _text(body, "ticker")
    if len(text) > TICKER_MAX:
        raise BadInput(f"no ticker has {len(text)} characters: {text[:TICKER_MAX]!r}...")
    return MarketTicker(text)


def _choice(body: Document, name: str, words: dict[str, Any], default: str | None = None) -> Any:
    word = _text(body, name, default)
    if word not in words:
        raise BadInput(f"{name!r} must be one of {', '.join(words)}, not {word!r}")
    return words[word]


def _flag(body: Document, name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise BadInput(f"{name!r} must be true or false")
    return value


def _place(body: Document) -> cm.PlaceOrder:
    return cm.PlaceOrder(
        terms=OrderTerms(
            ticker=_ticker(body),
            side=_choice(body, "side", {side.value: side for side in Side}),
            price=_price(body, "price_dollars"),
            count=_count(body, "count"),
            time_in_force=_choice(
                body,
                "time_in_force",
                {each.value: each for each in TimeInForce},
                TimeInForce.GOOD_TILL_CANCELED.value,
            ),
            post_only=_flag(body, "post_only"),
            reduce_only=_flag(body, "reduce_only"),
            self_trade_prevention=_choice(
                body,
                "self_trade_prevention",
                {each.value: each for each in SelfTradePrevention},
                SelfTradePrevention.TAKER_AT_CROSS.value,
            ),
        ),
        attribution=Attribution(owner=OrderOwner.PERSON),
        expires_in_s=_seconds_or_none(body, "expires_in_s"),
    )


def _place_many(body: Document) -> cm.PlaceOrders:
    items = body.get("orders")
    if not isinstance(items, list) or not items:
        raise BadInput("'orders' must be a list of orders that is not empty")
    if len(items) > cm.PLACES_MAX:
        raise BadInput(f"place at most {cm.PLACES_MAX} orders at a time, not {len(items)}")
    return cm.PlaceOrders(orders=tuple(_item(item, number) for number, item in enumerate(items, 1)))


def _item(item: object, number: int) -> cm.PlaceOrder:
    if not isinstance(item, dict):
        raise BadInput(f"order {number} of the list is not a JSON object")
    try:
        refuse_unknown(item, PLACE_FIELDS)
        return _place(item)
    except BadInput as exc:
        raise BadInput(f"order {number} of the list: {exc}; none was placed") from exc


def _amend(body: Document) -> cm.AmendOrder:
    return cm.AmendOrder(
        key=_text(body, "key"),
        price=None if body.get("price_dollars") is None else _price(body, "price_dollars"),
        count=_count_or_none(body, "count"),
    )


def _decrease(body: Document) -> cm.DecreaseOrder:
    return cm.DecreaseOrder(
        key=_text(body, "key"), by=_count_or_none(body, "by"), to=_count_or_none(body, "to")
    )


def _price(body: Document, name: str) -> Price:
    return parse_price(_text(body, name), what=name)


def _count(body: Document, name: str) -> Count:
    return parse_count(_text(body, name), what=name)


def _count_or_none(body: Document, name: str) -> Count | None:
    return None if body.get(name) is None else _count(body, name)


def _seconds_or_none(body: Document, name: str) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadInput(f"{name!r} must be a whole number of seconds")
    return value


def _strategy_or_none(body: Document) -> StrategyName | None:
    return None if body.get("strategy") is None else StrategyName(_text(body, "strategy"))


def _scope(body: Document) -> dict[str, Any]:
    return {"ticker": _ticker_or_none(body), "strategy": _strategy_or_none(body)}


def _by(body: Document) -> str:
    name = body.get("author", "")
    if not isinstance(name, str) or len(name) > AUTHOR_MAX:
        raise BadInput(f"'author' must be a name of at most {AUTHOR_MAX} characters")
    return name


def _reason(body: Document) -> str:
    reason = _text(body, "reason", BY_PERSON)
    if len(reason) > REASON_MAX or not reason.strip():
        raise BadInput(f"'reason' must be a text of 1 to {REASON_MAX} characters")
    return reason


def _plugin(body: Document) -> dict[str, Any]:
    return {"plugin": _text(body, "plugin"), "by": _by(body)}


def _flatten(body: Document) -> cm.Flatten:
    at_worst = None if body.get("at_worst_dollars") is None else _price(body, "at_worst_dollars")
    return cm.Flatten(**_scope(body), at_worst=at_worst, by=_by(body))


def _kill(body: Document) -> cm.Kill:
    return cm.Kill(
        reason=_reason(body),
        only_ours=_flag(body, "only_ours"),
        wait=not _flag(body, "no_wait"),
        by=_by(body),
    )


def _reconcile(body: Document) -> cm.Reconcile:
    return cm.Reconcile(adopt=_items(body, "adopt"), ignore=_items(body, "ignore"), by=_by(body))


def _items(body: Document, name: str) -> tuple[str, ...]:
    value = body.get(name, [])
    if not isinstance(value, list) or not all(
        isinstance(item, str) and 0 < len(item) <= ITEM_MAX for item in value
    ):
        raise BadInput(
            f"{name!r} must be a list of items, each a text of 1 to {ITEM_MAX} characters"
        )
    return tuple(value)


def _or_dry(parse: Callable[[Document], Any]) -> Callable[[Document], cm.Command]:
    """Let a verb be asked what it would do."""

    def parsed(body: Document) -> cm.Command:
        command: cm.Command = parse(body)
        # Judged before the flag, so that a dry run refuses what the real one would.
        return cm.DryRun(of=command) if _flag(body, "dry_run") else command  # type: ignore[arg-type]

    return parsed


SCOPE_FIELDS: Final = ("ticker", "strategy")
HALT_FIELDS: Final = ("author", "dry_run")
PLUGIN_FIELDS: Final = ("plugin", "author")
PLACE_FIELDS: Final = (
    "ticker",
    "side",
    "price_dollars",
    "count",
    "time_in_force",
    "post_only",
    "reduce_only",
    "expires_in_s",
    "self_trade_prevention",
)

VERBS: Final[dict[str, tuple[Callable[[Document], cm.Command], tuple[str, ...]]]] = {
    "place": (_place, PLACE_FIELDS),
    "place-orders": (_place_many, ("orders",)),
    "amend": (_amend, ("key", "price_dollars", "count")),
    "decrease": (_decrease, ("key", "by", "to")),
    "cancel": (
        _or_dry(lambda body: cm.CancelOrder(key=_text(body, "key"))),
        ("key", "dry_run"),
    ),
    "cancel-all": (
        _or_dry(lambda body: cm.CancelOrders(**_scope(body))),
        (*SCOPE_FIELDS, "dry_run"),
    ),
    "pause": (
        _or_dry(lambda body: cm.Pause(reason=_reason(body), **_scope(body), by=_by(body))),
        ("reason", *SCOPE_FIELDS, *HALT_FIELDS),
    ),
    "resume": (
        _or_dry(lambda body: cm.Resume(**_scope(body), by=_by(body))),
        (*SCOPE_FIELDS, *HALT_FIELDS),
    ),
    "halt": (
        _or_dry(lambda body: cm.Halt(reason=_reason(body), **_scope(body), by=_by(body))),
        ("reason", *SCOPE_FIELDS, *HALT_FIELDS),
    ),
    "clear-halt": (
        _or_dry(lambda body: cm.ClearHalt(halt_id=_text(body, "halt_id"), by=_by(body))),
        ("halt_id", *HALT_FIELDS),
    ),
    "confirm-limits": (_or_dry(lambda body: cm.ConfirmLimits(by=_by(body))), HALT_FIELDS),
    "flatten": (_or_dry(_flatten), (*SCOPE_FIELDS, "at_worst_dollars", *HALT_FIELDS)),
    "kill": (_or_dry(_kill), ("reason", "only_ours", "no_wait", *HALT_FIELDS)),
    "reset-strategy": (
        lambda body: cm.ResetStrategy(strategy=StrategyName(_text(body, "strategy"))),
        ("strategy",),
    ),
    "calibrate": (
        lambda body: cm.Calibrate(accept_balance=_flag(body, "accept_balance")),
        ("accept_balance",),
    ),
    "reconcile": (_or_dry(_reconcile), ("adopt", "ignore", *HALT_FIELDS)),
    "reload": (
        lambda body: cm.Reload(
            raise_limits=_flag(body, "raise_limits"), dry_run=_flag(body, "dry_run"), by=_by(body)
        ),
        ("raise_limits", *HALT_FIELDS),
    ),
    "reload-plugin": (lambda body: ReloadPlugin(**_plugin(body)), PLUGIN_FIELDS),
    "disable-plugin": (lambda body: DisablePlugin(**_plugin(body)), PLUGIN_FIELDS),
    "enable-plugin": (lambda body: EnablePlugin(**_plugin(body)), PLUGIN_FIELDS),
    **NOTICE_VERBS,
    **STRATEGY_VERBS,
}
"""The verbs that people have: what each makes of a JSON body, and the fields that the body may have."""

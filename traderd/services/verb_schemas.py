"""The JSON Schemas of the bodies of verbs, for the API's own description.

Owns: what kind each field is, which of them a verb must have, and what the verb does in a sentence.
Must not: parse a body (`console_verbs` does; a test holds both against each other).
"""

from __future__ import annotations

from typing import Final

from traderd.model import commands as cm
from traderd.model.notice_commands import MUTE_MAX_S
from traderd.model.notices import NoticeClass
from traderd.model.orders import SelfTradePrevention, Side, TimeInForce
from traderd.services.console_verbs import (
    AUTHOR_MAX,
    ITEM_MAX,
    NAME_MAX,
    PLACE_FIELDS,
    REASON_MAX,
    TICKER_MAX,
    VERBS,
)
from traderd.services.documents import Document
from traderd.web.schema_words import maybe

_NAME: Final = {"type": "string", "minLength": 1, "maxLength": NAME_MAX}
_FLAG: Final = {"type": "boolean", "default": False}
_CONTRACTS: Final = {
    "type": "string",
    "pattern": r"^[0-9]{1,9}(\.[0-9]{1,2})?$",
    "description": "An exact decimal of contracts, as a text.",
}
_PRICE: Final = {
    "type": "string",
    "pattern": r"^[01](\.[0-9]{1,4})?$",
    "description": "An exact decimal of dollars a contract of YES, as a text.",
}
_ITEMS: Final = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": ITEM_MAX},
    "description": "Items as /v3/reconciliation names them.",
}


_TICKER: Final = {"type": "string", "minLength": 1, "maxLength": TICKER_MAX}

FIELDS: Final[dict[str, Document]] = {
    "ticker": maybe(_TICKER),
    "strategy": maybe(_NAME),
    "side": {"enum": [side.value for side in Side]},
    "price_dollars": maybe(_PRICE),
    "count": maybe(_CONTRACTS),
    "by": maybe(_CONTRACTS),
    "to": maybe(_CONTRACTS),
    "at_worst_dollars": maybe(_PRICE),
    "time_in_force": {"enum": [each.value for each in TimeInForce]},
    "self_trade_prevention": {"enum": [each.value for each in SelfTradePrevention]},
    "expires_in_s": maybe({"type": "integer", "minimum": 1}),
    "key": {**_NAME, "description": "An order's key, as /v3/orders has it."},
    "halt_id": {**_NAME, "description": "A halt's id, as /v3/status has it."},
    "reason": {"type": "string", "minLength": 1, "maxLength": REASON_MAX, "pattern": r"\S"},
    "author": {
        "type": "string",
        "maxLength": AUTHOR_MAX,
        "description": "Who asks, for the journal.",
    },
    "plugin": _NAME,
    "name": {"type": "string", "maxLength": AUTHOR_MAX},
    "value": _NAME,
    "class": {"enum": [kind.value for kind in NoticeClass]},
    "for_s": {"type": "integer", "minimum": 1, "maximum": MUTE_MAX_S},
    "alerts": maybe({"type": "array", "items": {"type": "integer"}, "minItems": 1}),
    "adopt": _ITEMS,
    "ignore": _ITEMS,
    **dict.fromkeys(
        ("post_only", "reduce_only", "only_ours", "no_wait", "accept_balance", "raise_limits"),
        _FLAG,
    ),
    "dry_run": {**_FLAG, "description": "Tell what would be done, and do nothing."},
}
"""By name, what kind a field is; it is the same in every verb that has it, but for what must be there."""

REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "place": ("ticker", "side", "price_dollars", "count"),
    "place-orders": ("orders",),
    "amend": ("key",),
    "decrease": ("key",),
    "cancel": ("key",),
    "clear-halt": ("halt_id",),
    "reset-strategy": ("strategy",),
    "reload-plugin": ("plugin",),
    "disable-plugin": ("plugin",),
    "enable-plugin": ("plugin",),
    "notify-mute": ("class", "for_s"),
    "notify-unmute": ("class",),
    "set-strategy-parameter": ("strategy", "name", "value"),
    "release-strategy": ("strategy",),
}
"""The fields that a verb must have, and may not be null then."""

SUMMARIES: Final[dict[str, str]] = {
    "place": "Place one order, through every rule of the risk gate.",
    "place-orders": f"Place up to {cm.PLACES_MAX} orders in one request; each is judged by itself.",
    "amend": "Change price or count of a resting order; it may lose its place in the queue.",
    "decrease": "Make a resting order smaller; it keeps its place in the queue.",
    "cancel": "Cancel one order.",
    "cancel-all": "Cancel every order, or those of one market or strategy.",
    "pause": "Take no new risk; orders rest.",
    "resume": "End a pause.",
    "halt": "Take no new risk until a person clears the halt; it survives restarts.",
    "clear-halt": "Clear one halt.",
    "confirm-limits": "Confirm limits that were loosened, so that they count.",
    "flatten": "Close positions, cancels first.",
    "kill": "Cancel every order and let nothing but cancels leave, until the kill halt is cleared.",
    "reset-strategy": "Forget a strategy's errors and let it go on.",
    "calibrate": "Read orders, fills, positions and balance from the exchange now.",
    "reconcile": "Adopt or ignore differences to the exchange.",
    "reload": "Read the configuration again and take over what may change while running.",
    "reload-plugin": "Load a plugin anew.",
    "disable-plugin": "Stop a plugin.",
    "enable-plugin": "Start a plugin that was stopped.",
    "notify-test": "Send a test message.",
    "notify-mute": "Send no messages of a class for a while.",
    "notify-unmute": "End a mute.",
    "notify-ack": "Acknowledge alerts, so that they are not told again.",
    "set-strategy-parameter": "Change a strategy's parameter while it runs.",
    "release-strategy": "Let a strategy go on that its failures had stopped.",
}


def verb_schemas() -> dict[str, Document]:
    """Return each verb with the schema of its body; its `description` says what the verb does."""
    return {verb: _body(verb, fields) for verb, (_, fields) in VERBS.items()}


def _body(verb: str, fields: tuple[str, ...]) -> Document:
    required = REQUIRED.get(verb, ())
    return {
        "type": "object",
        "description": SUMMARIES[verb],
        "properties": {name: _field(verb, name, name in required) for name in fields},
        "required": list(required),
        "additionalProperties": False,
    }


def _field(verb: str, name: str, is_required: bool) -> Document:
    if name == "orders":
        place = _body("place", PLACE_FIELDS)
        return {"type": "array", "items": place, "minItems": 1, "maxItems": cm.PLACES_MAX}
    schema: Document = FIELDS[name]
    if not is_required:
        return schema
    # A field that must be there may not be null, nor an empty text.
    schema = schema["anyOf"][0] if "anyOf" in schema else schema
    return {**schema, "minLength": 1} if schema.get("type") == "string" else schema

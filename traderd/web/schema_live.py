"""The schemas of the messages of `/v3/ws`, both ways.

Owns: which types there are, and what the `data` of each looks like.
Must not: make messages (`live` and the web service do; a test holds both against each other).
"""

from __future__ import annotations

from typing import Final

from traderd.web.live import TICKER_MAX
from traderd.web.schema_status import DIFFERENCE, HALT
from traderd.web.schema_words import (
    DOLLARS,
    NUMBER,
    TALLY,
    TEXT,
    TICKER,
    WHOLE,
    Schema,
    choice,
    list_of,
    maybe,
    named,
    record,
)

_DIFFERENCE: Final = record(**{
    name: DIFFERENCE["properties"][name] for name in ("kind", "subject", "ours", "theirs")
})

MESSAGES: Final[dict[str, Schema]] = {
    "hello": record(version=TEXT, environment=TEXT, dropped=TALLY),
    "trader_status": named("Status"),
    "state_transition": named("Transition"),
    "trading_state": record(
        account=named("Account"),
        sync_type=choice("initial", "update"),
        version=TALLY,
        balance_dollars=DOLLARS,
        balance_change_dollars=DOLLARS,
        portfolio_value_dollars=DOLLARS,
        positions=TALLY,
        positions_change=WHOLE,
        orders=TALLY,
        orders_change=WHOLE,
        differences=list_of(_DIFFERENCE),
    ),
    "order": named("Order"),
    "fill": named("Fill"),
    "position": named("Position"),
    "book": {
        "anyOf": [
            named("Book"),
            record(ticker=TICKER, usable={"const": False}, reason=TEXT),
        ]
    },
    "chart": record(
        ticker=maybe(TICKER),
        every_s=NUMBER,
        points=list_of({
            "type": "array",
            "prefixItems": [NUMBER, maybe(DOLLARS), maybe(DOLLARS)],
            "minItems": 3,
            "maxItems": 3,
        }),
    ),
    "log": named("LogLine"),
    "halt": {
        "anyOf": [
            record(**HALT["properties"], cleared={"const": False}),
            record(id=TEXT, cleared={"const": True}),
        ]
    },
    "error": record(code=TEXT, sentence=TEXT),
}
"""By type, the `data` of what the daemon sends."""

ASKED: Final = record(watch=maybe({"type": "string", "minLength": 1, "maxLength": TICKER_MAX}))
"""The only message that a client may send: the market whose book it wants, or null for none."""


def message_schema(type_: str) -> Schema:
    """Return the schema of a whole message of `type_`."""
    return record(type={"const": type_}, data=MESSAGES[type_])

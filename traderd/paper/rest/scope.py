"""Where on the exchange a request is about: the subaccount and the matching engine that it names.

Owns: reading `subaccount` and `exchange_index`. There is one engine, with index 0.
Must not: know a route.
"""

from __future__ import annotations

from typing import Final

from traderd.kalshi.wire.errors import Refusal, RequestRefused
from traderd.paper.rest.call import Call
from traderd.paper.rest.query import Query

SUBACCOUNT_MAX: Final = 63
ENGINE_MAX: Final = 100
"""Bounds `exchange_index` (Kalshi: intra-account transfers)."""
ENGINES: Final = (None, -1, 0)
"""What `exchange_index` may be: not given, find it, and the one engine there is."""


def asked_subaccount(call: Call, query: Query) -> int | None:
    """Return the subaccount that a query names, or that its key is locked to; None for neither.

    Raises:
        RequestRefused: 400 for an impossible number, 403 for one that the key may not act on.
    """
    named = query.text("subaccount") is not None
    asked = query.integer("subaccount", 0, low=0, high=SUBACCOUNT_MAX) if named else None
    return call.subaccount(asked)


def check_engine(query: Query) -> None:
    """Refuse a query about another engine than the one there is: nothing is found there (404)."""
    check_engine_number(query.integer("exchange_index", 0, low=-1, high=ENGINE_MAX))


def check_engine_number(exchange_index: int | None) -> None:
    """Refuse a body about another engine than the one there is: nothing is found there (404)."""
    if exchange_index not in ENGINES:
        raise RequestRefused(Refusal(status=404, code="not_found", message="not found"))

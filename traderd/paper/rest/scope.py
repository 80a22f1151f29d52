"""Where on the exchange a request is about: the subaccount and the matching engine that it names.

Owns: reading `subaccount` and `exchange_index`, and their defaults. There is one engine, with index 0.
Must not: know a route, or a record's body.
"""

from __future__ import annotations

from typing import Final

from traderd.kalshi.wire.errors import Refusal, RequestRefused
from traderd.paper.rest.call import Call
from traderd.paper.rest.query import Query
from traderd.paper.venue.banking import SUBACCOUNT_MAX

PRIMARY: Final = 0
"""The subaccount of a request that names none, where only one can be meant."""
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


def one_subaccount(call: Call, named: int | None) -> int:
    """Return the one subaccount that a request acts on, the primary one by default; raises as `Call.subaccount`."""
    chosen = call.subaccount(named)
    return PRIMARY if chosen is None else chosen


def asked_engine(query: Query) -> int | None:
    """Return the matching engine that a query names; raises RequestRefused 400."""
    if query.text("exchange_index") is None:
        return None
    return query.integer("exchange_index", 0, low=-1, high=ENGINE_MAX)


def is_elsewhere(query: Query) -> bool:
    """Tell whether a list is asked for of an engine that holds nothing; raises RequestRefused 400."""
    return asked_engine(query) not in ENGINES


def check_engine(index: int | None) -> None:
    """Refuse what is asked of an engine that is not there; raises RequestRefused 404 `not_found`."""
    if index not in ENGINES:
        raise RequestRefused(Refusal(status=404, code="not_found", message="not found"))


def check_market_engine(index: int | None) -> None:
    """Refuse an order to an engine that is not there; raises RequestRefused 404 `market_not_found`."""
    if index not in ENGINES:
        raise RequestRefused(
            Refusal(status=404, code="market_not_found", message="market not found")
        )

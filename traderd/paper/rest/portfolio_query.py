"""What the queries about one's own orders, fills and positions have in common.

Owns: which subaccount and matching engine they are about. There is one engine, with index 0.
Must not: know a record's body.
"""

from __future__ import annotations

from typing import Final

from traderd.kalshi.wire.errors import Refusal, RequestRefused
from traderd.paper.rest.call import Call
from traderd.paper.rest.query import Query
from traderd.paper.rest.scope import ENGINE_MAX, ENGINES

PRIMARY: Final = 0
"""The subaccount of a request that names none, where only one can be meant."""


def one_subaccount(call: Call, named: int | None) -> int:
    """Return the one subaccount that a request acts on, the primary one by default; raises as `Call.subaccount`."""
    chosen = call.subaccount(named)
    return PRIMARY if chosen is None else chosen


def engine_of(query: Query) -> int | None:
    """Return the matching engine that a query names; raises RequestRefused 400."""
    if query.text("exchange_index") is None:
        return None
    return query.integer("exchange_index", 0, low=-1, high=ENGINE_MAX)


def is_elsewhere(query: Query) -> bool:
    """Tell whether a list is asked for of an engine that holds nothing; raises RequestRefused 400."""
    return engine_of(query) not in ENGINES


def check_engine(index: int | None) -> None:
    """Refuse an order to an engine that is not there; raises RequestRefused 404 `market_not_found`."""
    if index not in ENGINES:
        raise RequestRefused(
            Refusal(status=404, code="market_not_found", message="market not found")
        )

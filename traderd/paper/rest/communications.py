"""Quotes on request over REST, of which this exchange has none (Kalshi: communications).

Owns: the shapes of empty lists, and a clear refusal of whatever would make one.
Must not: keep anything.
"""

from __future__ import annotations

import hashlib
from typing import Final

from traderd.kalshi.wire.errors import Refusal, RequestRefused
from traderd.paper import choices
from traderd.paper.rest.call import (
    COST_DEFAULT,
    Access,
    Call,
    Desk,
    Handler,
    Route,
    Routes,
    answer,
)
from traderd.paper.serving.http_server import Response

LIMIT_MAX: Final = 500
QUOTE_COST: Final = 2
"""Tokens to make, delete or read one quote (Kalshi: rate limits)."""
NOT_HERE: Final = Refusal(
    status=choices.NO_RFQS[0],
    code=choices.NO_RFQS[1],
    message="this exchange has no quotes on request and no block trades",
)


def routes(desk: Desk) -> Routes:
    """Return the routes of communications."""

    def trade(handler: Handler, cost: int = COST_DEFAULT) -> Route:
        return Route(handler=handler, access=Access.TRADE, cost=cost)

    one_quote = {
        "GET": Route(handler=unknown, cost=QUOTE_COST),
        "DELETE": trade(unknown, QUOTE_COST),
    }
    table: Routes = {
        "/communications/id": {"GET": Route(handler=own_id, account_wide=True)},
        "/communications/rfqs": {"GET": Route(handler=rfqs), "POST": trade(refused)},
        "/communications/rfqs/{}": {"GET": Route(handler=unknown), "DELETE": trade(unknown)},
        "/communications/quotes": {
            "GET": Route(handler=quotes),
            "POST": trade(refused, QUOTE_COST),
        },
        "/communications/block-trade-proposals": {
            "GET": Route(handler=proposals, access=Access.BLOCK_TRADES, account_wide=True),
            "POST": Route(handler=refused, access=Access.TRADE, account_wide=True),
        },
        "/communications/block-trade-proposals/{}/accept": {
            "POST": Route(handler=unknown, access=Access.BLOCK_ACCEPT, account_wide=True),
        },
    }
    batches = "/communications/rfq_batches"
    table |= {
        batches: {"GET": Route(handler=rfq_batches), "POST": trade(refused)},
        f"{batches}/{{}}": {"GET": Route(handler=unknown), "DELETE": trade(unknown)},
        f"{batches}/{{}}/accept": {"PUT": trade(unknown)},
        f"{batches}/{{}}/best_quotes": {"GET": Route(handler=unknown)},
        f"{batches}/{{}}/quotes": {"POST": trade(unknown)},
    }
    # The short paths are deprecated and still served.
    for path in ("/communications/quotes/{}", "/communications/rfqs/{}/quotes/{}"):
        table[path] = one_quote
        table[f"{path}/accept"] = table[f"{path}/confirm"] = {"PUT": trade(unknown)}
    return table


def own_id(call: Call) -> Response:
    """`GET /communications/id`: names the account to others, without telling its id."""
    digest = hashlib.sha256(call.account_id.encode()).hexdigest()
    return answer({"communications_id": digest})


def rfqs(call: Call) -> Response:
    """`GET /communications/rfqs`."""
    return _nothing(call, "GetRFQs", "rfqs")


def rfq_batches(call: Call) -> Response:
    """`GET /communications/rfq_batches`."""
    return _nothing(call, "GetRFQBatches", "rfq_batches")


def quotes(call: Call) -> Response:
    """`GET /communications/quotes`."""
    return _nothing(call, "GetQuotes", "quotes")


def proposals(call: Call) -> Response:
    """`GET /communications/block-trade-proposals`."""
    return _nothing(call, "GetBlockTradeProposals", "block_trade_proposals")


def unknown(call: Call) -> Response:
    """Whatever names one of them: there is none."""
    raise RequestRefused(Refusal(status=404, code="not_found", message="not found"))


def refused(call: Call) -> Response:
    """Whatever would make one."""
    raise RequestRefused(NOT_HERE)


def _nothing(call: Call, operation: str, key: str) -> Response:
    call.query(operation).integer("limit", LIMIT_MAX, low=1, high=LIMIT_MAX)
    return answer({key: [], "cursor": ""})

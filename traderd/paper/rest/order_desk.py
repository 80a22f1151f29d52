"""Order writes on the venue, in one dialect's words or another's: place, cancel, amend, decrease.

Owns: the way from a checked body to the venue, and which subaccount and engine it goes to. V2, its batches and V1 all
come through here, so that they cannot disagree.
Must not: decide what the venue decides, or know the shape of a reply.
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.kalshi.wire import rest
from traderd.kalshi.wire.errors import RequestRefused
from traderd.kalshi.wire.order_request import order_terms_from_request
from traderd.model.ids import ClientOrderId
from traderd.model.units import Count
from traderd.paper.rest.call import Call, refusal_of
from traderd.paper.rest.scope import check_market_engine, one_subaccount
from traderd.paper.venue.messages import AmendReply, AmendTerms, CancelReply, VenueRefusal
from traderd.paper.venue.records import VenueOrder
from traderd.paper.venue.venue import Venue

COST_CREATE: Final = 10
COST_CANCEL: Final = 2
"""Tokens of one order, also of each in a batch; a cancel of all costs as much as a cancel of one."""


@attrs.frozen(kw_only=True)
class Whose:
    """Where a change of one order goes, as the request says it."""

    subaccount: int | None = None
    engine: int | None = None
    ticker: str | None = None
    """The order's market; another one means that there is no such order."""


@attrs.frozen
class OrderDesk:
    """Every write of orders, over one venue."""

    venue: Venue

    def place(
        self, call: Call, request: rest.CreateOrderRequest, *, in_no_terms: bool = False
    ) -> VenueOrder:
        """Carry out a create; raises RequestRefused and VenueRefusal."""
        check_market_engine(request.exchange_index)
        subaccount = one_subaccount(call, request.subaccount)
        client_order_id = request.client_order_id
        return self.venue.create_order(
            call.account_id,
            order_terms_from_request(request),
            ClientOrderId(client_order_id) if client_order_id else None,
            call.now,
            cancel_on_pause=bool(request.cancel_order_on_pause),
            subaccount=subaccount,
            group_id=request.order_group_id or None,
            in_no_terms=in_no_terms,
        )

    def cancel(self, call: Call, order_id: str, whose: Whose) -> CancelReply:
        """Carry out a cancel; raises RequestRefused and VenueRefusal."""
        subaccount = self._find(call, order_id, whose)
        return self.venue.cancel_order(call.account_id, order_id, call.now, subaccount=subaccount)

    def amend(self, call: Call, order_id: str, terms: AmendTerms, whose: Whose) -> AmendReply:
        """Carry out an amend; raises RequestRefused and VenueRefusal."""
        subaccount = self._find(call, order_id, whose)
        return self.venue.amend_order(
            call.account_id, order_id, terms, call.now, subaccount=subaccount
        )

    def decrease(
        self, call: Call, order_id: str, by: Count | None, to: Count | None, whose: Whose
    ) -> VenueOrder:
        """Carry out a decrease; raises RequestRefused and VenueRefusal."""
        subaccount = self._find(call, order_id, whose)
        return self.venue.decrease_order(
            call.account_id,
            order_id,
            call.now,
            reduce_by=by,
            reduce_to=to,
            subaccount=subaccount,
        )

    def _find(self, call: Call, order_id: str, whose: Whose) -> int:
        # Returns the subaccount, having looked at everything that says which order is meant.
        check_market_engine(whose.engine)
        subaccount = one_subaccount(call, whose.subaccount)
        if whose.ticker:
            market = self.venue.market(whose.ticker)
            if self.venue.order(call.account_id, order_id).ticker != market.ticker:
                raise VenueRefusal(404, "not_found")
        return subaccount


def error_of(refused: RequestRefused | VenueRefusal) -> dict[str, str]:
    """Return a refusal as an item of a batch carries it: `{code, message, details?}`."""
    refusal = refusal_of(refused)
    words = {"code": refusal.code, "message": refusal.message}
    return words | {"details": refusal.details} if refusal.details else words

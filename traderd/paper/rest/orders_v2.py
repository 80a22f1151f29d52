"""Order entry, one order at a time (Kalshi: order entry V2): create, cancel, amend, decrease, cancel all.

Owns: the paths, the exact success codes and the replies.
Must not: decide what the venue decides; batches are next door.
"""

from __future__ import annotations

import attrs

from traderd.kalshi.wire.order_request import decode_create_order
from traderd.kalshi.wire.request_body import decode_request
from traderd.paper.rest.call import Access, Call, Desk, Handler, Route, Routes, answer
from traderd.paper.rest.order_desk import COST_CANCEL, COST_CREATE, OrderDesk, Whose
from traderd.paper.rest.order_replies import (
    amended_reply,
    canceled_reply,
    created_reply,
    decreased_reply,
)
from traderd.paper.rest.order_requests import (
    AmendOrderRequest,
    DecreaseOrderRequest,
    amend_terms,
    decrease_terms,
)
from traderd.paper.rest.scope import asked_engine, asked_subaccount
from traderd.paper.serving.http_server import Response


def routes(desk: Desk) -> Routes:
    """Return the routes of single orders."""
    entry = OrdersV2(OrderDesk(desk.venue))

    def trade(handler: Handler, cost: int = COST_CREATE) -> Route:
        return Route(handler=handler, access=Access.TRADE, cost=cost)

    return {
        "/portfolio/events/orders": {
            "POST": trade(entry.create),
            "DELETE": trade(entry.cancel_all, COST_CANCEL),
        },
        "/portfolio/events/orders/{}": {"DELETE": trade(entry.cancel, COST_CANCEL)},
        "/portfolio/events/orders/{}/amend": {"POST": trade(entry.amend)},
        "/portfolio/events/orders/{}/decrease": {"POST": trade(entry.decrease)},
    }


@attrs.frozen
class OrdersV2:
    """Handlers over one order desk."""

    desk: OrderDesk

    def create(self, call: Call) -> Response:
        """`POST /portfolio/events/orders`: 201 exactly, also when nothing filled and nothing rests."""
        order = self.desk.place(call, decode_create_order(call.request.body))
        return answer(created_reply(order), 201)

    def cancel(self, call: Call) -> Response:
        """`DELETE /portfolio/events/orders/{order_id}`; the reply has no client order id (Kalshi: capture)."""
        query = call.query("CancelOrderV2")
        whose = Whose(
            subaccount=asked_subaccount(call, query),
            engine=asked_engine(query),
            ticker=query.text("market_ticker"),
        )
        reply = self.desk.cancel(call, call.parameter, whose)
        return answer(canceled_reply(reply, call.now))

    def amend(self, call: Call) -> Response:
        """`POST /portfolio/events/orders/{order_id}/amend`."""
        subaccount = asked_subaccount(call, call.query("AmendOrderV2"))
        request = decode_request(call.request.body, AmendOrderRequest, "AmendOrderV2Request")
        whose = Whose(subaccount=subaccount, engine=request.exchange_index)
        reply = self.desk.amend(call, call.parameter, amend_terms(request), whose)
        return answer(amended_reply(reply, call.now))

    def decrease(self, call: Call) -> Response:
        """`POST /portfolio/events/orders/{order_id}/decrease`; to nothing is a cancel."""
        subaccount = asked_subaccount(call, call.query("DecreaseOrderV2"))
        request = decode_request(call.request.body, DecreaseOrderRequest, "DecreaseOrderV2Request")
        whose = Whose(
            subaccount=subaccount, engine=request.exchange_index, ticker=request.market_ticker
        )
        order = self.desk.decrease(call, call.parameter, *decrease_terms(request), whose)
        return answer(decreased_reply(order, call.now))

    def cancel_all(self, call: Call) -> Response:
        """`DELETE /portfolio/events/orders`: 204 without a body; every subaccount if none is named."""
        subaccount = asked_subaccount(call, call.query("CancelAllOrders"))
        self.desk.venue.cancel_all(call.account_id, subaccount, call.now)
        return Response(status=204, headers=())

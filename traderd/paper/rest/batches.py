"""Order entry by the batch (Kalshi: batch create and batch cancel V2): items stand and fall alone.

Owns: one entry for each item in the order sent, with the refusal inside when there is one. JSON of a wrong type spoils
the whole batch, because it is decoded as a whole.
Must not: decide what the venue decides.
"""

from __future__ import annotations

from typing import Any, TypeVar

import attrs
import msgspec
from msgspec import UNSET

from traderd.kalshi.wire import rest
from traderd.kalshi.wire.errors import ErrorShape, RequestRefused
from traderd.kalshi.wire.request_body import decode_request
from traderd.paper.rest.call import Access, Call, Desk, PerItem, Route, Routes, answer
from traderd.paper.rest.order_desk import COST_CANCEL, COST_CREATE, OrderDesk, Whose, error_of
from traderd.paper.rest.order_replies import (
    BatchCancelItem,
    BatchCreateError,
    BatchReply,
    batch_canceled,
    created_reply,
)
from traderd.paper.rest.order_requests import CancelItem, batch_size, decode_batch
from traderd.paper.serving.http_server import Response
from traderd.paper.venue.messages import VenueRefusal

T = TypeVar("T")


def routes(desk: Desk) -> Routes:
    """Return the routes of batches."""
    batches = Batches(OrderDesk(desk.venue))
    return {
        "/portfolio/events/orders/batched": {
            "POST": Route(
                handler=batches.create,
                access=Access.TRADE,
                cost=PerItem(COST_CREATE, batch_size),
            ),
            "DELETE": Route(
                handler=batches.cancel,
                access=Access.TRADE,
                cost=PerItem(COST_CANCEL, batch_size),
            ),
        }
    }


@attrs.frozen
class Batches:
    """Handlers over one order desk."""

    desk: OrderDesk

    def create(self, call: Call) -> Response:
        """`POST /portfolio/events/orders/batched`: 201, whatever became of its items."""
        items = decode_batch(call.request.body, "BatchCreateOrdersV2Request")
        requests = decode_items(items, rest.CreateOrderRequest, "CreateOrderV2Request")
        replies = [self._create_one(call, request) for request in requests]
        return answer(BatchReply(orders=replies), 201)

    def _create_one(self, call: Call, request: rest.CreateOrderRequest | RequestRefused) -> Any:
        if isinstance(request, RequestRefused):
            return BatchCreateError(error=error_of(request))
        try:
            return created_reply(self.desk.place(call, request))
        except (RequestRefused, VenueRefusal) as exc:
            client_order_id = request.client_order_id or UNSET
            return BatchCreateError(client_order_id=client_order_id, error=error_of(exc))

    def cancel(self, call: Call) -> Response:
        """`DELETE /portfolio/events/orders/batched`, whose items are in a JSON body."""
        items = decode_batch(call.request.body, "BatchCancelOrdersV2Request")
        requests = decode_items(items, CancelItem, "BatchCancelOrdersV2RequestOrder")
        return answer(BatchReply(orders=[self._cancel_one(call, each) for each in requests]))

    def _cancel_one(self, call: Call, item: CancelItem | RequestRefused) -> BatchCancelItem:
        if isinstance(item, RequestRefused):
            return BatchCancelItem(order_id="", error=error_of(item))
        whose = Whose(
            subaccount=item.subaccount, engine=item.exchange_index, ticker=item.market_ticker
        )
        try:
            reply = self.desk.cancel(call, item.order_id, whose)
        except (RequestRefused, VenueRefusal) as exc:
            return BatchCancelItem(order_id=item.order_id, error=error_of(exc))
        return batch_canceled(reply, call.now)


def decode_items(items: list[msgspec.Raw], kind: type[T], name: str) -> list[T | RequestRefused]:
    """Return each item decoded, or why it lacks something.

    Raises:
        RequestRefused: flat 400 when an item has a wrong JSON type, before anything was done.
    """
    decoded: list[T | RequestRefused] = []
    for item in items:
        try:
            decoded.append(decode_request(bytes(item), kind, name))
        except RequestRefused as exc:
            if exc.refusal.shape is ErrorShape.FLAT:
                raise
            decoded.append(exc)
    return decoded

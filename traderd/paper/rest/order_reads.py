"""Reads of one's own orders and of their places in the queues (Kalshi: orders, queue positions).

Owns: the filters, and which orders are still live: resting ones always, closed ones until the historical cutoff.
Must not: change anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from traderd.kalshi.wire import portfolio
from traderd.model.orders import OrderStatus
from traderd.model.units import Timestamp, format_count
from traderd.paper.rest.archive import cutoff
from traderd.paper.rest.call import Call, Desk, Handler, Route, Routes, answer
from traderd.paper.rest.legacy_portfolio import legacy_order, legacy_queue_position
from traderd.paper.rest.portfolio_bodies import (
    QueuePosition,
    QueuePositionList,
    queue_position_body,
)
from traderd.paper.rest.query import page_of, within
from traderd.paper.rest.scope import asked_subaccount, is_elsewhere, one_subaccount
from traderd.paper.serving.http_server import Response
from traderd.paper.to_wire import order_body
from traderd.paper.venue.messages import QueuePlace, VenueRefusal
from traderd.paper.venue.records import VenueOrder

COST_ONE: Final = 2
"""Tokens of reading one order (Kalshi: rate limits)."""
EVENTS_MAX: Final = 10
QUEUE_TICKERS_MAX: Final = 100
"""Bounds the markets of one question about queue positions; no number is documented."""
STATUSES: Final = {
    "resting": OrderStatus.RESTING,
    "canceled": OrderStatus.CANCELED,
    "executed": OrderStatus.EXECUTED,
}


def routes(desk: Desk) -> Routes:
    """Return the routes that read orders."""
    reads = OrderReads(desk)

    def read(handler: Handler) -> dict[str, Route]:
        return {"GET": Route(handler=handler)}

    return {
        "/portfolio/orders": read(reads.all),
        "/portfolio/orders/{}": {"GET": Route(handler=reads.one, cost=COST_ONE)},
        "/portfolio/orders/{}/queue_position": read(reads.queue_position),
        "/portfolio/orders/queue_positions": read(reads.queue_positions),
    }


@attrs.frozen
class OrderReads:
    """Handlers over one desk."""

    desk: Desk

    def all(self, call: Call) -> Response:
        """`GET /portfolio/orders`, newest first."""
        query = call.query("GetOrders")
        limit, cursor = query.limit(low=1), query.text("cursor")
        status = query.choice("status", tuple(STATUSES))
        wanted = None if status is None else STATUSES[status]
        events = query.words("event_ticker", at_most=EVENTS_MAX)
        keep = self._filter(call, query.seconds("min_ts"), query.seconds("max_ts"))
        subaccount = asked_subaccount(call, query)
        orders: list[VenueOrder] = []
        if not is_elsewhere(query):
            orders = self.desk.venue.orders(
                call.account_id, ticker=query.text("ticker"), subaccount=subaccount
            )
        page, following = page_of(
            orders,
            lambda order: order.order_id,
            limit=limit,
            cursor=cursor,
            keep=lambda order: (
                wanted in (None, order.status)
                and (not events or self.desk.venue.market(order.ticker).event_ticker in events)
                and keep(order)
            ),
        )
        bodies = [self.body(order) for order in page]
        return answer(portfolio.OrderList(orders=bodies, cursor=following))

    def _filter(
        self, call: Call, low: Timestamp | None, high: Timestamp | None
    ) -> Callable[[VenueOrder], bool]:
        before = cutoff(self.desk, call.now)
        return lambda order: within(order.created_at, low, high) and not is_history(order, before)

    def one(self, call: Call) -> Response:
        """`GET /portfolio/orders/{order_id}`."""
        return answer(portfolio.OrderEnvelope(order=self.body(self._find(call))))

    def queue_position(self, call: Call) -> Response:
        """`GET /portfolio/orders/{order_id}/queue_position`: 404 for an order that does not rest."""
        order = self._find(call)
        place = self.desk.venue.queue_place(call.account_id, order.order_id)
        body = QueuePosition(queue_position_fp=format_count(place.ahead))
        legacy = self.desk.settings.is_legacy
        return answer(legacy_queue_position(body, place.ahead) if legacy else body)

    def queue_positions(self, call: Call) -> Response:
        """`GET /portfolio/orders/queue_positions`: of every resting order in some markets or in one event."""
        query = call.query("GetOrderQueuePositions")
        tickers = query.words("market_tickers", at_most=QUEUE_TICKERS_MAX)
        event = query.text("event_ticker")
        if not tickers and event is None:
            query.require("market_tickers")
        venue = self.desk.venue
        subaccount = one_subaccount(call, asked_subaccount(call, query))
        resting = venue.orders(call.account_id, status=OrderStatus.RESTING, subaccount=subaccount)
        places = [
            venue.queue_place(call.account_id, order.order_id)
            for order in resting
            if (not tickers or order.ticker in tickers)
            and event in (None, venue.market(order.ticker).event_ticker)
        ]
        return answer(QueuePositionList(queue_positions=[self._place(each) for each in places]))

    def _find(self, call: Call) -> VenueOrder:
        # Another subaccount's order is not there for a locked key, and history is read elsewhere.
        order = self.desk.venue.order(call.account_id, call.parameter)
        locked = call.subaccount(None)
        if locked not in (None, order.subaccount) or is_history(order, cutoff(self.desk, call.now)):
            raise VenueRefusal(404, "not_found")
        return order

    def _place(self, place: QueuePlace) -> QueuePosition:
        body = queue_position_body(place)
        return legacy_queue_position(body, place.ahead) if self.desk.settings.is_legacy else body

    def body(self, order: VenueOrder) -> portfolio.Order:
        """Return an order's body in the dialect that is spoken."""
        body = order_body(order)
        return legacy_order(body, order) if self.desk.settings.is_legacy else body


def is_history(order: VenueOrder, before: Timestamp) -> bool:
    """Tell whether an order ended before the cutoff; one that rests is never history."""
    return not order.is_resting and order.updated_at < before

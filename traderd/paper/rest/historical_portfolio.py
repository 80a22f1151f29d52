"""One's own orders, fills and positions of before the historical cutoff (Kalshi: historical data).

Owns: the other half of the live lists: what is in neither or in both would be a mistake.
Must not: change anything.
"""

from __future__ import annotations

import attrs

from traderd.kalshi.wire import portfolio
from traderd.paper.rest import order_reads, positions
from traderd.paper.rest.archive import cutoff
from traderd.paper.rest.call import Call, Desk, Route, Routes, answer
from traderd.paper.rest.fills import FillReads, fill_key
from traderd.paper.rest.order_reads import OrderReads
from traderd.paper.rest.positions import PositionReads
from traderd.paper.rest.query import page_of, within
from traderd.paper.rest.scope import asked_subaccount
from traderd.paper.serving.http_server import Response


def routes(desk: Desk) -> Routes:
    """Return the routes of private history."""
    reads = HistoricalReads(desk)
    return {
        "/historical/orders": {"GET": Route(handler=reads.orders)},
        "/historical/fills": {"GET": Route(handler=reads.fills)},
        "/historical/positions": {"GET": Route(handler=reads.positions)},
    }


@attrs.frozen
class HistoricalReads:
    """Handlers over one desk."""

    desk: Desk

    def orders(self, call: Call) -> Response:
        """`GET /historical/orders`, newest first."""
        query = call.query("GetHistoricalOrders")
        low, high = query.seconds("min_ts"), query.seconds("max_ts")
        before = cutoff(self.desk, call.now)
        page, following = page_of(
            self.desk.venue.orders(
                call.account_id,
                ticker=query.text("ticker"),
                subaccount=asked_subaccount(call, query),
            ),
            lambda order: order.order_id,
            limit=query.limit(low=1),
            cursor=query.text("cursor"),
            keep=lambda order: (
                order_reads.is_history(order, before) and within(order.created_at, low, high)
            ),
        )
        bodies = [OrderReads(self.desk).body(order) for order in page]
        return answer(portfolio.OrderList(orders=bodies, cursor=following))

    def fills(self, call: Call) -> Response:
        """`GET /historical/fills`, newest first."""
        query = call.query("GetHistoricalFills")
        low, high = query.seconds("min_ts"), query.seconds("max_ts")
        before = cutoff(self.desk, call.now)
        page, following = page_of(
            self.desk.venue.fills(
                call.account_id,
                ticker=query.text("ticker"),
                subaccount=asked_subaccount(call, query),
            ),
            fill_key,
            limit=query.limit(low=1),
            cursor=query.text("cursor"),
            keep=lambda fill: fill.at < before and within(fill.at, low, high),
        )
        bodies = [FillReads(self.desk).body(fill) for fill in page]
        return answer(portfolio.FillList(fills=bodies, cursor=following))

    def positions(self, call: Call) -> Response:
        """`GET /historical/positions`: settled ones of one subaccount."""
        query = call.query("GetHistoricalPositions")
        before = cutoff(self.desk, call.now)
        return PositionReads(self.desk).page(
            call,
            query,
            lambda position: positions.is_history(position, before),
            elsewhere=False,
        )

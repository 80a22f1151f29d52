"""Reads of one's own fills (Kalshi: fills).

Owns: the filters, and what is live: fills since the historical cutoff.
Must not: change anything.
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.kalshi.wire import portfolio
from traderd.paper.rest.archive import cutoff
from traderd.paper.rest.call import Call, Desk, Route, Routes, answer
from traderd.paper.rest.legacy_portfolio import legacy_fill
from traderd.paper.rest.query import page_of, within
from traderd.paper.rest.scope import asked_subaccount, is_elsewhere
from traderd.paper.serving.http_server import Response
from traderd.paper.to_wire import fill_body
from traderd.paper.venue.records import VenueFill

TICKERS_MAX: Final = 100
"""Bounds the list of markets (Kalshi: since 2026-10-08)."""


def routes(desk: Desk) -> Routes:
    """Return the route that reads fills."""
    return {"/portfolio/fills": {"GET": Route(handler=FillReads(desk).all)}}


@attrs.frozen
class FillReads:
    """Handlers over one desk."""

    desk: Desk

    def all(self, call: Call) -> Response:
        """`GET /portfolio/fills`, newest first."""
        query = call.query("GetFills")
        limit, cursor = query.limit(low=1), query.text("cursor")
        tickers = query.words("ticker", at_most=TICKERS_MAX)
        low, high = query.seconds("min_ts"), query.seconds("max_ts")
        subaccount = asked_subaccount(call, query)
        before = cutoff(self.desk, call.now)
        fills: list[VenueFill] = []
        if not is_elsewhere(query):
            fills = self.desk.venue.fills(
                call.account_id, order_id=query.text("order_id"), subaccount=subaccount
            )
        page, following = page_of(
            fills,
            fill_key,
            limit=limit,
            cursor=cursor,
            keep=lambda fill: (
                within(fill.at, low, high)
                and (not tickers or fill.ticker in tickers)
                and fill.at >= before
            ),
        )
        bodies = [self.body(fill) for fill in page]
        return answer(portfolio.FillList(fills=bodies, cursor=following))

    def body(self, fill: VenueFill) -> portfolio.Fill:
        """Return a fill's body in the dialect that is spoken."""
        body = fill_body(fill)
        return legacy_fill(body, fill) if self.desk.settings.is_legacy else body


def fill_key(fill: VenueFill) -> str:
    """Return a fill's name: both sides of a trade share its id, so the order's belongs to it."""
    return f"{fill.trade_id}/{fill.order_id}"

"""Reads of what one's positions got in the end (Kalshi: settlements).

Owns: the filters, and what is live: settlements since the historical cutoff.
Must not: change anything.
"""

from __future__ import annotations

import attrs

from traderd.paper.rest.archive import cutoff
from traderd.paper.rest.call import Call, Desk, Route, Routes, answer
from traderd.paper.rest.legacy_portfolio import legacy_settlement
from traderd.paper.rest.portfolio_bodies import Settlement, SettlementList, settlement_body
from traderd.paper.rest.query import page_of, within
from traderd.paper.rest.scope import asked_subaccount
from traderd.paper.serving.http_server import Response
from traderd.paper.venue import records


def routes(desk: Desk) -> Routes:
    """Return the route that reads settlements."""
    return {"/portfolio/settlements": {"GET": Route(handler=SettlementReads(desk).all)}}


@attrs.frozen
class SettlementReads:
    """Handlers over one desk."""

    desk: Desk

    def all(self, call: Call) -> Response:
        """`GET /portfolio/settlements`, newest first."""
        query = call.query("GetSettlements")
        ticker, event = query.text("ticker"), query.text("event_ticker")
        low, high = query.seconds("min_ts"), query.seconds("max_ts")
        subaccount = asked_subaccount(call, query)
        before = cutoff(self.desk, call.now)
        page, following = page_of(
            reversed(self.desk.venue.account(call.account_id).settlements),
            lambda each: f"{each.ticker}/{each.subaccount}",
            limit=query.limit(low=1),
            cursor=query.text("cursor"),
            keep=lambda each: (
                ticker in (None, each.ticker)
                and event in (None, each.event_ticker)
                and subaccount in (None, each.subaccount)
                and within(each.at, low, high)
                and each.at >= before
            ),
        )
        bodies = [self._body(each) for each in page]
        return answer(SettlementList(settlements=bodies, cursor=following))

    def _body(self, settlement: records.Settlement) -> Settlement:
        body = settlement_body(settlement)
        return legacy_settlement(body, settlement) if self.desk.settings.is_legacy else body

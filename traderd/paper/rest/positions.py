"""Reads of one's own positions, market by market and summed over events (Kalshi: positions).

Owns: the filters, and what is live: settled positions until the historical cutoff, all others always.
Must not: change anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import attrs

from traderd.kalshi.wire import portfolio
from traderd.model.ids import EventTicker
from traderd.model.orders import Side
from traderd.model.units import Count, Timestamp
from traderd.paper.rest.archive import cutoff
from traderd.paper.rest.call import Call, Desk, Route, Routes, answer
from traderd.paper.rest.legacy_portfolio import legacy_event_position, legacy_position
from traderd.paper.rest.query import Query, page_of
from traderd.paper.rest.scope import asked_subaccount, is_elsewhere, one_subaccount
from traderd.paper.serving.http_server import Response
from traderd.paper.to_wire import event_position_body, event_total, position_body
from traderd.paper.venue.records import Position

COUNTS: Final[dict[str, Callable[[Position], int]]] = {
    "position": lambda position: position.count,
    "total_traded": lambda position: position.total_traded,
}
"""What `count_filter` may ask to be above 0."""


def routes(desk: Desk) -> Routes:
    """Return the route that reads positions."""
    return {"/portfolio/positions": {"GET": Route(handler=PositionReads(desk).all)}}


@attrs.frozen
class PositionReads:
    """Handlers over one desk."""

    desk: Desk

    def all(self, call: Call) -> Response:
        """`GET /portfolio/positions` of one subaccount; unsettled ones unless others are asked for."""
        query = call.query("GetPositions")
        status = query.choice("settlement_status", ("unsettled", "settled", "all")) or "unsettled"
        counts = [COUNTS[name] for name in query.chosen("count_filter", tuple(COUNTS))]
        before = cutoff(self.desk, call.now)

        def keep(position: Position) -> bool:
            return (
                (status == "all" or position.settled is (status == "settled"))
                and (not counts or any(count(position) for count in counts))
                and not is_history(position, before)
            )

        return self.page(call, query, keep, elsewhere=is_elsewhere(query))

    def page(
        self, call: Call, query: Query, keep: Callable[[Position], bool], *, elsewhere: bool
    ) -> Response:
        """Return one page of positions that pass `keep` and the filters that every list of them has."""
        limit, cursor = query.limit(low=1), query.text("cursor")
        ticker, event = query.text("ticker"), query.text("event_ticker")
        subaccount = one_subaccount(call, asked_subaccount(call, query))
        positions: Sequence[Position] = ()
        if not elsewhere:
            positions = self.desk.positions(call.account_id, subaccount, call.now)
        page, following = page_of(
            positions,
            lambda position: position.ticker,
            limit=limit,
            cursor=cursor,
            keep=lambda position: (
                ticker in (None, position.ticker)
                and event in (None, self._event(position))
                and keep(position)
            ),
        )
        by_event: dict[EventTicker, list[Position]] = {}
        for position in page:
            by_event.setdefault(self._event(position), []).append(position)
        body = portfolio.PositionList(
            cursor=following,
            market_positions=[self._body(call, position) for position in page],
            event_positions=[self._event_body(each, held) for each, held in by_event.items()],
        )
        return answer(body)

    def _event(self, position: Position) -> EventTicker:
        return self.desk.venue.market(position.ticker).event_ticker

    def _body(self, call: Call, position: Position) -> portfolio.MarketPosition:
        body = position_body(position)
        if not self.desk.settings.is_legacy:
            return body
        wallet = self.desk.venue.account(call.account_id).wallet(position.subaccount)
        resting = (wallet.resting(position.ticker, side) for side in Side)
        size = sum(order.remaining_count for orders in resting for order in orders)
        return legacy_position(body, position, Count(size))

    def _event_body(self, event: EventTicker, held: list[Position]) -> portfolio.EventPosition:
        total = event_total(held)
        body = event_position_body(event, total)
        return legacy_event_position(body, total) if self.desk.settings.is_legacy else body


def is_history(position: Position, before: Timestamp) -> bool:
    """Tell whether a position was settled before the cutoff; one that is open is never history."""
    return position.settled and position.updated_at < before

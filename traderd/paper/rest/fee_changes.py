"""Scheduled changes of fees, of series and of events (Kalshi: `/series/fee_changes`, `/events/fee_changes`).

Owns: the two lists. Both are earliest first.
Must not: change a fee (`venue.fee_calendar`).
"""

from __future__ import annotations

import attrs
import msgspec

from traderd.model.units import format_time
from traderd.paper import choices
from traderd.paper.rest.call import Call, Desk, Routes, answer, public
from traderd.paper.rest.event_bodies import multiplier
from traderd.paper.rest.query import page_of
from traderd.paper.serving.http_server import Response
from traderd.paper.venue.listings import FeeChange


class SeriesFeeChange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One change of a whole series."""

    id: str
    series_ticker: str
    fee_type: str
    fee_multiplier: int | float
    scheduled_ts: str


class EventFeeChange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One change of an event's override; null takes it away."""

    id: str
    event_ticker: str
    series_ticker: str
    fee_type_override: str | None
    fee_multiplier_override: int | float | None
    scheduled_ts: str


def routes(desk: Desk) -> Routes:
    """Return both lists."""
    reads = FeeChangeReads(desk)
    return {
        "/series/fee_changes": public(reads.of_series),
        "/events/fee_changes": public(reads.of_events),
    }


@attrs.frozen
class FeeChangeReads:
    """Handlers of one desk."""

    desk: Desk

    def of_series(self, call: Call) -> Response:
        """`GET /series/fee_changes`: what is to come, and with `show_historical` what has come too."""
        query = call.query("GetSeriesFeeChanges")
        ticker = query.text("series_ticker")
        calendar = self.desk.venue.fee_calendar
        past = calendar.done if query.flag("show_historical") is True else []
        changes = [
            SeriesFeeChange(
                id=change.change_id,
                series_ticker=change.series_ticker,
                fee_type=change.fees.fee_type.value,
                fee_multiplier=multiplier(change.fees),
                scheduled_ts=format_time(change.due),
            )
            for change in (*past, *calendar.pending)
            if change.event_ticker is None
            and change.fees is not None
            and ticker in (None, change.series_ticker)
        ]
        return answer({"series_fee_change_arr": changes})

    def of_events(self, call: Call) -> Response:
        """`GET /events/fee_changes`: what has come and what is to come."""
        query = call.query("GetEventFeeChanges")
        limit, ticker = query.limit(), query.text("event_ticker")
        calendar = self.desk.venue.fee_calendar
        past = calendar.done if choices.EVENT_FEE_CHANGES_SHOW_THE_PAST else []
        page, cursor = page_of(
            (*past, *calendar.pending),
            lambda change: change.change_id,
            limit=limit,
            cursor=query.text("cursor"),
            keep=lambda change: (
                change.event_ticker is not None and ticker in (None, change.event_ticker)
            ),
        )
        bodies = [_event_change(change) for change in page]
        return answer({"event_fee_changes": bodies, "cursor": cursor})


def _event_change(change: FeeChange) -> EventFeeChange:
    fees = change.fees
    return EventFeeChange(
        id=change.change_id,
        event_ticker=change.event_ticker or "",
        series_ticker=change.series_ticker,
        fee_type_override=None if fees is None else fees.fee_type.value,
        fee_multiplier_override=None if fees is None else multiplier(fees),
        scheduled_ts=format_time(change.due),
    )

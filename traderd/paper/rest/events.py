"""Events with their markets (Kalshi: events). Combos do not exist here.

Owns: the filters of the list, and where an event's markets stand in an answer.
Must not: know what a body holds (`event_bodies`, `market_bodies`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import attrs
from msgspec import UNSET

from traderd.model.ids import EventTicker
from traderd.model.units import Timestamp
from traderd.paper.rest.archive import cutoff, is_archived
from traderd.paper.rest.call import Call, Desk, Routes, answer, public
from traderd.paper.rest.event_bodies import event_body, metadata_body
from traderd.paper.rest.market_bodies import MarketBody
from traderd.paper.rest.markets import STATUS_FILTERS, market_writer, status_filter
from traderd.paper.rest.query import PAGE_MAX, Query, page_of
from traderd.paper.serving.http_server import Response
from traderd.paper.venue.listings import Event, VenueMarket

EVENTS_MAX: Final = 200
"""Events of a page, and when nobody says otherwise."""
COMBOS_DEFAULT: Final = 100
STATUSES: Final = ("unopened", "open", "closed", "settled")


def routes(desk: Desk) -> Routes:
    """Return the reads of events."""
    reads = EventReads(desk)
    return {
        "/events": public(reads.events),
        "/events/multivariate": public(reads.multivariate),
        "/events/{}": public(reads.event),
        "/events/{}/metadata": public(reads.metadata),
    }


@attrs.frozen(kw_only=True)
class EventFilter:
    """What a query asks for."""

    tickers: frozenset[str]
    """Empty for all."""
    series: str | None
    status: str | None
    closes_after: Timestamp | None
    updated_after: Timestamp | None

    @property
    def is_about_markets(self) -> bool:
        """Tell whether an event's markets matter."""
        return self.status is not None or self.closes_after is not None

    def keeps(self, event: Event, markets: Sequence[VenueMarket]) -> bool:
        """Tell whether an event passes; about its markets, one that does is enough."""
        return (
            (not self.tickers or event.ticker in self.tickers)
            and self.series in (None, event.series_ticker)
            and (self.updated_after is None or event.updated_at > self.updated_after)
            and (
                self.status is None
                or any(market.status in STATUS_FILTERS[self.status] for market in markets)
            )
            and (
                self.closes_after is None
                or any(market.close_time > self.closes_after for market in markets)
            )
        )


def event_filter(query: Query) -> EventFilter:
    """Read the filters of `GET /events`; raises RequestRefused 400."""
    return EventFilter(
        tickers=frozenset(query.words("tickers", at_most=PAGE_MAX)),
        series=query.text("series_ticker"),
        status=status_filter(query, STATUSES),
        closes_after=query.seconds("min_close_ts"),
        updated_after=query.seconds("min_updated_ts"),
    )


@attrs.frozen
class EventReads:
    """Handlers of one desk."""

    desk: Desk

    def events(self, call: Call) -> Response:
        """`GET /events`."""
        query = call.query("GetEvents")
        limit = query.integer("limit", EVENTS_MAX, low=1, high=EVENTS_MAX)
        nested = query.flag("with_nested_markets") is True
        with_milestones = query.flag("with_milestones") is True
        wanted = event_filter(query)
        markets = self._markets_by_event() if nested or wanted.is_about_markets else {}
        live = self._live_bodies(call)
        page, cursor = page_of(
            self.desk.venue.floor.events.values(),
            lambda event: event.ticker,
            limit=limit,
            cursor=query.text("cursor"),
            keep=lambda event: wanted.keeps(event, markets.get(event.ticker, ())),
        )
        legacy = self.desk.settings.is_legacy
        bodies = [
            event_body(
                event, live(markets.get(event.ticker, ())) if nested else UNSET, legacy=legacy
            )
            for event in page
        ]
        found: dict[str, Any] = {"events": bodies, "cursor": cursor}
        if with_milestones:
            found["milestones"] = []
        return answer(found)

    def _markets_by_event(self) -> dict[EventTicker, list[VenueMarket]]:
        # One look at every market instead of one for each event.
        markets: dict[EventTicker, list[VenueMarket]] = {}
        for market in self.desk.venue.floor.markets.values():
            markets.setdefault(market.event_ticker, []).append(market)
        return markets

    def _live_bodies(self, call: Call) -> Callable[[Iterable[VenueMarket]], list[MarketBody]]:
        before, write = cutoff(self.desk, call.now), market_writer(self.desk, call)
        return lambda markets: [
            write.body(market) for market in markets if not is_archived(market, before)
        ]

    def event(self, call: Call) -> Response:
        """`GET /events/{event_ticker}`: the markets are inside the event or beside it."""
        query = call.query("GetEvent")
        nested = query.flag("with_nested_markets") is True
        # A parameter that only the newest clients know.
        without = query.flag("exclude_markets") is True
        event = self.desk.venue.event(call.parameter)
        found = () if without else self.desk.venue.floor.markets_of(event.ticker)
        markets = self._live_bodies(call)(found)
        body = event_body(event, markets if nested else UNSET, legacy=self.desk.settings.is_legacy)
        # The key is always there, because readers insist on it.
        return answer({"event": body, "markets": [] if nested else markets})

    def metadata(self, call: Call) -> Response:
        """`GET /events/{event_ticker}/metadata`."""
        event = self.desk.venue.event(call.parameter)
        return answer(metadata_body(self.desk.venue.floor.markets_of(event.ticker)))

    def multivariate(self, call: Call) -> Response:
        """`GET /events/multivariate`: none."""
        query = call.query("GetMultivariateEvents")
        query.integer("limit", COMBOS_DEFAULT, low=1, high=EVENTS_MAX)
        query.flag("with_nested_markets")
        return answer({"events": [], "cursor": ""})

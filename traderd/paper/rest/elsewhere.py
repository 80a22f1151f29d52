"""What Kalshi tells beside its markets, and what this exchange has none of: milestones, live data, incentives, combos.

Owns: the right shape of nothing, so that a client which looks there goes on. Tags are real: they are the series'.
Must not: make anything up.
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.paper.rest.call import Access, Call, Desk, Handler, Route, Routes, answer, public
from traderd.paper.rest.query import SECONDS_MAX
from traderd.paper.serving.http_server import Response
from traderd.paper.venue.messages import VenueRefusal

MILESTONES_MAX: Final = 500
TARGETS_MAX: Final = 2_000
INCENTIVES_MAX: Final = 10_000
COLLECTIONS_MAX: Final = 200
PERCENTILES_MAX: Final = 10
"""Bounds of pages and lists (Kalshi: each endpoint's parameters)."""
LIVE_DATA_MAX: Final = 100
"""Bounds the milestones of one look; Kalshi names no number."""

MISSING: Final = (
    "/milestones/{}",
    "/structured_targets/{}",
    "/live_data/milestone/{}",
    "/live_data/milestone/{}/game_stats",
    "/live_data/{}/milestone/{}",
    "/live_data/events/{}",
    "/live_data/weather/{}",
    "/live_data/weather/{}/calibrations",
    "/multivariate_event_collections/{}",
    "/multivariate_event_collections/{}/lookup",
)
"""Single things, of which none is there."""


def routes(desk: Desk) -> Routes:
    """Return the reads of everything else."""
    reads = OtherReads(desk)
    lists: dict[str, Handler] = {
        "/milestones": reads.milestones,
        "/structured_targets": reads.structured_targets,
        "/incentive_programs": reads.incentive_programs,
        "/multivariate_event_collections": reads.collections,
        "/live_data/batch": reads.live_data,
        "/search/tags_by_categories": reads.tags,
        "/search/filters_by_sport": reads.sports,
        "/series/{}/events/{}/forecast_percentile_history": reads.forecasts,
    }
    table: Routes = {path: public(handler) for path, handler in lists.items()}
    table |= {path: public(missing) for path in MISSING}
    # Combos are made from collections, so none can be made here.
    table["/multivariate_event_collections/{}"]["POST"] = Route(
        handler=missing, access=Access.WRITE
    )
    table["/multivariate_event_collections/{}/lookup"]["PUT"] = Route(handler=missing)
    return table


def missing(call: Call) -> Response:
    """Refuse a single thing that is not there."""
    raise VenueRefusal(404, "not_found")


@attrs.frozen
class OtherReads:
    """Handlers of one desk."""

    desk: Desk

    def milestones(self, call: Call) -> Response:
        """`GET /milestones`."""
        query = call.query("GetMilestones")
        query.require("limit")
        query.integer("limit", 1, low=1, high=MILESTONES_MAX)
        query.seconds("min_updated_ts")
        return answer({"milestones": [], "cursor": ""})

    def structured_targets(self, call: Call) -> Response:
        """`GET /structured_targets`."""
        call.query("GetStructuredTargets").integer("page_size", 1, low=1, high=TARGETS_MAX)
        return answer({"structured_targets": [], "cursor": ""})

    def incentive_programs(self, call: Call) -> Response:
        """`GET /incentive_programs`, whose cursor has another name than all others."""
        query = call.query("GetIncentivePrograms")
        query.limit(low=1, high=INCENTIVES_MAX)
        query.choice("status", ("all", "active", "upcoming", "closed", "paid_out"))
        query.choice(
            "type", ("all", "liquidity", "volume", "margin_maker_volume", "margin_taker_volume")
        )
        return answer({"incentive_programs": [], "next_cursor": ""})

    def collections(self, call: Call) -> Response:
        """`GET /multivariate_event_collections`."""
        query = call.query("GetMultivariateEventCollections")
        query.limit(high=COLLECTIONS_MAX)
        query.choice("status", ("unopened", "open", "closed"))
        return answer({"multivariate_contracts": [], "cursor": ""})

    def live_data(self, call: Call) -> Response:
        """`GET /live_data/batch`."""
        call.query("GetLiveDatas").repeated("milestone_ids", at_most=LIVE_DATA_MAX)
        return answer({"live_datas": []})

    def tags(self, call: Call) -> Response:
        """`GET /search/tags_by_categories`: the tags of the series of each category, in the scenario's order."""
        found: dict[str, dict[str, None]] = {}
        for series in self.desk.venue.series():
            if series.category:
                found.setdefault(series.category, {}).update(dict.fromkeys(series.tags))
        tags = {category: list(named) for category, named in found.items()}
        return answer({"tags_by_categories": tags})

    def sports(self, call: Call) -> Response:
        """`GET /search/filters_by_sport`."""
        return answer({"filters_by_sports": {}, "sport_ordering": []})

    def forecasts(self, call: Call) -> Response:
        """`GET /series/{series_ticker}/events/{ticker}/forecast_percentile_history`: nobody forecasts here."""
        query = call.query("GetEventForecastPercentilesHistory")
        query.repeated("percentiles", at_most=PERCENTILES_MAX)
        query.require("start_ts", "end_ts", "period_interval")
        for name in ("start_ts", "end_ts"):
            query.integer(name, 0, low=0, high=SECONDS_MAX)
        query.choice("period_interval", ("0", "1", "60", "1440"))
        series, ticker = call.parameters
        if self.desk.venue.event(ticker).series_ticker != series:
            raise VenueRefusal(404, "not_found")
        return answer({"forecast_history": []})

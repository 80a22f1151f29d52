"""Series (Kalshi: series).

Owns: a series' body and the filters of the list.
Must not: know events or markets, but for the volume of all of them.
"""

from __future__ import annotations

from typing import Any

import attrs
import msgspec
from msgspec import UNSET, UnsetType

from traderd.model.ids import SeriesTicker
from traderd.model.units import Count, format_count, format_time
from traderd.paper.rest.call import Call, Desk, Routes, answer, public
from traderd.paper.rest.event_bodies import multiplier
from traderd.paper.rest.query import PAGE_MAX
from traderd.paper.serving.http_server import Response
from traderd.paper.venue.listings import Series


class SeriesBody(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Kalshi: the Series object."""

    ticker: str
    frequency: str
    title: str
    category: str
    categories: list[str]
    tags: list[str]
    settlement_sources: list[dict[str, str]] = []
    contract_url: str = ""
    contract_terms_url: str = ""
    fee_type: str
    fee_multiplier: int | float
    additional_prohibitions: list[str] = []
    product_metadata: dict[str, Any] | UnsetType = UNSET
    volume_fp: str | UnsetType = UNSET
    last_updated_ts: str
    exchange_index: int = 0


def routes(desk: Desk) -> Routes:
    """Return the reads of series."""
    reads = SeriesReads(desk)
    return {"/series": public(reads.all), "/series/{}": public(reads.one)}


def categories(series: Series) -> list[str]:
    """Return the discovery categories of a series: its own, if it has one."""
    return [series.category] if series.category else []


@attrs.frozen
class SeriesReads:
    """Handlers of one desk."""

    desk: Desk

    def all(self, call: Call) -> Response:
        """`GET /series`."""
        query = call.query("GetSeriesList")
        category, since = query.text("category"), query.seconds("min_updated_ts")
        tags = query.words("tags", at_most=PAGE_MAX)
        with_metadata = query.flag("include_product_metadata") is True
        volumes = self._volumes() if query.flag("include_volume") is True else None
        bodies = [
            _body(series, volumes, with_metadata=with_metadata)
            for series in self.desk.venue.series()
            if (category is None or category in categories(series))
            and (not tags or any(tag in series.tags for tag in tags))
            and (since is None or series.updated_at > since)
        ]
        return answer({"series": bodies})

    def one(self, call: Call) -> Response:
        """`GET /series/{series_ticker}`."""
        query = call.query("GetSeries")
        series = self.desk.venue.one_series(call.parameter)
        volumes = self._volumes() if query.flag("include_volume") is True else None
        return answer({"series": _body(series, volumes, with_metadata=True)})

    def _volumes(self) -> dict[SeriesTicker, Count]:
        volumes: dict[SeriesTicker, Count] = {}
        for market in self.desk.venue.floor.markets.values():
            before = volumes.get(market.series_ticker, 0)
            volumes[market.series_ticker] = Count(before + market.volume)
        return volumes


def _body(
    series: Series, volumes: dict[SeriesTicker, Count] | None, *, with_metadata: bool
) -> SeriesBody:
    return SeriesBody(
        ticker=series.ticker,
        frequency=series.frequency,
        title=series.title,
        category=series.category,
        categories=categories(series),
        tags=list(series.tags),
        fee_type=series.fees.fee_type.value,
        fee_multiplier=multiplier(series.fees),
        product_metadata={} if with_metadata else UNSET,
        volume_fp=UNSET if volumes is None else format_count(volumes.get(series.ticker, Count(0))),
        last_updated_ts=format_time(series.updated_at),
    )

"""Markets: one by its ticker, or all that pass the filters (Kalshi: markets).

Owns: the filters of the live list, which of them go together, and their words for what is wrong.
Must not: know what a market's body holds (`market_bodies`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from traderd.model.market import MarketStatus
from traderd.model.units import Timestamp
from traderd.paper.rest.archive import cutoff, is_archived, live_market
from traderd.paper.rest.call import Call, Desk, Routes, answer, public
from traderd.paper.rest.market_bodies import MarketWriter
from traderd.paper.rest.query import PAGE_MAX, Query, bad_request, page_of, within
from traderd.paper.serving.http_server import Response
from traderd.paper.venue.listings import VenueMarket

STATUS_FILTERS: Final = {
    "unopened": (MarketStatus.INITIALIZED,),
    "open": (MarketStatus.ACTIVE,),
    "paused": (MarketStatus.INACTIVE,),
    "closed": (
        MarketStatus.CLOSED,
        MarketStatus.DETERMINED,
        MarketStatus.DISPUTED,
        MarketStatus.AMENDED,
    ),
    "settled": (MarketStatus.FINALIZED,),
}
"""The filter's words are not the field's (Kalshi: market lifecycle)."""
TIMES: Final[dict[str, tuple[str | None, ...]]] = {
    "created": (None, "unopened", "open"),
    "close": (None, "closed"),
    "settled": (None, "settled"),
    "updated": (None,),
}
"""The filters by time, `min_` and `max_` each, and the status filters that each goes with; no two of them go
together (Kalshi: markets)."""


@attrs.frozen(kw_only=True)
class Period:
    """A filter by time."""

    kind: str
    """One of TIMES."""
    low: Timestamp | None
    high: Timestamp | None

    def holds(self, market: VenueMarket) -> bool:
        """Tell whether a market's time lies in it; a market that has not come so far does not."""
        at = _TIME_OF[self.kind](market)
        if at is None:
            return False
        if self.kind == "updated":
            # "Updated later than" lets a client poll from the last time it saw (Kalshi: min_updated_ts).
            return (self.low is None or at > self.low) and within(at, None, self.high)
        return within(at, self.low, self.high)


_TIME_OF: Final[dict[str, Callable[[VenueMarket], Timestamp | None]]] = {
    "created": lambda market: market.created_at,
    "close": lambda market: market.close_time,
    "settled": lambda market: market.settled_at,
    "updated": lambda market: market.updated_at,
}


@attrs.frozen(kw_only=True)
class MarketFilter:
    """What a query asks for."""

    tickers: frozenset[str]
    """Empty for all."""
    event: str | None
    series: str | None
    status: str | None
    period: Period | None
    combos: str | None
    """Kalshi: `mve_filter`."""

    def keeps(self, market: VenueMarket) -> bool:
        """Tell whether a market passes. Combos do not exist here, so asking for nothing else finds nothing."""
        return (
            self.combos != "only"
            and (not self.tickers or market.ticker in self.tickers)
            and self.event in (None, market.event_ticker)
            and self.series in (None, market.series_ticker)
            and (self.status is None or market.status in STATUS_FILTERS[self.status])
            and (self.period is None or self.period.holds(market))
        )


def routes(desk: Desk) -> Routes:
    """Return the reads of live markets."""
    reads = MarketReads(desk)
    return {"/markets": public(reads.markets), "/markets/{}": public(reads.market)}


def status_filter(query: Query, words: tuple[str, ...] = tuple(STATUS_FILTERS)) -> str | None:
    """Return the status filter, None without one; raises RequestRefused 400 in the captured words."""
    status = query.text("status")
    if status is not None and status not in words:
        raise bad_request("invalid status filter")
    return status


def market_filter(query: Query) -> MarketFilter:
    """Read the filters of `GET /markets`; raises RequestRefused 400."""
    wanted = MarketFilter(
        tickers=frozenset(query.words("tickers", at_most=PAGE_MAX)),
        event=query.text("event_ticker"),
        series=query.text("series_ticker"),
        status=status_filter(query),
        period=_period(query),
        combos=query.choice("mve_filter", ("only", "exclude")),
    )
    if wanted.period is not None:
        _check_combination(wanted, wanted.period)
    return wanted


def _period(query: Query) -> Period | None:
    periods = [
        Period(kind=kind, low=low, high=high)
        for kind in TIMES
        for low, high in [(query.seconds(f"min_{kind}_ts"), query.seconds(f"max_{kind}_ts"))]
        if low is not None or high is not None
    ]
    if len(periods) > 1:
        first, second = periods[:2]
        raise bad_request(
            f"{_names(first.kind)} cannot be combined with {_names(second.kind)}: "
            "only one filter by time is possible"
        )
    return periods[0] if periods else None


def _check_combination(wanted: MarketFilter, period: Period) -> None:
    names = _names(period.kind)
    if wanted.status not in TIMES[period.kind]:
        raise bad_request(f"{names} cannot be combined with status {wanted.status}")
    if period.kind != "updated":
        return
    if wanted.event is not None or wanted.tickers or wanted.combos == "only":
        raise bad_request(f"{names} can only be combined with mve_filter=exclude and series_ticker")
    if wanted.series is not None and wanted.combos != "exclude":
        raise bad_request(f"{names} with series_ticker requires mve_filter=exclude")


def _names(kind: str) -> str:
    return f"min_{kind}_ts and max_{kind}_ts"


@attrs.frozen
class MarketReads:
    """Handlers of one desk."""

    desk: Desk

    def markets(self, call: Call) -> Response:
        """`GET /markets`; bodies are only made for the page."""
        query = call.query("GetMarkets")
        limit = query.limit()
        wanted = market_filter(query)
        before = cutoff(self.desk, call.now)
        page, cursor = page_of(
            self.desk.venue.floor.markets.values(),
            lambda market: market.ticker,
            limit=limit,
            cursor=query.text("cursor"),
            keep=lambda market: wanted.keeps(market) and not is_archived(market, before),
        )
        write = market_writer(self.desk, call)
        return answer({"markets": [write.body(market) for market in page], "cursor": cursor})

    def market(self, call: Call) -> Response:
        """`GET /markets/{ticker}`."""
        market = live_market(self.desk, call.parameter, call.now)
        return answer({"market": market_writer(self.desk, call).body(market)})


def market_writer(desk: Desk, call: Call) -> MarketWriter:
    """Return what writes the markets of one answer."""
    return MarketWriter(desk.venue, call.now, legacy=desk.settings.is_legacy)

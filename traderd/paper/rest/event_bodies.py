"""An event as Kalshi's REST tells it, and the pictures that it does not have.

Owns: every field of the Event object and of its metadata.
Must not: choose which events or markets are shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from traderd.model.units import format_time
from traderd.paper.rest.market_bodies import MarketBody
from traderd.paper.venue.fees import MULTIPLIER_ONE, FeeSchedule
from traderd.paper.venue.listings import Event, VenueMarket


class EventBody(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Kalshi: the Event object."""

    event_ticker: str
    series_ticker: str
    title: str
    sub_title: str
    collateral_return_type: str
    """`MECNET` when at most one market can end YES, else empty."""
    mutually_exclusive: bool
    category: str
    strike_date: str | UnsetType = UNSET
    settlement_sources: list[dict[str, str]] = []
    product_metadata: dict[str, Any] = {}
    last_updated_ts: str
    fee_type_override: str | UnsetType = UNSET
    fee_multiplier_override: int | float | UnsetType = UNSET
    exchange_index: int = 0
    markets: list[MarketBody] | UnsetType = UNSET
    available_on_brokers: bool | UnsetType = UNSET
    """Only in the legacy dialect."""


def event_body(
    event: Event, markets: list[MarketBody] | UnsetType = UNSET, *, legacy: bool
) -> EventBody:
    """Return an event's body, with its markets inside when there are any to put there."""
    fees = event.fee_override
    return EventBody(
        event_ticker=event.ticker,
        series_ticker=event.series_ticker,
        title=event.title,
        sub_title=event.sub_title,
        collateral_return_type="MECNET" if event.mutually_exclusive else "",
        mutually_exclusive=event.mutually_exclusive,
        category=event.category,
        strike_date=UNSET if event.strike_at is None else format_time(event.strike_at),
        last_updated_ts=format_time(event.updated_at),
        fee_type_override=UNSET if fees is None else fees.fee_type.value,
        fee_multiplier_override=UNSET if fees is None else multiplier(fees),
        markets=markets,
        available_on_brokers=False if legacy else UNSET,
    )


def metadata_body(markets: Iterable[VenueMarket]) -> dict[str, Any]:
    """Return the metadata of an event with these markets: there are no pictures here, so their addresses are empty."""
    details = [
        {"market_ticker": market.ticker, "image_url": "", "color_code": ""} for market in markets
    ]
    return {"image_url": "", "market_details": details, "settlement_sources": []}


def multiplier(fees: FeeSchedule) -> int | float:
    """Return a fee multiplier as the JSON number that Kalshi writes: 1, 0.5."""
    whole, rest = divmod(fees.multiplier, MULTIPLIER_ONE)
    return fees.multiplier / MULTIPLIER_ONE if rest else whole

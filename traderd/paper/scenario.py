"""Scenarios: what a venue starts with, read from a JSON file and checked as a whole.

Owns: the scenario file's form, its checks, and the building of a venue from it. Opening levels become street
orders, one per level.
Must not: open accounts, because an account needs a key (`exchange`), or move the market (`order_flow`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import resources
from itertools import pairwise
from typing import Annotated, Final, TypeAlias

import msgspec

from traderd.errors import BadInput, ConfigError
from traderd.model.ids import EventTicker, MarketTicker, SeriesTicker
from traderd.model.market import PriceBand, PriceGrid
from traderd.model.orders import Side
from traderd.model.units import (
    NS_PER_S,
    Count,
    Money,
    Price,
    Timestamp,
    complement,
    format_count,
    format_price,
    parse_count,
    parse_fixed,
    parse_money,
    parse_price,
)
from traderd.paper.venue.fees import FeeSchedule, FeeType
from traderd.paper.venue.messages import VenueMarket
from traderd.paper.venue.venue import Venue

DEFAULT_ACCOUNT_CASH: Final = "1000.00"
_MULTIPLIER_DECIMALS: Final = 3

TextLevels: TypeAlias = tuple[tuple[str, str], ...]
"""Levels as (YES price, contracts) texts, ascending."""
Levels: TypeAlias = tuple[tuple[Price, Count], ...]
Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
ClosesIn: TypeAlias = Annotated[int, msgspec.Meta(gt=0, le=10 * 365 * 86_400)]


class SeriesSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A family of events with one fee schedule."""

    ticker: Name
    title: str
    fee_type: FeeType
    fee_multiplier: str = "1"


class EventSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One occasion with one or more markets."""

    ticker: Name
    series: Name
    title: str


class BandSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One band of a price grid.  Kalshi: `price_ranges`."""

    start: str
    end: str
    step: str


class MarketSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One market and its opening book."""

    ticker: Name
    event: Name
    title: str
    outcome: str
    market_id: str
    price_level_structure: str = "linear_cent"
    price_ranges: tuple[BandSpec, ...] = (BandSpec(start="0.0000", end="1.0000", step="0.0100"),)
    closes_in_s: ClosesIn
    """Relative to the venue's start, so that a recorded market trades on any day."""
    bids: TextLevels = ()
    asks: TextLevels = ()


class AccountSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account that the exchange should open."""

    name: Name
    cash: str = DEFAULT_ACCOUNT_CASH

    @property
    def money(self) -> Money:
        """Its opening cash."""
        return parse_money(self.cash, what=f"cash of account {self.name}")


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a venue starts with."""

    name: Name
    note: str = ""
    series: tuple[SeriesSpec, ...]
    events: tuple[EventSpec, ...]
    markets: Annotated[tuple[MarketSpec, ...], msgspec.Meta(min_length=1)]
    accounts: tuple[AccountSpec, ...] = ()


def parse_scenario(data: bytes) -> Scenario:
    """Return a scenario file's content, checked as a whole.

    Raises:
        ConfigError: not the form, or something in it cannot be; the message names it.
    """
    try:
        scenario = msgspec.json.decode(data, type=Scenario)
        _check_names(scenario)
        for market in scenario.markets:
            _check_book(market)
        for account in scenario.accounts:
            if account.money < 0:
                raise BadInput(f"account {account.name} has negative cash")
        for series in scenario.series:
            _fees(series)
    except (msgspec.DecodeError, BadInput) as exc:
        raise ConfigError(f"the scenario cannot be used: {exc}") from exc
    return scenario


def default_scenario() -> Scenario:
    """Return the packaged scenario: twelve production markets with their recorded opening books."""
    packaged = resources.files("traderd.paper").joinpath("scenarios", "default.json")
    return parse_scenario(packaged.read_bytes())


def build_venue(scenario: Scenario, *, ids: Callable[[], str], now: Timestamp) -> Venue:
    """Return a venue with the scenario's markets and opening books, no accounts and an empty outbox."""
    events = {event.ticker: event for event in scenario.events}
    series = {each.ticker: each for each in scenario.series}
    venue = Venue(
        markets=[
            _market(spec, series[events[spec.event].series], now) for spec in scenario.markets
        ],
        ids=ids,
    )
    for spec in scenario.markets:
        for side, levels in ((Side.BID, spec.bids), (Side.ASK, spec.asks)):
            for price, count in parse_levels(levels):
                venue.street.add(MarketTicker(spec.ticker), side, price, count, now)
    venue.take_outbox()
    return venue


def parse_levels(levels: TextLevels) -> Levels:
    """Return levels as units; raises UnitError."""
    return tuple((parse_price(price), parse_count(count)) for price, count in levels)


def opening_books(recording: bytes) -> dict[str, tuple[TextLevels, TextLevels]]:
    """Return (bids, asks) in YES prices of each market's first snapshot in a recording.

    Args:
        recording: raw WebSocket frames as `{"frames": [{"frame": {...}}, ...]}`.
    """
    books: dict[str, tuple[TextLevels, TextLevels]] = {}
    for recorded in msgspec.json.decode(recording)["frames"]:
        frame = recorded["frame"]
        if frame["type"] != "orderbook_snapshot":
            continue
        message = frame["msg"]
        bids = parse_levels(message.get("yes_dollars_fp", ()))
        no_bids = parse_levels(message.get("no_dollars_fp", ()))
        asks = tuple((complement(price), count) for price, count in no_bids)
        books.setdefault(message["market_ticker"], (_texts(bids), _texts(asks)))
    return books


def _texts(levels: Iterable[tuple[Price, Count]]) -> TextLevels:
    return tuple((format_price(price), format_count(count)) for price, count in sorted(levels))


def _market(spec: MarketSpec, series: SeriesSpec, now: Timestamp) -> VenueMarket:
    return VenueMarket(
        ticker=MarketTicker(spec.ticker),
        event_ticker=EventTicker(spec.event),
        series_ticker=SeriesTicker(series.ticker),
        title=spec.title,
        outcome=spec.outcome,
        market_id=spec.market_id,
        grid=_grid(spec),
        level_structure=spec.price_level_structure,
        fees=_fees(series),
        open_time=now,
        close_time=Timestamp(now + spec.closes_in_s * NS_PER_S),
        updated_at=now,
    )


def _grid(spec: MarketSpec) -> PriceGrid:
    bands = [
        PriceBand(
            start=parse_price(band.start), end=parse_price(band.end), step=parse_price(band.step)
        )
        for band in spec.price_ranges
    ]
    return PriceGrid(tuple(bands))


def _fees(series: SeriesSpec) -> FeeSchedule:
    multiplier = parse_fixed(
        series.fee_multiplier, decimals=_MULTIPLIER_DECIMALS, what="fee multiplier"
    )
    return FeeSchedule(fee_type=series.fee_type, multiplier=multiplier)


def _check_names(scenario: Scenario) -> None:
    groups = {
        "series": [each.ticker for each in scenario.series],
        "event": [each.ticker for each in scenario.events],
        "market": [each.ticker for each in scenario.markets],
        "account": [each.name for each in scenario.accounts],
    }
    for kind, names in groups.items():
        for name in names:
            if names.count(name) > 1:
                raise BadInput(f"{kind} {name} appears twice")
    for event in scenario.events:
        if event.series not in groups["series"]:
            raise BadInput(f"event {event.ticker} names the unknown series {event.series}")
    for market in scenario.markets:
        if market.event not in groups["event"]:
            raise BadInput(f"market {market.ticker} names the unknown event {market.event}")


def _check_book(spec: MarketSpec) -> None:
    grid = _grid(spec)
    bids, asks = parse_levels(spec.bids), parse_levels(spec.asks)
    for side, levels in (("bids", bids), ("asks", asks)):
        prices = [price for price, _ in levels]
        if any(later <= earlier for earlier, later in pairwise(prices)):
            raise BadInput(f"{side} of {spec.ticker} do not ascend")
        for price, count in levels:
            if not grid.allows(price) or count <= 0:
                raise BadInput(
                    f"{side} of {spec.ticker} hold an impossible level at {format_price(price)}"
                )
    if bids and asks and bids[-1][0] >= asks[0][0]:
        raise BadInput(f"the opening book of {spec.ticker} is crossed")

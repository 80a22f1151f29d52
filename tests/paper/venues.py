"""A small venue for the tests of its parts."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from traderd.model.ids import EventTicker, MarketTicker, SeriesTicker
from traderd.model.market import LINEAR_CENT, PriceGrid
from traderd.model.orders import OrderTerms, Side
from traderd.model.units import NS_PER_S, Timestamp, parse_count, parse_money, parse_price
from traderd.paper.venue.fees import FeeSchedule, FeeType
from traderd.paper.venue.listings import Event, Series, VenueMarket
from traderd.paper.venue.messages import VenueRefusal
from traderd.paper.venue.venue import Venue

NOW = Timestamp(1_800_000_000 * NS_PER_S)
CLOSE = Timestamp(NOW + 3600 * NS_PER_S)
TICKER = MarketTicker("KXDEMO-26DEC31-A")
FREE = FeeSchedule(fee_type=FeeType.QUADRATIC, multiplier=0)
STANDARD = FeeSchedule(fee_type=FeeType.QUADRATIC)
WITH_MAKER_FEES = FeeSchedule(fee_type=FeeType.QUADRATIC_WITH_MAKER_FEES)


DOOR = (
    "create_order",
    "cancel_order",
    "cancel_all",
    "decrease_order",
    "amend_order",
    "advance",
    "take_outbox",
)


def _checked(name: str) -> Callable[..., Any]:
    def call(self: Venue, *args: object, **more: object) -> object:
        try:
            return getattr(Venue, name)(self, *args, **more)
        finally:
            self.check_money()

    return call


CheckedVenue: type[Venue] = type("CheckedVenue", (Venue,), {name: _checked(name) for name in DOOR})
"""A venue that counts all its money after every call."""


def market(
    ticker: str = TICKER, *, fees: FeeSchedule = FREE, grid: PriceGrid = LINEAR_CENT
) -> VenueMarket:
    return VenueMarket(
        ticker=MarketTicker(ticker),
        event_ticker=EventTicker(ticker.rsplit("-", 1)[0]),
        series_ticker=SeriesTicker(ticker.split("-", 1)[0]),
        title=ticker,
        outcome="A wins",
        market_id=f"id-of-{ticker}",
        grid=grid,
        level_structure="linear_cent",
        fees=fees,
        open_time=NOW,
        close_time=CLOSE,
        updated_at=NOW,
    )


def venue(*markets: VenueMarket, accounts: dict[str, str] | None = None, **more: object) -> Venue:
    numbers = itertools.count(1)
    built = CheckedVenue(ids=lambda: f"id-{next(numbers)}", **more)
    for each in markets or [market()]:
        list_market(built, each)
    for name, cash in (accounts or {"ann": "1000", "bob": "1000"}).items():
        built.open_account(name, parse_money(cash), NOW)
    return built


def list_market(built: Venue, each: VenueMarket) -> None:
    """List a market, with its series and event if they are not there yet."""
    if each.series_ticker not in built.floor.series:
        built.life.add_series(
            Series(ticker=each.series_ticker, title=each.series_ticker, fees=each.fees)
        )
    if each.event_ticker not in built.floor.events:
        event = Event(
            ticker=each.event_ticker, series_ticker=each.series_ticker, title=each.event_ticker
        )
        built.life.add_event(event, NOW)
    built.life.add_market(each, NOW)


def terms(side: str, count: str, price: str, *, ticker: str = TICKER, **more: object) -> OrderTerms:
    return OrderTerms(
        ticker=MarketTicker(ticker),
        side=Side(side),
        price=parse_price(price),
        count=parse_count(count),
        **more,
    )


def bid(count: str, price: str, **more: object) -> OrderTerms:
    return terms("bid", count, price, **more)


def ask(count: str, price: str, **more: object) -> OrderTerms:
    return terms("ask", count, price, **more)


def refusal_of(action: Callable[..., object], *args: object, **more: object) -> tuple[int, str]:
    """Return the status and code that a call is refused with."""
    return details_of(action, *args, **more)[:2]


def details_of(
    action: Callable[..., object], *args: object, **more: object
) -> tuple[int, str, str]:
    """Return the status, code and details that a call is refused with."""
    with pytest.raises(VenueRefusal) as caught:
        action(*args, **more)
    return caught.value.status, caught.value.code, caught.value.details


def deal(
    built: Venue, buyer: str, seller: str, count: str, price: str, ticker: str = TICKER
) -> None:
    """Let one account buy YES from another, which makes."""
    built.create_order(seller, ask(count, price, ticker=ticker), None, NOW)
    built.create_order(buyer, bid(count, price, ticker=ticker), None, NOW)


def told(built: Venue, *kinds: type) -> list[Any]:
    """Take the outbox and return its broadcasts of some kinds."""
    return [each for each in built.take_outbox() if isinstance(each, kinds)]


def later(seconds: float, since: Timestamp = NOW) -> Timestamp:
    """Return a moment so many seconds after another."""
    return Timestamp(since + round(seconds * NS_PER_S))

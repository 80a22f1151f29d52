"""A small venue for the tests of its parts."""

from __future__ import annotations

import itertools

from traderd.model.ids import EventTicker, MarketTicker, SeriesTicker
from traderd.model.market import LINEAR_CENT, PriceGrid
from traderd.model.orders import OrderTerms, Side
from traderd.model.units import NS_PER_S, Timestamp, parse_count, parse_money, parse_price
from traderd.paper.venue.fees import FeeSchedule, FeeType
from traderd.paper.venue.messages import VenueMarket
from traderd.paper.venue.venue import Venue

NOW = Timestamp(1_800_000_000 * NS_PER_S)
CLOSE = Timestamp(NOW + 3600 * NS_PER_S)
TICKER = MarketTicker("KXDEMO-26DEC31-A")
FREE = FeeSchedule(fee_type=FeeType.QUADRATIC, multiplier=0)
STANDARD = FeeSchedule(fee_type=FeeType.QUADRATIC)
WITH_MAKER_FEES = FeeSchedule(fee_type=FeeType.QUADRATIC_WITH_MAKER_FEES)


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


def venue(*markets: VenueMarket, accounts: dict[str, str] | None = None) -> Venue:
    numbers = itertools.count(1)
    built = Venue(markets=markets or [market()], ids=lambda: f"id-{next(numbers)}")
    for name, cash in (accounts or {"ann": "1000", "bob": "1000"}).items():
        built.open_account(name, parse_money(cash))
    return built


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

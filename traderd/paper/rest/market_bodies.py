"""A market as Kalshi's REST tells it: today's fields, and those of December 2025 beside them.

Owns: every field of the Market object, and what stands in it when there is nothing to tell.
Must not: choose which markets are shown, or change one.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from traderd.kalshi.wire.rest import PriceRange
from traderd.kalshi.wire.serve import grid_to_wire
from traderd.model.market import MarketStatus, PriceGrid
from traderd.model.orders import Side
from traderd.model.units import (
    NS_PER_S,
    ONE_DOLLAR,
    Count,
    Money,
    Price,
    Timestamp,
    complement,
    format_count,
    format_money_4,
    format_price,
    format_time,
)
from traderd.paper import choices
from traderd.paper.rest.legacy import cents, money_cents, whole
from traderd.paper.venue.listings import Result, VenueMarket
from traderd.paper.venue.venue import Venue

DAY_NS: Final = 86_400 * NS_PER_S
"""How long ago the `previous_` fields and the 24 hours of the volume are."""
NOTHING: Final = Price(0)
"""What a price field shows when there is no such price; an ask shows $1."""

LEGACY_STATUS: Final = {
    MarketStatus.INACTIVE: "closed",
    MarketStatus.DISPUTED: "determined",
    MarketStatus.AMENDED: "determined",
    MarketStatus.FINALIZED: "settled",
}
"""December 2025 knew five words; the others are told by the nearest one."""


class MarketBody(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Kalshi: the Market object."""

    ticker: str
    event_ticker: str
    market_type: str
    title: str
    yes_sub_title: str
    no_sub_title: str
    created_time: str
    updated_time: str
    open_time: str
    close_time: str
    expected_expiration_time: str | UnsetType = UNSET
    expiration_time: str
    latest_expiration_time: str
    settlement_timer_seconds: int
    status: str
    yes_bid_dollars: str
    yes_bid_size_fp: str
    yes_ask_dollars: str
    yes_ask_size_fp: str
    no_bid_dollars: str
    no_ask_dollars: str
    last_price_dollars: str
    previous_price_dollars: str
    previous_yes_bid_dollars: str
    previous_yes_ask_dollars: str
    volume_fp: str
    volume_24h_fp: str
    open_interest_fp: str
    notional_value_dollars: str = "1.0000"
    liquidity_dollars: str = choices.LIQUIDITY_DOLLARS
    result: str
    settlement_value_dollars: str | UnsetType = UNSET
    settlement_ts: str | UnsetType = UNSET
    settlement_bounds_type: str = "default"
    expiration_value: str
    fee_waiver_expiration_time: str | UnsetType = UNSET
    can_close_early: bool
    early_close_condition: str | UnsetType = UNSET
    strike_type: str | UnsetType = UNSET
    floor_strike: float | UnsetType = UNSET
    cap_strike: float | UnsetType = UNSET
    rules_primary: str
    rules_secondary: str
    price_level_structure: str
    price_ranges: list[PriceRange]
    exchange_index: int = 0


class LegacyMarketBody(MarketBody, frozen=True, kw_only=True, gc=False):
    """The same with the fields that December 2025 insisted on."""

    subtitle: str = ""
    category: str
    response_price_units: str = "usd_cent"
    yes_bid: int
    yes_ask: int
    no_bid: int
    no_ask: int
    last_price: int
    previous_price: int
    previous_yes_bid: int
    previous_yes_ask: int
    volume: int
    volume_24h: int
    open_interest: int
    liquidity: int
    notional_value: int = 100
    settlement_value: int | UnsetType = UNSET
    risk_limit_cents: int = 0
    tick_size: int = 1


class _Prices(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    # What a market looks like now, and looked like a day ago.
    bid: Price
    bid_size: Count
    ask: Price
    ask_size: Count
    last: Price
    previous: Price
    previous_bid: Price
    previous_ask: Price
    volume_24h: Count

    def fields(self) -> dict[str, Any]:
        return {
            "yes_bid_dollars": format_price(self.bid),
            "yes_bid_size_fp": format_count(self.bid_size),
            "yes_ask_dollars": format_price(self.ask),
            "yes_ask_size_fp": format_count(self.ask_size),
            "no_bid_dollars": format_price(complement(self.ask)),
            "no_ask_dollars": format_price(complement(self.bid)),
            "last_price_dollars": format_price(self.last),
            "previous_price_dollars": format_price(self.previous),
            "previous_yes_bid_dollars": format_price(self.previous_bid),
            "previous_yes_ask_dollars": format_price(self.previous_ask),
        }

    def legacy_fields(self) -> dict[str, Any]:
        return {
            "yes_bid": cents(self.bid),
            "yes_ask": cents(self.ask),
            "no_bid": cents(ONE_DOLLAR) - cents(self.ask),
            "no_ask": cents(ONE_DOLLAR) - cents(self.bid),
            "last_price": cents(self.last),
            "previous_price": cents(self.previous),
            "previous_yes_bid": cents(self.previous_bid),
            "previous_yes_ask": cents(self.previous_ask),
            "volume_24h": whole(self.volume_24h),
        }


class MarketWriter:
    """Writes the bodies of one answer."""

    def __init__(self, venue: Venue, now: Timestamp, *, legacy: bool) -> None:
        """Write what markets look like now; `legacy` adds the fields of December 2025."""
        self._venue = venue
        self._day_ago = Timestamp(now - DAY_NS)
        self._legacy = legacy
        self._ranges: dict[PriceGrid, list[PriceRange]] = {}

    def body(self, market: VenueMarket) -> MarketBody:
        """Return one market's body."""
        prices = self._prices(market)
        fields = _description(market) | _times(market) | _ending(market) | prices.fields()
        fields |= {
            "volume_fp": format_count(market.volume),
            "volume_24h_fp": format_count(prices.volume_24h),
            "open_interest_fp": format_count(market.open_interest),
            "price_ranges": self._price_ranges(market.grid),
        }
        if not self._legacy:
            return MarketBody(**fields)
        return LegacyMarketBody(**fields | prices.legacy_fields() | self._legacy_rest(market))

    def _prices(self, market: VenueMarket) -> _Prices:
        book = self._venue.book_of(market.ticker)
        bid, bid_size = book.touch(Side.BID) or (NOTHING, Count(0))
        ask, ask_size = book.touch(Side.ASK) or (ONE_DOLLAR, Count(0))
        then = self._venue.minute_at(market.ticker, self._day_ago)
        volume_then = 0 if then is None else then.volume_so_far
        return _Prices(
            bid=bid,
            bid_size=bid_size,
            ask=ask,
            ask_size=ask_size,
            last=market.last_price or NOTHING,
            previous=NOTHING if then is None else then.last_price or NOTHING,
            previous_bid=NOTHING if then is None else then.bid.close,
            previous_ask=NOTHING if then is None else then.ask.close,
            volume_24h=Count(market.volume - volume_then),
        )

    def _price_ranges(self, grid: PriceGrid) -> list[PriceRange]:
        # Thousands of markets share a handful of grids.
        ranges = self._ranges.get(grid)
        if ranges is None:
            ranges = self._ranges[grid] = grid_to_wire(grid)
        return ranges

    def _legacy_rest(self, market: VenueMarket) -> dict[str, Any]:
        bids, asks = self._venue.book(market.ticker)
        offered = sum(price * count for price, count in bids)
        offered += sum(complement(price) * count for price, count in asks)
        rest: dict[str, Any] = {
            "status": LEGACY_STATUS.get(market.status, market.status.value),
            "category": self._venue.one_series(market.series_ticker).category,
            "volume": whole(market.volume),
            "open_interest": whole(market.open_interest),
            "liquidity": money_cents(Money(offered)),
            "liquidity_dollars": format_money_4(Money(offered)),
        }
        if market.result is Result.SCALAR:
            # It had no word for that.
            rest["result"] = ""
        if market.settlement_value is not None:
            rest["settlement_value"] = cents(market.settlement_value)
        return rest


def _description(market: VenueMarket) -> dict[str, Any]:
    return {
        "ticker": market.ticker,
        "event_ticker": market.event_ticker,
        "market_type": "scalar" if market.is_scalar else "binary",
        "title": market.title,
        # Both sides carry what YES means (Kalshi: capture).
        "yes_sub_title": market.outcome,
        "no_sub_title": market.outcome,
        "can_close_early": market.can_close_early,
        "early_close_condition": market.early_close_condition or UNSET,
        "strike_type": market.strike_type or UNSET,
        "floor_strike": UNSET if market.floor_strike is None else market.floor_strike,
        "cap_strike": UNSET if market.cap_strike is None else market.cap_strike,
        "rules_primary": market.rules_primary,
        "rules_secondary": market.rules_secondary,
        "price_level_structure": market.level_structure,
    }


def _times(market: VenueMarket) -> dict[str, Any]:
    latest = format_time(market.latest_expiration_time or market.close_time)
    return {
        "created_time": format_time(market.created_at),
        "updated_time": format_time(market.updated_at),
        "open_time": format_time(market.open_time),
        "close_time": format_time(market.close_time),
        "expected_expiration_time": _time(market.expected_expiration_time),
        "expiration_time": latest,
        "latest_expiration_time": latest,
        "settlement_timer_seconds": market.settlement_timer_s,
        "fee_waiver_expiration_time": _time(market.fee_waiver_until),
    }


def _ending(market: VenueMarket) -> dict[str, Any]:
    result, value = market.result, market.settlement_value
    return {
        "status": market.status.value,
        "result": "" if result is None else result.value,
        "expiration_value": _expiration_value(market),
        "settlement_value_dollars": UNSET if value is None else format_price(value),
        "settlement_ts": _time(market.settled_at),
    }


def _expiration_value(market: VenueMarket) -> str:
    # What was looked at in the outside world; here that is the result itself.
    if market.result is None:
        return ""
    if market.result is Result.SCALAR and market.settlement_value is not None:
        return format_price(market.settlement_value)
    return market.result.value


def _time(at: Timestamp | None) -> str | UnsetType:
    return UNSET if at is None else format_time(at)

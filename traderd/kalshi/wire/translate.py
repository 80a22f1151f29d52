"""REST bodies to the model, for the trader.

Owns: what each field means. Direction is read from `book_side` and `outcome_side` only,
prices and counts are compared as numbers, times are RFC 3339.
Must not: fill in what the exchange left out, but for words that cannot matter.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from msgspec import UnsetType

from traderd.errors import BadInput, ExchangeProtocolError
from traderd.kalshi.wire import portfolio, rest
from traderd.kalshi.wire.numbers import NAME_CHARACTERS_MAX, Number
from traderd.model.events import TradePrinted
from traderd.model.ids import ClientOrderId, EventTicker, MarketTicker, OrderId, TradeId
from traderd.model.market import Market, MarketListing, MarketStatus, PriceBand, PriceGrid
from traderd.model.orders import (
    BalanceRecord,
    Fill,
    OrderRecord,
    OrderStatus,
    PositionRecord,
    Side,
)
from traderd.model.units import (
    Count,
    Money,
    Price,
    Timestamp,
    complement,
    money_from_cents,
    parse_count,
    parse_money,
    parse_price,
    parse_time,
    timestamp_from_seconds,
)

TITLE_CHARACTERS_MAX: Final = 1_000
"""Bounds a market's title, which is only shown."""
GRIDS_MAX: Final = 256
"""Bounds the grids that markets share: Kalshi has a handful, and each of its own would be half a market's memory."""
MOMENTS_MAX: Final = 1_024
"""Bounds the times that markets share: those of one event, and often of one day, open and close together."""

NO_TIME: Final = ("", "0001-01-01T00:00:00Z")
"""How a server says that there is no such time; the second is the zero of those that are written in Go."""

SIDE_OF_OUTCOME: Final = {"yes": Side.BID, "no": Side.ASK}
SIDE_OF_BOOK: Final = {"bid": Side.BID, "ask": Side.ASK}
ORDER_STATUS: Final = {
    "resting": OrderStatus.RESTING,
    "executed": OrderStatus.EXECUTED,
    "canceled": OrderStatus.CANCELED,
}
MARKET_STATUS: Final = {status.value: status for status in MarketStatus} | {
    "settled": MarketStatus.FINALIZED,
    "open": MarketStatus.ACTIVE,
}
"""The eight words, and two that older servers use for them."""


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Raise BadInput of the block as ExchangeProtocolError: the parsers blame the caller, here the text is the exchange's."""
    try:
        yield
    except BadInput as exc:
        raise ExchangeProtocolError(f"{what[:NAME_CHARACTERS_MAX]}: {exc}") from exc


def side_from_wire(
    book_side: str | UnsetType | None, outcome_side: str | UnsetType | None, what: str
) -> Side:
    """Return the direction of an order, fill or trade.

    Raises:
        ExchangeProtocolError: neither field is there, one has an unknown word, or the two disagree.
    """
    told = [
        table.get(word)
        for table, word in ((SIDE_OF_BOOK, book_side), (SIDE_OF_OUTCOME, outcome_side))
        if isinstance(word, str) and word
    ]
    if not told or told[0] is None or any(side is not told[0] for side in told):
        raise ExchangeProtocolError(
            f"{what}: no direction in book_side {book_side!r} and outcome_side {outcome_side!r}"
        )
    return told[0]


def order_status_from_wire(word: str, what: str) -> OrderStatus:
    """Return an order's status; raises ExchangeProtocolError for a word that is none of the three."""
    status = ORDER_STATUS.get(word)
    if status is None:
        raise ExchangeProtocolError(f"{what}: status {word!r} is unknown")
    return status


def market_from_wire(wire: rest.MarketRead) -> Market:
    """Return a market; raises ExchangeProtocolError when its grid or close time cannot be read."""
    with reading(f"market {wire.ticker}"):
        return Market(
            ticker=MarketTicker(wire.ticker),
            # One text for all its markets.
            event_ticker=EventTicker(sys.intern(wire.event_ticker)),
            title=(wire.title or wire.yes_sub_title or wire.ticker)[:TITLE_CHARACTERS_MAX],
            status=MARKET_STATUS.get(wire.status, MarketStatus.UNKNOWN),
            grid=grid_from_wire(wire.price_ranges),
            close_time=_moment(wire.close_time, "close_time"),
            exchange_index=wire.exchange_index,
            open_time=_time(wire.open_time, "open_time"),
        )


def grid_from_wire(ranges: Iterable[rest.PriceRange]) -> PriceGrid:
    """Return a price grid; raises BadInput when it is none.  Markets with the same ranges share one."""
    return _grid(tuple((band.start, band.end, band.step) for band in ranges))


@lru_cache(maxsize=GRIDS_MAX)
def _grid(bands: tuple[tuple[Number, Number, Number], ...]) -> PriceGrid:
    return PriceGrid(
        tuple(
            PriceBand(
                start=parse_price(start, what="price_ranges.start"),
                end=parse_price(end, what="price_ranges.end"),
                step=parse_price(step, what="price_ranges.step"),
            )
            for start, end, step in bands
        )
    )


def listing_from_wire(wire: rest.MarketRead) -> MarketListing:
    """Return a market with what it is chosen by; raises ExchangeProtocolError."""
    market = market_from_wire(wire)
    with reading(f"market {wire.ticker}"):
        return MarketListing(
            market=market, volume_24h=parse_count(wire.volume_24h_fp, what="volume_24h_fp")
        )


def trade_from_wire(wire: rest.Trade, *, at: Timestamp, latest: int) -> TradePrinted:
    """Return a public trade that was read late, at `at`, and made no later than `latest`; raises ExchangeProtocolError."""
    what = f"trade {wire.trade_id}"
    with reading(what):
        return TradePrinted(
            trade_id=TradeId(_named(wire.trade_id, "trade_id")),
            ticker=MarketTicker(_named(wire.ticker, "ticker")),
            price=parse_price(wire.yes_price_dollars, what="yes_price_dollars"),
            count=parse_count(wire.count_fp, what="count_fp"),
            taker_side=side_from_wire(wire.taker_book_side, wire.taker_outcome_side, what),
            at=at,
            exchange_at=parse_time(wire.created_time, latest, what="created_time"),
            backfilled=True,
            is_block=wire.is_block_trade is True,
        )


def levels_from_wire(levels: Iterable[rest.Level] | None) -> tuple[tuple[Price, Count], ...]:
    """Return price levels as they stand; a missing side is empty."""
    return tuple((parse_price(price), parse_count(count)) for price, count in levels or ())


def orderbook_from_wire(
    wire: rest.OrderBookEnvelope | rest.TickerBook,
) -> tuple[tuple[tuple[Price, Count], ...], tuple[tuple[Price, Count], ...]]:
    """Return (bids, asks) in YES prices; raises ExchangeProtocolError."""
    with reading("orderbook"):
        bids = levels_from_wire(wire.orderbook_fp.yes_dollars)
        asks = tuple(
            (complement(price), count)
            for price, count in levels_from_wire(wire.orderbook_fp.no_dollars)
        )
        return bids, asks


def order_record_from_wire(wire: portfolio.Order) -> OrderRecord:
    """Return an order as the exchange tells it; raises ExchangeProtocolError."""
    what = f"order {wire.order_id}"
    with reading(what):
        return OrderRecord(
            order_id=OrderId(_named(wire.order_id, "order_id")),
            client_order_id=ClientOrderId(wire.client_order_id) if wire.client_order_id else None,
            ticker=MarketTicker(_named(wire.ticker, "ticker")),
            side=side_from_wire(wire.book_side, wire.outcome_side, what),
            price=parse_price(wire.yes_price_dollars, what="yes_price_dollars"),
            status=order_status_from_wire(wire.status, what),
            initial_count=_amount(wire.initial_count_fp, "initial_count_fp"),
            fill_count=_amount(wire.fill_count_fp, "fill_count_fp"),
            remaining_count=_amount(wire.remaining_count_fp, "remaining_count_fp"),
            created_at=_time(wire.created_time, "created_time"),
            expires_at=_time(wire.expiration_time, "expiration_time"),
            reason=(wire.last_update_reason or "")[:NAME_CHARACTERS_MAX] or None,
            updated_at=_time(wire.last_update_time, "last_update_time"),
        )


def fill_from_wire(wire: portfolio.Fill, *, at: Timestamp) -> Fill:
    """Return a fill; `at` stands in for the time of execution when the exchange gives none.

    Raises:
        ExchangeProtocolError: no direction, a number that is none, or a fill of nothing.
    """
    what = f"fill {wire.trade_id}"
    with reading(what):
        told = _time(wire.created_time, "created_time")
        if told is None and isinstance(wire.ts, int):
            told = timestamp_from_seconds(wire.ts, what="ts")
        return Fill(
            trade_id=TradeId(_named(wire.trade_id, "trade_id")),
            order_id=OrderId(_named(wire.order_id, "order_id")),
            ticker=MarketTicker(_named(wire.ticker, "ticker")),
            side=side_from_wire(wire.book_side, wire.outcome_side, what),
            price=parse_price(wire.yes_price_dollars, what="yes_price_dollars"),
            count=parse_count(wire.count_fp, what="count_fp"),
            fee=parse_money(wire.fee_cost, what="fee_cost"),
            is_taker=wire.is_taker,
            executed_at=at if told is None else told,
            client_order_id=ClientOrderId(wire.client_order_id) if wire.client_order_id else None,
        )


def position_from_wire(wire: portfolio.MarketPosition) -> PositionRecord:
    """Return a market's position; raises ExchangeProtocolError."""
    with reading(f"position {wire.ticker}"):
        return PositionRecord(
            ticker=MarketTicker(_named(wire.ticker, "ticker")),
            count=parse_count(wire.position_fp, what="position_fp"),
            exposure=parse_money(wire.market_exposure_dollars, what="market_exposure_dollars"),
            realized_pnl=parse_money(wire.realized_pnl_dollars, what="realized_pnl_dollars"),
            fees_paid=parse_money(wire.fees_paid_dollars, what="fees_paid_dollars"),
        )


def balance_from_wire(wire: portfolio.Balance) -> BalanceRecord:
    """Return the balance, from dollars and never from the truncated cents; raises ExchangeProtocolError."""
    with reading("balance"):
        return BalanceRecord(
            balance=parse_money(wire.balance_dollars, what="balance_dollars"),
            portfolio_value=money_from_cents(wire.portfolio_value, what="portfolio_value"),
            by_engine=_by_engine(wire.balance_breakdown or []),
        )


def _by_engine(shards: list[portfolio.BalanceShard]) -> tuple[tuple[int, Money], ...]:
    if len(shards) < 2:
        return ()
    return tuple(
        (shard.exchange_index, parse_money(shard.balance, what="balance_breakdown.balance"))
        for shard in shards
    )


def _named(text: str, field: str) -> str:
    if not text:
        raise BadInput(f"{field} is empty")
    return text


def _amount(number: Number, field: str) -> Count:
    count = parse_count(number, what=field)
    if count < 0:
        raise BadInput(f"{field} {number} is below 0")
    return count


def _time(text: str | UnsetType | None, field: str) -> Timestamp | None:
    return _moment(text, field) if isinstance(text, str) and text not in NO_TIME else None


@lru_cache(maxsize=MOMENTS_MAX)
def _moment(text: str, field: str) -> Timestamp:
    return parse_time(text, what=field)

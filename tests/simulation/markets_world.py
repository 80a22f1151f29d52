"""Markets that come and go at a paper exchange, for tests of who follows them.

Owns: settings that look for markets, short words for listing one, what the exchange believes its clients subscribed to,
and whether a book is the exchange's.
Must not: touch the daemon.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tests.simulation.harness import TICKERS
from traderd.model.ids import MarketTicker
from traderd.model.market import MarketStatus
from traderd.model.orders import Side
from traderd.model.units import NS_PER_S, Count, Timestamp, parse_count, parse_price
from traderd.paper.venue.listings import VenueMarket

WNBA: Final = tuple(ticker for ticker in TICKERS if ticker.startswith("KXWNBAGAME"))
MLB: Final = tuple(ticker for ticker in TICKERS if ticker.startswith("KXMLBGAME"))
NEW: Final = MarketTicker(f"{WNBA[0]}-NEW")
DISCOVER: Final = {
    "market_data__markets": (),
    "market_data__discover__series": ("KXWNBAGAME",),
}
"""Looks for the markets of one series."""
SOON: Final = {**DISCOVER, "market_data__discover__refresh_s": 20}


def list_market(
    simulated: Any,
    ticker: MarketTicker = NEW,
    *,
    like: str = WNBA[0],
    opens_in_s: float = 0,
    closes_in_s: float = 86_400,
    tell: bool = True,
) -> None:
    """List a market beside another one of its event, with a small book once it is open."""
    exchange = simulated.exchange
    now = exchange.now()
    model: VenueMarket = exchange.venue.market(like)
    market = msgspec.structs.replace(
        model,
        ticker=ticker,
        market_id=f"id-of-{ticker}",
        title=f"copy of {like}",
        created_at=now,
        open_time=Timestamp(now + round(opens_in_s * NS_PER_S)),
        close_time=Timestamp(now + round(closes_in_s * NS_PER_S)),
        status=MarketStatus.INITIALIZED if opens_in_s else MarketStatus.ACTIVE,
        volume=Count(0),
        updated_at=now,
    )
    exchange.venue.life.add_market(market, now, tell=tell)
    if not opens_in_s:
        quote(simulated, ticker)
    exchange.settle()


def quote(simulated: Any, ticker: str, bid: str = "0.40", ask: str = "0.60") -> None:
    """Let the street quote both sides."""
    street, now = simulated.exchange.venue.street, simulated.exchange.now()
    for side, price in ((Side.BID, bid), (Side.ASK, ask)):
        street.add(MarketTicker(ticker), side, parse_price(price), parse_count("100"), now)
    simulated.exchange.settle()


def print_trades(simulated: Any, ticker: str, count: int = 1) -> None:
    """Let the street trade with itself, one contract at a time."""
    exchange = simulated.exchange
    for _ in range(count):
        exchange.venue.street.take(
            MarketTicker(ticker), Side.BID, parse_price("0.99"), parse_count("1"), exchange.now()
        )
    exchange.settle()


def subscribed(simulated: Any, channel: str = "orderbook_delta") -> list[tuple[str, ...]]:
    """Return what each WebSocket covers on a channel, sorted, as the exchange has it."""
    return sorted(
        tuple(sorted(held.tickers or ()))
        for session, _ in simulated.exchange.feed._open.values()
        for held in session._by_sid.values()
        if held.channel == channel
    )


def truth(simulated: Any, ticker: str) -> bool:
    """Tell whether there is a book that can be trusted and is the exchange's own."""
    book = simulated.view.book(ticker)
    if book is None or not book.usable:
        return False
    ours = tuple(tuple(book.depth(side)) for side in Side)
    return bool(ours == simulated.exchange.venue.book(ticker))

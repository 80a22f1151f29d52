"""What the operator sees of a running exchange: accounts, markets, connections, clock.

Owns: the form of the status document.
Must not: change anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from traderd.model.units import (
    NS_PER_S,
    Money,
    Price,
    format_count,
    format_money,
    format_price,
    format_time,
)
from traderd.paper.exchange import PaperExchange
from traderd.paper.venue.listings import VenueMarket
from traderd.paper.venue.venue import Venue

MARKETS_MAX: Final = 1_000
"""Bounds the listed markets; all of them are counted."""


def status_document(exchange: PaperExchange) -> dict[str, Any]:
    """Return everything, with money, prices and counts as Kalshi writes them."""
    venue, now = exchange.venue, exchange.now()
    markets = venue.markets()
    by_status: dict[str, int] = {}
    for market in markets:
        by_status[market.status.value] = by_status.get(market.status.value, 0) + 1
    return {
        "rest_url": exchange.rest_url,
        "ws_url": exchange.ws_url,
        "time": format_time(now),
        "clock_offset_s": exchange.faults.clock_offset_ns() / NS_PER_S,
        "paused": venue.paused,
        "connections": exchange.server.clients,
        "websockets": exchange.feed.session_count,
        "failures": exchange.server.failures,
        "faults": len(exchange.faults.report()),
        "accounts": [account_row(venue, account_id) for account_id in venue.account_ids()],
        "market_counts": by_status,
        "markets": [market_row(venue, market) for market in markets[:MARKETS_MAX]],
    }


def account_row(venue: Venue, account_id: str) -> dict[str, Any]:
    """Return one account's money over all its subaccounts."""
    account = venue.account(account_id)
    balances = [venue.balance(account_id, number) for number in account.wallets]
    held = [position for position in venue.positions(account_id, None) if position.count]
    return {
        "name": account.name,
        "account_id": account_id,
        "cash_dollars": format_money(_sum(each.cash for each in balances)),
        "available_dollars": format_money(_sum(each.available for each in balances)),
        "portfolio_value_dollars": format_money(_sum(each.portfolio_value for each in balances)),
        "positions": len(held),
        "resting_orders": sum(len(wallet.all_resting()) for wallet in account.wallets.values()),
        "fills": len(account.fills),
    }


def market_row(venue: Venue, market: VenueMarket) -> dict[str, Any]:
    """Return one market's state and touch."""
    bids, asks = venue.book(market.ticker)
    return {
        "ticker": market.ticker,
        "status": market.status.value,
        "yes_bid_dollars": _price(bids[0][0] if bids else None),
        "yes_ask_dollars": _price(asks[0][0] if asks else None),
        "last_price_dollars": _price(market.last_price),
        "volume_fp": format_count(market.volume),
        "close_time": format_time(market.close_time),
        "result": None if market.result is None else market.result.value,
        "settlement_value_dollars": _price(market.settlement_value),
    }


def _sum(amounts: Iterable[Money]) -> Money:
    return Money(sum(amounts))


def _price(price: Price | None) -> str | None:
    return None if price is None else format_price(price)

"""The daemon's state as JSON documents: what `/v3/...` answers and the console shows.

Owns: the shapes and names of those documents. Money, prices and counts are exact decimal texts; keys carry units.
Must not: compute anything that the view does not tell, or hold state.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import attrs

from traderd import __version__
from traderd.core import book_reads
from traderd.core.book import NOTHING_KNOWN, Top
from traderd.core.ledger import Position
from traderd.core.order import Order, PendingAmend
from traderd.core.quality_records import BookQuality
from traderd.core.view import StateView
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.model.orders import Fill, Side
from traderd.model.states import Metadata
from traderd.model.units import (
    NS_PER_MS,
    NS_PER_S,
    Count,
    FinePrice,
    Money,
    Price,
    Timestamp,
    format_count,
    format_fine_price,
    format_money,
    format_price,
    format_time,
)
from traderd.services.condition_documents import conditions_document, health_word, problems_of
from traderd.services.ledger_document import (
    balance_document,
    ledger_document,
    shards_document,
    strategies_document,
)
from traderd.services.risk_document import denials_document, risk_document
from traderd.services.universe_document import universe_document

Document: TypeAlias = dict[str, Any]

BOOK_LEVELS: Final = 10
"""Bounds the levels a side that a screen shows."""


def price_text(price: Price | None) -> str | None:
    """Return a price for JSON, None when there is none."""
    return None if price is None else format_price(price)


def age_s(at: Timestamp | None, now: Timestamp) -> float | None:
    """Return seconds since a moment, None when it never came; a clock that stepped back gives 0."""
    return None if at is None else round(max(0, now - at) / NS_PER_S, 1)


def order_document(order: Order, now: Timestamp) -> Document:
    """Return one order."""
    attribution = order.attribution
    return {
        "key": order.key,
        "order_id": order.order_id,
        "ticker": order.ticker,
        "side": order.side.value,
        "price_dollars": format_price(order.price),
        "count": format_count(order.count),
        "filled": format_count(Count(max(order.filled, order.reported_filled))),
        "remaining": format_count(order.remaining),
        "status": order.status.value,
        "owner": attribution.strategy or attribution.owner.value,
        "age_s": age_s(order.created_at, order.ended_at or now),
        "ended_at": None if order.ended_at is None else format_time(order.ended_at),
        "reason": order.sentence,
        "expires_at": None if order.expires_at is None else format_time(order.expires_at),
        "renewed": order.is_leased,
        "change": None if order.pending is None else _change_document(order.pending),
    }


def _change_document(pending: PendingAmend) -> Document:
    return {
        "kind": pending.terms.kind.value,
        "price_dollars": format_price(pending.terms.price),
        "count": format_count(pending.terms.count),
        "outcome": "unknown" if pending.is_unknown else "under way",
    }


def position_document(position: Position, view: StateView) -> Document:
    """Return one position and the price at which it could be closed now, as one of YES and as one of the held side."""
    mark = view.last_known_mark(position)
    unrealized = position.unrealized_pnl(mark)
    side = "YES" if position.count > 0 else "NO" if position.count < 0 else "flat"
    return {
        "ticker": position.ticker,
        "count": format_count(position.count),
        "side": side,
        "held": format_count(Count(abs(position.count))),
        "average_cost_dollars": price_text(position.average_cost),
        "mark_dollars": price_text(mark),
        "held_mark_dollars": price_text(None if mark is None else position.held_price(mark)),
        "realized_pnl_dollars": format_money(position.realized_pnl),
        "unrealized_pnl_dollars": _money_or_none(unrealized),
        "unrealized_at_bid_dollars": _money_or_none(unrealized),
        "unrealized_at_mid_dollars": _money_or_none(view.unrealized_at_mid(position)),
        "settled": position.settled,
        "fees_dollars": format_money(position.fees_paid),
    }


def fill_document(fill: Fill, view: StateView) -> Document:
    """Return one fill."""
    order = view.order(fill.order_id)
    return {
        "trade_id": fill.trade_id,
        "ticker": fill.ticker,
        "side": fill.side.value,
        "price_dollars": format_price(fill.price),
        "count": format_count(fill.count),
        "fee_dollars": format_money(fill.fee),
        "is_taker": fill.is_taker,
        "executed_at": format_time(fill.executed_at),
        "order_key": fill.order_id if order is None else order.key,
        "owner": view.owner_of(fill),
    }


def book_document(view: StateView, ticker: str, now: Timestamp) -> Document | None:
    """Return one book with its best levels, None when the market is not followed.

    A book that cannot be trusted has no prices but those under `last_known`, which is None when it can be.
    """
    market_ticker = MarketTicker(ticker)
    book, quality = view.book(market_ticker), view.quality(market_ticker, now)
    if book is None or quality is None:
        return None
    last_known = _prices(
        book.last_known_top(), book.last_known_depth(Side.BID), book.last_known_depth(Side.ASK)
    )
    market = view.market(market_ticker)
    return {
        "ticker": ticker,
        "title": market.title if market is not None else "",
        "usable": book.usable,
        "reason": book.unusable_because,
        **(last_known if book.usable else NO_PRICES),
        "last_known": None if book.usable else last_known,
        "last_trade": price_text(view.last_trade(market_ticker)),
        "age_s": age_s(book.updated_at, now),
        "quality": quality_document(quality),
        "own_orders": [
            {
                "side": order.side.value,
                "price_dollars": format_price(order.price),
                "remaining": format_count(order.remaining),
            }
            for order in view.live_orders(market_ticker)
        ],
    }


def markets_document(view: StateView, now: Timestamp, limit: int) -> Document:
    """Return a line for each of the first `limit` followed markets, without prices that cannot be trusted, or why none is."""
    followed = view.followed
    return {
        "followed": len(followed),
        "problems": [] if followed else [f"{k}: {v}" for k, v in view.conditions.degraded.items()],
        "markets": [_market_line(view, ticker, now) for ticker in followed[:limit]],
    }


def _market_line(view: StateView, ticker: MarketTicker, now: Timestamp) -> Document:
    market, book, quality = view.market(ticker), view.book(ticker), view.quality(ticker, now)
    top = book.top() if book is not None and book.usable else NOTHING_KNOWN
    given_up = view.universe.shed.get(ticker)
    return {
        "ticker": ticker,
        "title": "" if market is None else market.title,
        "status": "unknown" if market is None else market.status.value,
        "closes_at": None if market is None else format_time(market.close_time),
        "why": view.universe.followed[ticker],
        "usable": book is not None and book.usable,
        "reason": given_up or ("no snapshot yet" if book is None else book.unusable_because),
        "grade": None if quality is None else quality.grade.value,
        "best_bid": price_text(top.bid),
        "best_ask": price_text(top.ask),
        "spread": price_text(top.spread),
        "last_trade": price_text(view.last_trade(ticker)),
        "age_s": None if book is None else age_s(book.updated_at, now),
    }


def quality_document(quality: BookQuality) -> Document:
    """Return how good a book is, and what that is judged by; `proven_s` is since the last proof that it is right."""
    return {
        "grade": quality.grade.value,
        "causes": list(quality.causes),
        "proven_s": _seconds(quality.age_ns),
        "line_silent_s": _seconds(quality.silence_ns),
        "lag_ms": _milliseconds(quality.lag_ns),
        "lag_p50_ms": _milliseconds(quality.lag_p50_ns),
        "lag_p99_ms": _milliseconds(quality.lag_p99_ns),
        "faults": {fault.value: count for fault, count in quality.faults.items()},
        "resyncs": quality.resyncs,
        "crossings": quality.crossings,
        "dropped_deltas": quality.dropped_deltas,
        "audits_agreed": quality.audits_agreed,
        "audits_differed": quality.audits_differed,
        "history": [
            {
                "at": format_time(change.at),
                "grade": change.grade.value,
                "causes": list(change.causes),
            }
            for change in quality.history
        ],
    }


def _prices(top: Top, bids: ev.Levels, asks: ev.Levels) -> Document:
    imbalance = book_reads.imbalance(top)
    return {
        "bids": _levels(bids[:BOOK_LEVELS]),
        "asks": _levels(asks[:BOOK_LEVELS]),
        "bid_levels": len(bids),
        "ask_levels": len(asks),
        "bid_depth": format_count(_size(bids)),
        "ask_depth": format_count(_size(asks)),
        "best_bid": price_text(top.bid),
        "best_ask": price_text(top.ask),
        "best_bid_count": format_count(top.bid_count),
        "best_ask_count": format_count(top.ask_count),
        "spread": price_text(top.spread),
        "mid": _fine_price_text(book_reads.mid(top)),
        "microprice": _fine_price_text(book_reads.microprice(top)),
        # In 1/10 000, like a price in dollars, so its text is one as well: from -1.0000 to 1.0000.
        "imbalance": None if imbalance is None else format_price(Price(imbalance)),
    }


def _size(levels: ev.Levels) -> Count:
    return Count(sum(count for _, count in levels))


def _fine_price_text(price: FinePrice | None) -> str | None:
    return None if price is None else format_fine_price(price)


def _levels(levels: ev.Levels) -> list[list[str]]:
    return [[format_price(price), format_count(count)] for price, count in levels]


NO_PRICES: Final = _prices(NOTHING_KNOWN, (), ())
"""What is told of a book that cannot be trusted."""


def _seconds(duration_ns: int | None) -> float | None:
    return None if duration_ns is None else round(duration_ns / NS_PER_S, 1)


def _milliseconds(duration_ns: int | None) -> float | None:
    return None if duration_ns is None else round(duration_ns / NS_PER_MS, 1)


def metadata_document(metadata: Metadata) -> Document:
    """Return a state's metadata; fields that are money get their unit in the name.

    What a state does not have (the account with trading off, the changes on the first reading) is left out.
    """
    return _plain(metadata)


def _plain(record: Any) -> Document:
    document: Document = {}
    for field in attrs.fields(type(record)):
        value = getattr(record, field.name)
        if value is None:
            continue
        if "Money" in str(field.type):
            document[f"{field.name}_dollars"] = format_money(value)
        elif attrs.has(type(value)):
            document[field.name] = _plain(value)
        else:
            document[field.name] = value
    return document


def transition_document(event: ev.StateChanged, left_since: Timestamp | None) -> Document:
    """Return one state change; its duration is how long the state it left had lasted."""
    duration = None if left_since is None else max(0, event.at - left_since) // NS_PER_MS
    return {
        "from_state": event.from_state.value,
        "to_state": event.to_state.value,
        "context": event.context,
        "timestamp": format_time(event.at),
        "duration_ms": duration,
        "metadata": metadata_document(event.metadata),
    }


def transitions_document(view: StateView) -> list[Document]:
    """Return the kept state changes, oldest first."""
    return [
        transition_document(event, left_since)
        for event, left_since in zip(view.transitions, view.left_since, strict=True)
    ]


def metrics_document(view: StateView, now: Timestamp) -> Document:
    """Return whether the connections stand, and what came: the short version, `market_data` has all of it."""
    data = view.market_data
    feed, private = data.feeds[ev.FeedName.MARKET_DATA], data.feeds[ev.FeedName.PRIVATE]
    last = data.last_message_at
    return {
        "markets_connected": data.usable_books(),
        "markets_followed": len(view.followed),
        "snapshots_received": data.snapshots_received,
        "deltas_received": data.deltas_received,
        "connection_uptime": age_s(feed.connected_at, now) if feed.connected else 0.0,
        "ws_connection_status": "connected" if feed.connected else "disconnected",
        "private_feed": "connected" if private.connected else "disconnected",
        "last_message_time": None if last is None else format_time(last),
    }


def account_document(view: StateView, now: Timestamp) -> Document:
    """Return the money: the exchange's words for the balance, our ledger's for profit."""
    account, ledger = view.account, view.ledger
    unrealized = format_money(view.unrealized_pnl())
    return {
        "balance_dollars": _money_or_none(account.balance),
        "portfolio_value_dollars": _money_or_none(account.portfolio_value),
        "balance_read_at": None if account.read_at is None else format_time(account.read_at),
        "balance_age_s": age_s(account.read_at, now),
        "balance_by_shard": shards_document(view),
        "reconciled_age_s": age_s(account.proof.proved_at, now),
        "positions": len(ledger.open_positions()),
        "open_orders": len(view.live_orders()),
        "fills": ledger.fill_count,
        "realized_pnl_dollars": format_money(ledger.realized_pnl),
        "unrealized_pnl_dollars": unrealized,
        "unrealized_at_bid_dollars": unrealized,
        "unrealized_at_mid_dollars": format_money(view.unrealized_pnl_at_mid()),
        "fees_dollars": format_money(ledger.fees_paid),
        "exposure_dollars": format_money(view.exposure()),
        "ledger": ledger_document(view),
        "strategies": strategies_document(view),
        "balance_proof": balance_document(view, now),
    }


def _money_or_none(money: Money | None) -> str | None:
    return None if money is None else format_money(money)


def status_document(
    view: StateView,
    *,
    environment: str,
    trading: bool,
    uptime_s: float,
    now: Timestamp,
    services: dict[str, Document],
    market_data: Document,
) -> Document:
    """Return the whole status; `trading` tells whether orders can be sent at all.

    `services` and `market_data` come from parts that the view does not show.
    """
    return {
        "environment": environment,
        "mode": "trading" if trading else "orderbook_only",
        "state": view.state.value,
        "state_since_s": age_s(view.state_since, now),
        "uptime_s": uptime_s,
        "version": __version__,
        "health": health_word(view),
        "problems": problems_of(view),
        "metrics": metrics_document(view, now),
        "market_data": market_data,
        "universe": universe_document(view),
        "account": account_document(view, now),
        "services": services,
        **conditions_document(view),
        "why_no_trade": view.denials,
        "denials": denials_document(view),
        "risk": risk_document(view),
        "transitions": transitions_document(view),
    }

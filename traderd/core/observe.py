"""Makes observations from the state.

Owns: which facts a strategy's view is made of (OBSERVED_KINDS), and what stands in when there is no book to trust.
Must not: read a clock, or anything that is not folded from those kinds of events.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from traderd.core.book import Book
from traderd.core.observation import LEVELS_SEEN, Observation, OwnOrder, PriceSource, RecentTrade
from traderd.core.order import Order
from traderd.core.position import Position
from traderd.core.view import StateView
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.model.orders import Side
from traderd.model.units import Count, Money, Price, Timestamp

OBSERVED_KINDS: Final[tuple[type, ...]] = (
    *(ev.MarketsListed, ev.MarketLifecycleChanged, ev.MarketOpened, ev.MarketClosed),
    *(ev.UniverseChanged, ev.BooksShed, ev.BooksReclaimed),
    *(ev.FeedConnected, ev.FeedDisconnected, ev.SubscriptionEnded, ev.FrameRefused),
    *(ev.BookSnapshot, ev.BookDelta, ev.SequenceAdvanced, ev.TradePrinted),
    *(ev.LineObserved, ev.BookAudited, ev.SnapshotRefused),
    *(ev.OrderIntended, ev.OrderSent, ev.OrderAccepted, ev.OrderRejected, ev.OrderOutcomeUnknown),
    *(ev.OrderNotPlaced, ev.OrderVanished, ev.OrderReported, ev.OrderFilled),
    *(ev.CancelRequested, ev.CancelFailed),
    *(ev.AmendRequested, ev.AmendAccepted, ev.AmendFailed, ev.AmendOutcomeUnknown),
    *(ev.MarketSettled, ev.CashMoved, ev.BalanceAccepted, ev.AccountSynced, ev.StateChanged),
)
"""Kinds of events whose fold, and nothing else, gives the same observations again: what a recording must hold."""


def observe(
    view: StateView, ticker: MarketTicker, strategy: str, at: Timestamp
) -> Observation | None:
    """Return what `strategy` sees of a market at the time `at`, None while the market or its book is not known."""
    market, book, quality = view.market(ticker), view.book(ticker), view.quality(ticker, at)
    if market is None or book is None or quality is None or book.updated_at is None:
        return None
    bids = book.last_known_depth(Side.BID, LEVELS_SEEN)
    asks = book.last_known_depth(Side.ASK, LEVELS_SEEN)
    held, account = view.strategy_position(strategy, ticker), view.position(ticker)
    return Observation(
        at=at,
        market=market,
        source=PriceSource.LIVE if book.usable else PriceSource.LAST_KNOWN,
        book_grade=quality.grade,
        book_causes=quality.causes,
        book_age_ns=quality.age_ns,
        bids=bids,
        asks=asks,
        last_trade=view.last_trade(ticker),
        trades=tuple(_recent(trade) for trade in view.recent_trades(ticker)),
        orders=own_orders(view.own_live_orders(ticker), strategy),
        position=Count(0) if held is None else held.count,
        account_position=Count(0) if account is None else account.count,
        average_cost=None if held is None else held.average_cost,
        realized_pnl=Money(0) if held is None else held.realized_pnl,
        unrealized_pnl=Money(0) if held is None else _open_profit(held, book),
        fees_paid=Money(0) if held is None else held.fees_paid,
        balance=view.account.balance,
    )


def own_orders(orders: Iterable[Order], strategy: str) -> tuple[OwnOrder, ...]:
    """Return those of a strategy as it sees them."""
    return tuple(
        OwnOrder(
            key=order.key,
            side=order.side,
            price=order.price,
            remaining=order.remaining,
            status=order.status,
            count=order.count,
            changing=order.pending is not None,
            placed_at=order.created_at,
        )
        for order in orders
        if order.attribution.strategy == strategy
    )


def _recent(trade: ev.TradePrinted) -> RecentTrade:
    return RecentTrade(
        at=trade.at if trade.exchange_at is None else trade.exchange_at,
        price=trade.price,
        count=trade.count,
        taker_side=trade.taker_side,
    )


def _open_profit(held: Position, book: Book) -> Money | None:
    top = book.last_known_top()
    mark: Price | None = top.bid if held.count > 0 else top.ask
    return held.unrealized_pnl(mark)

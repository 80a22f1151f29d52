"""What a strategy sees of one market at one moment.

Owns: the observation: exact integers, no references into the live state, so a strategy cannot reach in.
Must not: contain anything that recorded events do not contain.
"""

from __future__ import annotations

import attrs

from traderd.core.book import NOTHING_KNOWN, Top
from traderd.core.view import StateView
from traderd.model.events import BookGrade
from traderd.model.ids import MarketTicker
from traderd.model.market import Market
from traderd.model.orders import OrderStatus, Side
from traderd.model.units import Count, Price, Timestamp


@attrs.frozen(kw_only=True)
class OwnOrder:
    """One of the strategy's own live orders."""

    key: str
    side: Side
    price: Price
    remaining: Count
    status: OrderStatus


@attrs.frozen(kw_only=True)
class Observation:
    """One market at one moment; prices are YES prices."""

    at: Timestamp
    market: Market
    book_usable: bool
    """False: no price can be trusted now, so the four below are empty."""
    book_grade: BookGrade
    """How good the book is, and why it is no better: `book_causes`."""
    book_causes: tuple[str, ...]
    bid: Price | None
    bid_count: Count
    ask: Price | None
    ask_count: Count
    last_known: Top
    """The best prices as they were last seen, however old or doubtful."""
    last_trade: Price | None
    position: Count
    """Signed: above 0 long YES, below 0 long NO."""
    orders: tuple[OwnOrder, ...]

    @property
    def ticker(self) -> MarketTicker:
        """The market's ticker."""
        return self.market.ticker

    def own(self, side: Side) -> tuple[OwnOrder, ...]:
        """Return the strategy's live orders of one side."""
        return tuple(order for order in self.orders if order.side is side)


def observe(
    view: StateView, ticker: MarketTicker, strategy: str, at: Timestamp
) -> Observation | None:
    """Return what `strategy` sees of a market, None while the market or its book is not known."""
    market, book, quality = view.market(ticker), view.book(ticker), view.quality(ticker, at)
    if market is None or book is None or quality is None or book.updated_at is None:
        return None
    last_known = book.last_known_top()
    top = last_known if book.usable else NOTHING_KNOWN
    position = view.position(ticker)
    return Observation(
        at=at,
        market=market,
        book_usable=book.usable,
        book_grade=quality.grade,
        book_causes=quality.causes,
        bid=top.bid,
        bid_count=top.bid_count,
        ask=top.ask,
        ask_count=top.ask_count,
        last_known=last_known,
        last_trade=view.last_trade(ticker),
        position=Count(0) if position is None else position.count,
        orders=tuple(
            OwnOrder(
                key=order.key,
                side=order.side,
                price=order.price,
                remaining=order.remaining,
                status=order.status,
            )
            for order in view.own_live_orders(ticker)
            if order.attribution.strategy == strategy
        ),
    )

"""How a position is closed: with which order, and what that can cost at worst.

Owns: what may be closed, the price bound (the book's far side and the collar beyond it, or a person's worst price), and
the sentence why there is no such order.
Must not: send, or close more than is held: what may still fill on the same side counts as closed already.
"""

from __future__ import annotations

from collections.abc import Container

import attrs

from traderd.core.conditions import KILL_HALT, venue_pause_words
from traderd.core.fees import USUAL_MULTIPLIER, worst_fee
from traderd.core.order import Order
from traderd.core.proposal_facts import crossed_order, nearest_price
from traderd.core.view import StateView
from traderd.model.ids import MarketTicker, StrategyName
from traderd.model.market import Market, MarketStatus, PriceGrid
from traderd.model.orders import OrderOwner, OrderTerms, Side, TimeInForce
from traderd.model.units import (
    Count,
    Money,
    Price,
    Timestamp,
    notional,
    show_count,
    show_money,
    show_price,
)


@attrs.frozen(kw_only=True)
class Close:
    """An order that only takes a position away."""

    terms: OrderTerms
    best: Price | None
    """The far side of the book now, None when only a person's word bounds the price."""
    fee_multiplier: int = USUAL_MULTIPLIER
    """Bounds its fees, in 1/1000."""
    blocked_by: Order | None = None
    """An order of the account on the other side before which it stops, so that the two never trade with each other."""

    @property
    def worst_cost(self) -> Money:
        """What it can lose against the best price there is now, fees included."""
        terms = self.terms
        slip = 0 if self.best is None else max(0, (terms.price - self.best) * terms.side.sign)
        fee = worst_fee(terms.side, terms.price, terms.count, self.fee_multiplier)
        return Money(notional(Price(slip), terms.count) + fee)

    @property
    def out_of_reach(self) -> Price | None:
        """Return the best price there is when it is worse than this order takes, None when the order would fill."""
        if self.best is None or (self.best - self.terms.price) * self.terms.side.sign <= 0:
            return None
        return self.best

    def describe(self) -> str:
        """Return it for people: `sell 5 YES of T at $0.4500 or better, at worst $0.08 lost to price and fees`."""
        terms = self.terms
        word = "buy" if terms.side is Side.BID else "sell"
        return (
            f"{word} {show_count(terms.count)} YES of {terms.ticker} at {show_price(terms.price)} or better, "
            f"at worst {show_money(self.worst_cost)} lost to price and fees"
        )


@attrs.frozen
class NotNow:
    """Why no order can close a position now."""

    sentence: str


def held_markets(
    view: StateView, ticker: MarketTicker | None, strategy: StrategyName | None
) -> tuple[MarketTicker, ...]:
    """Return the markets of a scope in which there is something to close, in the order of their names."""
    markets = sorted(position.ticker for position in view.ledger.open_positions())
    return tuple(
        each for each in markets if ticker in {None, each} and closable(view, each, strategy) != 0
    )


def closable(view: StateView, ticker: MarketTicker, strategy: StrategyName | None) -> Count:
    """Return what may be closed, signed: all that is held, or what a strategy holds of it.

    A strategy's part is never more than the account's net position: beyond that its order would turn the account.
    """
    held = view.position(ticker)
    net = 0 if held is None else held.count
    if strategy is None:
        return Count(net)
    book = next((book for book in view.strategies() if book.label == strategy), None)
    own = None if book is None else book.positions.get(ticker)
    if own is None or own.count * net <= 0:
        return Count(0)
    return Count(min(own.count, net) if net > 0 else max(own.count, net))


def plan_close(
    view: StateView,
    ticker: MarketTicker,
    strategy: StrategyName | None,
    *,
    now: Timestamp,
    at_worst: Price | None = None,
    through: Price | None = None,
    not_beyond: Price | None = None,
    whole: bool = False,
    without: Container[str] = (),
) -> Close | NotNow:
    """Return the next order that closes a position, or why there is none.

    Args:
        view: the state.
        ticker: of the market.
        strategy: whose part; None: all of it.
        now: for the age of the book.
        at_worst: a YES price that is never passed.
        through: how far beyond the book's far side; None: as far as the collar allows.
        not_beyond: a YES price that no book may lead beyond, so that a falling one is not chased.
        whole: all of it, although one order may be only so large.
        without: keys of orders that will be gone before it is sent.
    """
    market, held = view.market(ticker), closable(view, ticker, strategy)
    if (why := _why_not(view, ticker, market)) is not None or market is None:
        return NotNow(why or "")
    side = Side.ASK if held > 0 else Side.BID
    may_fill = sum(
        order.at_risk
        for order in (*view.live_orders(ticker), *_owing(view, ticker))
        if order.side is side and order.key not in without
    )
    position = view.position(ticker)
    free = abs(0 if position is None else position.count) - may_fill
    count = min(abs(held), free)
    if count <= 0:
        return NotNow(f"orders that may still fill close all of {ticker} already")
    limit = view.limits.max_order_count
    bound = _price_bound(view, ticker, side, now=now, at_worst=at_worst, through=through)
    if isinstance(bound, NotNow):
        return bound
    price, best = bound
    if not_beyond is not None:
        price = _better(side, price, not_beyond)
    on_grid = _on_grid(market.grid, side, price)
    if on_grid is None:
        return NotNow(f"{show_price(price)} leaves no price on the grid of {ticker}")
    terms = OrderTerms(
        ticker=ticker,
        side=side,
        price=on_grid,
        count=Count(count if whole else min(count, limit)),
        time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL,
        reduce_only=True,
    )
    close = Close(terms=terms, best=best, fee_multiplier=view.ledger.fees.bound(ticker))
    return _short_of_own(view, market.grid, close, without)


def _short_of_own(
    view: StateView, grid: PriceGrid, close: Close, without: Container[str]
) -> Close | NotNow:
    """Stop before orders of the account that rest on the other side; NotNow when nothing is left that way."""
    others = [order for order in view.live_orders(close.terms.ticker) if order.key not in without]
    while (blocker := crossed_order(close.terms, others)) is not None:
        side = close.terms.side
        price = _on_grid(grid, side, Price(nearest_price(blocker) - side.sign))
        if price is None or not grid.allows(price):
            return NotNow(blocked_words(blocker))
        terms = attrs.evolve(close.terms, price=price)
        close = attrs.evolve(close, terms=terms, blocked_by=blocker)
    if close.blocked_by is not None and close.out_of_reach is not None:
        return NotNow(blocked_words(close.blocked_by))
    return close


def blocked_words(order: Order) -> str:
    """Return which order keeps a position from being closed, and the cure."""
    owner = order.attribution
    whose = "which this daemon did not place"
    if owner.owner is not OrderOwner.EXTERNAL:
        whose = f"of {'a person' if owner.strategy is None else f'strategy {owner.strategy}'}"
    return (
        f"order {order.key} ({order.side.value} {show_count(order.remaining)} @ {show_price(order.price)}, {whose}) would "
        f"trade with what closes {order.ticker}; `traderd cancel {order.key}`, then flatten again"
    )


def _owing(view: StateView, ticker: MarketTicker) -> list[Order]:
    # Ended, but with fills that are not booked yet: the position that we know is too large by them.
    owing = view.owing_orders()
    return [order for order in owing if order.ticker == ticker and not order.status.is_live]


def _why_not(view: StateView, ticker: MarketTicker, market: Market | None) -> str | None:
    conditions = view.conditions
    if conditions.killed is not None:
        return f"the kill switch stands; clear halt {KILL_HALT!r} first"
    if market is None:
        left = view.universe.left_because(ticker)
        return f"market {ticker} is not {'known here' if left is None else f'followed any more: {left}'}"
    if market.status is not MarketStatus.ACTIVE:
        return (
            f"market {ticker} is {market.status.value}; what is held there is paid out at its end"
        )
    if conditions.venue_paused is not None:
        return venue_pause_words("the exchange", conditions.venue_paused)
    if ticker in conditions.markets_paused:
        return venue_pause_words(f"market {ticker}", conditions.markets_paused[ticker][0])
    return None


def _price_bound(
    view: StateView,
    ticker: MarketTicker,
    side: Side,
    *,
    now: Timestamp,
    at_worst: Price | None,
    through: Price | None,
) -> tuple[Price, Price | None] | NotNow:
    """Return the worst price and the best that there is now."""
    quality, minimum = view.quality(ticker, now), view.limits.min_book_grade
    book = view.book(ticker)
    if book is None or quality is None or not quality.grade.is_at_least(minimum):
        if at_worst is not None:
            return at_worst, None
        why = "there is none" if quality is None else "; ".join(quality.causes)
        grade = "no book" if quality is None else f"a book of grade {quality.grade.value}"
        return NotNow(
            f"{ticker} has {grade} ({why}) and risk.min_book_grade is {minimum.value}; name the worst "
            "price that you take, with --at-worst"
        )
    top = book.last_known_top()
    best = top.ask if side is Side.BID else top.bid
    if best is None:
        word = "offers" if side is Side.BID else "bids"
        return NotNow(f"nobody {word} in {ticker}")
    collar = view.limits.price_collar
    slip = collar if through is None else min(through, collar)
    price = best + slip * side.sign
    if at_worst is not None:
        price = _better(side, Price(price), at_worst)
    return Price(price), best


def _better(side: Side, one: Price, other: Price) -> Price:
    return min(one, other) if side is Side.BID else max(one, other)


def _on_grid(grid: PriceGrid, side: Side, price: Price) -> Price | None:
    # Rounded towards us: never worse than the bound, unless the bound lies outside of all prices.
    if side is Side.BID:
        return grid.floor(price)
    return grid.ceil(Price(max(1, price)))

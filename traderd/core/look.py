"""One look at the account, frozen: what the metrics, routes and commands of plugins are computed from.

Owns: the values and how they are read off the view. They are exact, in the units of `model/units.py`, and hold no
reference into the live state.
Must not: hold prices of markets in which nothing is held and no order rests; strategies see those in observations.
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.core.ledger import RECENT_FILLS_KEPT, Position
from traderd.core.order import Order
from traderd.core.view import StateView
from traderd.model.ids import MarketTicker
from traderd.model.orders import Fill, OrderStatus, Side
from traderd.model.states import State
from traderd.model.units import Count, Money, Price, Timestamp, complement, notional

SERIES_END: Final = "-"
"""Kalshi: a ticker begins with that of its series, up to the first hyphen."""


def series_of(ticker: MarketTicker) -> str:
    """Return the series of a market: `KXHIGHNY` of `KXHIGHNY-26AUG07-B85`."""
    return ticker.partition(SERIES_END)[0]


@attrs.frozen(kw_only=True)
class PositionLook:
    """What is held in one market, or was and earned something."""

    ticker: MarketTicker
    series: str
    count: Count
    """Signed: above 0 long YES."""
    cost: Money
    """What the open part cost on the side that is held: all that it can lose."""
    average_cost: Price | None
    mark: Price | None
    """The YES price at which it could be closed as it was last seen; None where nobody buys."""
    realized_pnl: Money
    """Fees left out."""
    unrealized_pnl: Money
    """At the mark; at the worst price where there is none."""
    fees_paid: Money


@attrs.frozen(kw_only=True)
class OrderLook:
    """An order that can still fill."""

    key: str
    ticker: MarketTicker
    series: str
    side: Side
    price: Price
    remaining: Count
    status: OrderStatus
    strategy: str | None

    @property
    def cost(self) -> Money:
        """What it takes at most if all of it fills: YES at its price, NO at the rest of the dollar."""
        one = self.price if self.side is Side.BID else complement(self.price)
        return notional(one, self.remaining)


@attrs.frozen(kw_only=True)
class Look:
    """The account at one moment."""

    at: Timestamp
    environment: str
    state: State
    trading: bool
    positions: tuple[PositionLook, ...]
    orders: tuple[OrderLook, ...]
    fills: tuple[Fill, ...]
    """The newest fills, oldest first; `fills_complete` tells whether these are all of them."""
    fills_complete: bool
    balance: Money | None
    """None before the first reading of the account."""
    profit: Money | None
    """What loss limits go by: realized, unrealized at the mark, and fees; None while a price is waited for."""
    day: str
    """The date on which the trading day began (`risk.day_zone`, `risk.day_hour`); empty before the first mark."""
    day_profit: Money | None
    """The part of `profit` since that day began."""
    halts: tuple[str, ...]
    """Ids of the halts that stand."""


def take_look(view: StateView, *, at: Timestamp, environment: str, trading: bool) -> Look:
    """Return the account as it is now."""
    loss, ledger = view.risk.loss, view.ledger
    return Look(
        at=at,
        environment=environment,
        state=view.state,
        trading=trading,
        positions=tuple(_position(position, view) for position in view.positions_of_account()),
        orders=tuple(_order(order) for order in view.live_orders()),
        fills=tuple(view.recent_fills(RECENT_FILLS_KEPT))[::-1],
        fills_complete=ledger.fill_count <= RECENT_FILLS_KEPT,
        balance=view.account.balance,
        profit=loss.profit,
        day=loss.day,
        day_profit=loss.day_profit,
        halts=tuple(view.conditions.halts),
    )


def _position(position: Position, view: StateView) -> PositionLook:
    mark = view.last_known_mark(position) if position.count else None
    return PositionLook(
        ticker=position.ticker,
        series=series_of(position.ticker),
        count=position.count,
        cost=position.cost,
        average_cost=position.average_cost,
        mark=mark,
        realized_pnl=position.realized_pnl,
        unrealized_pnl=view.profit_at_closing_price(position),
        fees_paid=position.fees_paid,
    )


def _order(order: Order) -> OrderLook:
    return OrderLook(
        key=order.key,
        ticker=order.ticker,
        series=series_of(order.ticker),
        side=order.side,
        price=order.price,
        remaining=order.remaining,
        status=order.status,
        strategy=order.attribution.strategy,
    )

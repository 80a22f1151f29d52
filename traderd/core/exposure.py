"""How much money can be lost at worst: positions, and everything that may still fill.

Owns: the worst case of one market. What is resting, in flight or unknown counts as if it had filled;
the part of an order that would only close a position costs nothing (Kalshi: collateral).
Must not: count an order as gone because nobody has heard of it.
"""

from __future__ import annotations

from collections.abc import Iterable

from traderd.core.fees import worst_fee
from traderd.core.ledger import Ledger, Position
from traderd.core.orders import Order
from traderd.model.ids import MarketTicker
from traderd.model.orders import OrderTerms, Side
from traderd.model.units import ONE_DOLLAR, Count, Money, Price, notional

Leg = tuple[Side, Price, Count]
"""Side, YES price and count of something that may still fill."""


def market_exposure(position: Position | None, legs: Iterable[Leg]) -> Money:
    """Return the worst loss in one market: the dearer of all its bids filling or all its asks.

    Bids and asks of one market hedge each other, so the two sides are not added; the position's cost
    stays at risk in both cases.
    """
    held = position.count if position is not None else 0
    cost = position.cost if position is not None else 0
    free = {Side.BID: max(0, -held), Side.ASK: max(0, held)}
    risk = {Side.BID: 0, Side.ASK: 0}
    for side, price, count in legs:
        closing = min(free[side], count)
        free[side] -= closing
        side_price = price if side is Side.BID else Price(ONE_DOLLAR - price)
        risk[side] += notional(side_price, Count(count - closing)) + worst_fee(side, price, count)
    return Money(cost + max(risk.values()))


def account_exposure(ledger: Ledger, live: Iterable[Order], extra: OrderTerms | None) -> Money:
    """Return the sum over all markets of the worst loss, with `extra` as if it were placed."""
    legs: dict[MarketTicker, list[Leg]] = {p.ticker: [] for p in ledger.open_positions()}
    for order in live:
        legs.setdefault(order.ticker, []).append((order.side, order.price, order.remaining))
    if extra is not None:
        legs.setdefault(extra.ticker, []).append((extra.side, extra.price, extra.count))
    return Money(
        sum(market_exposure(ledger.positions.get(ticker), rows) for ticker, rows in legs.items())
    )

"""How much money can be lost at worst: positions, and everything that may still fill.

Owns: the worst case of one market. What is resting, in flight, unknown or reported but not booked counts as
if it had filled; the part of an order that would only close a position is free (Kalshi: collateral).
The bound can only fall while orders fill or end, so a limit that held when an order was let through keeps
holding whatever happens to it.
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
_Offer = tuple[Price, Count, Money]
"""Price of the side that is acquired, count, and worst fee."""


def market_exposure(position: Position | None, legs: Iterable[Leg]) -> Money:
    """Return the worst loss in one market: all its bids filling or all its asks, whichever is dearer.

    Bids and asks of one market hedge each other, so the two sides are not added.
    """
    held = position.count if position is not None else 0
    cost = position.cost if position is not None else 0
    offers: dict[Side, list[_Offer]] = {Side.BID: [], Side.ASK: []}
    for side, price, count in legs:
        side_price = price if side is Side.BID else Price(ONE_DOLLAR - price)
        offers[side].append((side_price, count, worst_fee(side, price, count)))
    adding, closing = (Side.BID, Side.ASK) if held >= 0 else (Side.ASK, Side.BID)
    more = cost + sum(notional(price, count) + fee for price, count, fee in offers[adding])
    return Money(max(more, _turning_risk(abs(held), cost, offers[closing])))


def _turning_risk(held: int, cost: int, offers: list[_Offer]) -> int:
    # The worst loss when every order against the position fills: first they close it, then they open
    # the other side.  While they only close, nothing beyond the position's own cost can be lost.
    if sum(count for _, count, _ in offers) <= held:
        return 0
    risk, lost, left = 0, 0, held
    # The worst case spends the cheapest contracts on closing and opens with the dearest.
    for price, count, fee in sorted(offers):
        closing = min(left, count)
        left -= closing
        risk += notional(price, Count(count - closing)) + fee
        # A closed pair pays $1; what is closed below its average cost is lost.  Times `held`, to
        # divide once at the end.
        lost += max(0, cost - held * (ONE_DOLLAR - price)) * closing
    return risk - (-lost // held if held else 0)


def account_exposure(ledger: Ledger, at_risk: Iterable[Order], extra: OrderTerms | None) -> Money:
    """Return the sum over all markets of the worst loss, with `extra` as if it were placed.

    `at_risk` are the live orders and those whose fills are still owed.
    """
    legs: dict[MarketTicker, list[Leg]] = {p.ticker: [] for p in ledger.open_positions()}
    for order in at_risk:
        legs.setdefault(order.ticker, []).append((order.side, order.price, order.at_risk))
    if extra is not None:
        legs.setdefault(extra.ticker, []).append((extra.side, extra.price, extra.count))
    return Money(
        sum(market_exposure(ledger.positions.get(ticker), rows) for ticker, rows in legs.items())
    )

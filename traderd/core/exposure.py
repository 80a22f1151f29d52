"""How much money can be lost at worst: positions, and everything that may still fill.

Owns: the worst case of one market, and of several that cannot all be lost at once. What is resting, in flight, unknown or reported but not booked counts as
if it had filled; the part of an order that would only close a position is free (Kalshi: collateral).
The bound can only fall while orders fill or end, so a limit that held when an order was let through keeps
holding whatever happens to it.
Must not: count an order as gone because nobody has heard of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from traderd.core.fees import USUAL_MULTIPLIER, worst_fee
from traderd.core.ledger import Ledger
from traderd.core.order import Order
from traderd.core.position import Position
from traderd.model.ids import MarketTicker
from traderd.model.orders import OrderTerms, Side
from traderd.model.units import ONE_DOLLAR, Count, Money, Price, notional

Leg = tuple[Side, Price, Count]
"""Side, YES price and count of something that may still fill."""
Legs = dict[MarketTicker, list[Leg]]
_Offer = tuple[Price, Count, Money]
"""Price of the side that is acquired, count, and worst fee."""
Worst = tuple[Money, int, int]
"""The worst loss in one market by itself, when it pays NO and when it pays YES."""
FeeBound: TypeAlias = Callable[[MarketTicker], int]
"""The largest fee multiplier of a market, in 1/1000 (`FeeModel.bound`)."""


def market_exposure(
    position: Position | None, legs: Iterable[Leg], multiplier: int = USUAL_MULTIPLIER
) -> Money:
    """Return the worst loss in one market: all its bids filling or all its asks, whichever is dearer.

    Bids and asks of one market hedge each other, so the two sides are not added. `multiplier` bounds the fees, in 1/1000.
    """
    held = position.count if position is not None else 0
    cost = position.cost if position is not None else 0
    offers = _offers(legs, multiplier)
    adding, closing = (Side.BID, Side.ASK) if held >= 0 else (Side.ASK, Side.BID)
    more = cost + sum(notional(price, count) + fee for price, count, fee in offers[adding])
    return Money(max(more, _turning_risk(abs(held), cost, offers[closing])))


def _offers(legs: Iterable[Leg], multiplier: int) -> dict[Side, list[_Offer]]:
    offers: dict[Side, list[_Offer]] = {Side.BID: [], Side.ASK: []}
    for side, price, count in legs:
        side_price = price if side is Side.BID else Price(ONE_DOLLAR - price)
        offers[side].append((side_price, count, worst_fee(side, price, count, multiplier)))
    return offers


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


def _both_outcomes(position: Position | None, legs: list[Leg], multiplier: int) -> tuple[int, int]:
    # The worst loss when the market pays NO, and when it pays YES; below 0 is what it pays beyond its cost.
    count = position.count if position is not None else 0
    cost, held = (position.cost if position is not None else 0), abs(count)
    offers = _offers(legs, multiplier)
    adding, closing = (Side.BID, Side.ASK) if count >= 0 else (Side.ASK, Side.BID)
    all_fees = sum(fee for side in offers for _, _, fee in offers[side])
    if_lost = cost + sum(notional(price, amount) for price, amount, _ in offers[adding]) + all_fees
    if_won = _loss_if_won(held, cost, offers[closing]) + all_fees
    return (if_lost, if_won) if count >= 0 else (if_won, if_lost)


def _loss_if_won(held: int, cost: int, offers: list[_Offer]) -> int:
    # When the held side pays, each contract that is closed before loses its payout, and what opens the other side is
    # lost whole; fees are left out.
    risk, lost, left = 0, 0, held
    for price, count, _ in sorted(offers):
        closing = min(left, count)
        left -= closing
        risk += notional(price, Count(count - closing))
        lost += max(0, cost - held * (ONE_DOLLAR - price)) * closing
    if held == 0:
        return risk
    # Both are rounded against us.
    return risk - (-(lost + cost * left) // held) - left * ONE_DOLLAR


def grouped_exposure(
    positions: Mapping[MarketTicker, Position],
    legs: Mapping[MarketTicker, Iterable[Leg]],
    exclusive: Mapping[MarketTicker, str],
    fee_bound: FeeBound,
    known: dict[MarketTicker, Worst] | None = None,
) -> Money:
    """Return the worst loss over these markets.

    Args:
        positions: all there are.
        legs: by market, what may still fill; every market that counts has its row.
        exclusive: the exclusive event of the markets that have one.
        fee_bound: by which each market's fees are bounded.
        known: results of markets that were asked for before, which this call adds to.
    """
    known = {} if known is None else known
    for ticker, rows in legs.items():
        if ticker not in known:
            position = positions.get(ticker)
            rows, multiplier = list(rows), fee_bound(ticker)
            alone = market_exposure(position, rows, multiplier)
            is_alone = ticker not in exclusive
            outcomes = (0, 0) if is_alone else _both_outcomes(position, rows, multiplier)
            known[ticker] = (alone, *outcomes)
    total, events = 0, dict[str, list[MarketTicker]]()
    for ticker in legs:
        event = exclusive.get(ticker)
        if event is None:
            total += known[ticker][0]
        else:
            events.setdefault(event, []).append(ticker)
    for tickers in events.values():
        rows_of_event = [known[ticker] for ticker in tickers]
        total += min(sum(alone for alone, _, _ in rows_of_event), _exclusive(rows_of_event))
    return Money(total)


def _exclusive(markets: Iterable[Worst]) -> int:
    # A gain that closing would make is not set against a loss elsewhere, because it leaves the exposure once it is
    # made: else the bound would rise then.
    if_none, dearest = 0, 0
    for _, if_no, if_yes in markets:
        if_none += if_no
        dearest = max(dearest, if_yes - if_no)
    return max(0, if_none + dearest)


def legs_of(
    positions: Iterable[Position], orders: Iterable[Order], extra: OrderTerms | None
) -> Legs:
    """Return by market what may still fill; a market in which something is only held has no legs."""
    legs: Legs = {position.ticker: [] for position in positions}
    for order in orders:
        legs.setdefault(order.ticker, []).append((order.side, order.worst_price, order.at_risk))
    if extra is not None:
        legs.setdefault(extra.ticker, []).append((extra.side, extra.price, extra.count))
    return legs


def account_exposure(
    ledger: Ledger,
    at_risk: Iterable[Order],
    extra: OrderTerms | None,
    exclusive: Mapping[MarketTicker, str] | None = None,
) -> Money:
    """Return the worst loss over all markets, with `extra` as if it were placed.

    `at_risk` are the live orders and those whose fills are still owed; without `exclusive` all markets are added.
    """
    legs = legs_of(ledger.open_positions(), at_risk, extra)
    return grouped_exposure(ledger.positions, legs, exclusive or {}, ledger.fees.bound)

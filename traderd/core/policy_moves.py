"""The moves that a trained policy chooses from, and the commands that each of them means.

Owns: one move per side of the book (POLICY_MOVES_VERSION); the training environment and the strategy that runs a policy both
take them from here, so that a policy does live what it learned.
Must not: choose a move, read a clock, or judge risk: the gate stands behind every command.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Final

import attrs

from traderd.core.observation import OBSERVATION_VERSION, Observation, OwnOrder
from traderd.core.observation_vector import VECTOR_LENGTH
from traderd.model.commands import AmendOrder, CancelOrder, Command, PlaceOrder
from traderd.model.market_events import Levels
from traderd.model.orders import Attribution, OrderOwner, OrderStatus, OrderTerms, Side, TimeInForce
from traderd.model.units import ONE_CONTRACT, Count, Price

POLICY_MOVES_VERSION: Final = 1
"""Raised when a move changes its number or its meaning: a policy that was trained for another one is refused."""

POLICY_FACTS: Final = {
    "observation_version": str(OBSERVATION_VERSION),
    "vector_length": str(VECTOR_LENGTH),
    "moves_version": str(POLICY_MOVES_VERSION),
}
"""What the file of a policy must say of itself to be run by this version."""


class PolicyMove(enum.IntEnum):
    """What to do on one side; the best price is the best one of the others, our own orders left out."""

    KEEP = 0
    """Leave what rests as it is."""
    PULL = 1
    """No quote."""
    BEHIND = 2
    """One quote, a step behind the best price."""
    JOIN = 3
    """One quote at the best price."""
    IMPROVE = 4
    """One quote a step better than the best price; where there is no room, at the best price."""
    TAKE = 5
    """No quote; take what is offered at the other side's best price, at once or not at all."""


QUOTING: Final = (PolicyMove.BEHIND, PolicyMove.JOIN, PolicyMove.IMPROVE)
NOWHERE: Final[dict[Side, Price | None]] = {Side.BID: None, Side.ASK: None}


@attrs.frozen(kw_only=True)
class PolicySizes:
    """How large a policy's orders and position may be."""

    order_count: Count = Count(5 * ONE_CONTRACT)
    """Contracts of each quote and of each take."""
    position_max: Count = Count(40 * ONE_CONTRACT)
    """No order makes the position larger than this, long or short."""


DEFAULT_SIZES: Final = PolicySizes()


def commands_for(
    seen: Observation, bid: PolicyMove, ask: PolicyMove, sizes: PolicySizes = DEFAULT_SIZES
) -> list[Command]:
    """Return the commands that these two moves mean in this market; without a book to trust, every quote is pulled."""
    if not seen.book_usable:
        return [CancelOrder(key=order.key) for order in seen.orders if _rests(order)]
    commands: list[Command] = []
    prices = _prices(seen, bid, ask)
    for side, move in ((Side.BID, bid), (Side.ASK, ask)):
        room = Count(min(sizes.order_count, sizes.position_max - side.sign * seen.position))
        commands += _one_side(seen, side, move, prices[side], room)
    return commands


def _one_side(
    seen: Observation, side: Side, move: PolicyMove, price: Price | None, room: Count
) -> list[Command]:
    own = seen.own(side)
    if move is PolicyMove.KEEP and room > 0:
        return []
    if move is PolicyMove.TAKE:
        return [*_pulled(own), *_take(seen, side, room)]
    if move in (PolicyMove.KEEP, PolicyMove.PULL) or price is None or room <= 0:
        return _pulled(own)
    return _quote(seen, side, price, room)


def _prices(seen: Observation, bid: PolicyMove, ask: PolicyMove) -> dict[Side, Price | None]:
    """Return where the quotes go; they never meet each other or the other side's best price."""
    if bid not in QUOTING and ask not in QUOTING:
        return NOWHERE
    best = {side: _best_of_others(seen, side) for side in Side}
    wanted = {
        side: _price(seen, side, move, best[side], best[side.opposite])
        for side, move in ((Side.BID, bid), (Side.ASK, ask))
    }
    low, high = wanted[Side.BID], wanted[Side.ASK]
    if low is not None and high is not None and low >= high:
        # Both wanted the one step inside a spread of two: neither gets it.
        return best
    return wanted


def _price(
    seen: Observation, side: Side, move: PolicyMove, best: Price | None, across: Price | None
) -> Price | None:
    if best is None or move not in QUOTING:
        return None
    if move is PolicyMove.JOIN:
        return best
    grid = seen.market.grid
    better = side if move is PolicyMove.IMPROVE else side.opposite
    stepped = Price(best + better.sign * grid.step_at(best))
    if not grid.allows(stepped):
        return best
    if across is not None and side.sign * (across - stepped) <= 0:
        return best
    return stepped


def _best_of_others(seen: Observation, side: Side) -> Price | None:
    levels: Levels = seen.bids if side is Side.BID else seen.asks
    own = seen.own(side)
    for price, size in levels:
        if size > sum(order.remaining for order in own if order.price == price):
            return price
    return None


def _quote(seen: Observation, side: Side, price: Price, count: Count) -> list[Command]:
    own = seen.own(side)
    if not own:
        return [_place(seen, side, price, count, post_only=True)]
    first, *others = own
    commands: list[Command] = _pulled(others)
    if not _rests(first):
        return commands
    if first.price == price and count // 2 < first.remaining <= count:
        # A little smaller than wanted, it keeps its place in the queue, which is worth more than the rest of its size.
        return commands
    total = Count(first.count - first.remaining + count)
    return [AmendOrder(key=first.key, price=price, count=total), *commands]


def _take(seen: Observation, side: Side, count: Count) -> list[Command]:
    across = seen.ask if side is Side.BID else seen.bid
    if across is None or count <= 0:
        return []
    return [_place(seen, side, across, count, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL)]


def _place(
    seen: Observation,
    side: Side,
    price: Price,
    count: Count,
    *,
    post_only: bool = False,
    time_in_force: TimeInForce = TimeInForce.GOOD_TILL_CANCELED,
) -> PlaceOrder:
    return PlaceOrder(
        terms=OrderTerms(
            ticker=seen.ticker,
            side=side,
            price=price,
            count=count,
            post_only=post_only,
            time_in_force=time_in_force,
        ),
        attribution=Attribution(owner=OrderOwner.STRATEGY),
    )


def _pulled(orders: Sequence[OwnOrder]) -> list[Command]:
    return [CancelOrder(key=order.key) for order in orders if _rests(order)]


def _rests(order: OwnOrder) -> bool:
    return order.status is OrderStatus.RESTING and not order.changing

"""A demo market maker: quotes both sides of a few markets, one step inside the spread where there is room.

It moves its quotes by amending them, leans them against what it holds (the more it is long, the lower both quotes),
keeps a least spread, never outbids itself and stops adding to a position at its bound. The daemon's risk gate stands
behind it all the same. Copy this file to start a strategy of your own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from traderd.plugin_api import (
    NS_PER_S,
    BadInput,
    Command,
    Count,
    MarketTicker,
    Observation,
    OrderStatus,
    OwnOrder,
    Price,
    Side,
    StrategySpec,
    Timestamp,
    amend,
    cancel,
    decrease,
    hookimpl,
    parse_count,
    parse_price,
    place,
    setting,
    tunable,
)

GONE_NS: Final = 60 * NS_PER_S
"""How long after its last look a market counts as gone: each is shown once a second."""


def _above_0(text: str | int) -> Count:
    count = parse_count(text)
    if count <= 0:
        raise BadInput("it must be above 0")
    return count


@attrs.frozen(kw_only=True)
class Parameters:
    """Settings under `[strategies.spread_maker]`."""

    markets_max: int = setting(4, ge=1, doc="How many markets are quoted, two orders each.")
    order_contracts: str | int = tunable(
        5, check=_above_0, doc='Contracts of each quote; a text for fractions: "2.5".'
    )
    position_contracts_max: str | int = tunable(
        40,
        check=_above_0,
        doc="From here on the side that would add to the position is not quoted.",
    )
    min_spread_dollars: str = tunable(
        "0", check=parse_price, doc="The quotes are never closer to each other than this."
    )
    skew_dollars: str = tunable(
        "0.02", check=parse_price, doc="How far a full position shifts both quotes against itself."
    )


class SpreadMaker:
    """Keeps one bid and one ask in each of its markets."""

    def __init__(self, parameters: Parameters) -> None:
        self._seen_at: dict[MarketTicker, Timestamp] = {}
        self.on_parameters(parameters)

    def on_parameters(self, parameters: Parameters) -> None:
        """Take changed parameters over; quotes that rest follow at the next look."""
        self._markets_max = parameters.markets_max
        self._size = parse_count(parameters.order_contracts)
        self._position_max = parse_count(parameters.position_contracts_max)
        self._min_spread = parse_price(parameters.min_spread_dollars)
        self._skew = parse_price(parameters.skew_dollars)

    def decide(self, observation: Observation) -> Sequence[Command]:
        """Move, place or take away the quotes of one market."""
        if not self._has_place(observation):
            return ()
        if not observation.book_usable or observation.bid is None or observation.ask is None:
            return [cancel(order) for order in observation.orders if _rests(order)]
        commands: list[Command] = []
        for side, price in self._wanted(observation, observation.bid, observation.ask).items():
            commands += self._quote(observation, side, price)
        return commands

    def _has_place(self, observation: Observation) -> bool:
        """Tell whether this is one of its markets; where it has orders or a position it always is."""
        ticker, now = observation.ticker, observation.at
        if ticker not in self._seen_at:
            # One that closed is shown no more and makes room for another.
            self._seen_at = {one: at for one, at in self._seen_at.items() if now - at < GONE_NS}
            is_full = len(self._seen_at) >= self._markets_max
            if is_full and not observation.orders and not observation.position:
                return False
        self._seen_at[ticker] = now
        return True

    def _wanted(
        self, observation: Observation, best_bid: Price, best_ask: Price
    ) -> dict[Side, Price | None]:
        grid, held = observation.market.grid, observation.position
        step = max(grid.step_at(best_bid), grid.step_at(best_ask))
        bid, ask = int(best_bid), int(best_ask)
        if ask - bid > 2 * step:
            # Alone at the top we stay: a step further would only outbid ourselves.
            bid += 0 if _is_ours_alone(observation, Side.BID) else step
            ask -= 0 if _is_ours_alone(observation, Side.ASK) else step
        # A full position moves both quotes by the whole skew; neither may reach the other side of the book.
        lean = self._skew * max(-self._position_max, min(held, self._position_max))
        shift = lean // self._position_max if lean >= 0 else -(-lean // self._position_max)
        bid, ask = min(bid - shift, best_ask - step), max(ask - shift, best_bid + step)
        missing = self._min_spread - (ask - bid)
        if missing > 0:
            bid, ask = bid - missing // 2, ask + missing - missing // 2
        return {
            Side.BID: None if held >= self._position_max else grid.floor(Price(bid)),
            Side.ASK: None if held <= -self._position_max else grid.ceil(Price(ask)),
        }

    def _quote(self, observation: Observation, side: Side, price: Price | None) -> list[Command]:
        own = observation.own(side)
        if not own:
            return [] if price is None else [self._new(observation, side, price)]
        first, *others = own
        commands: list[Command] = [cancel(order) for order in others if _rests(order)]
        if not _rests(first):
            return commands
        if price is None:
            return [cancel(first), *commands]
        if first.price == price:
            # Larger than wanted after the size was changed: made smaller, it keeps its place in the queue.
            too_large = first.remaining > self._size
            return [*([decrease(first, to=self._size)] if too_large else []), *commands]
        if _would_meet_own(observation, side, price):
            return commands  # our other quote has to move away first
        filled = first.count - first.remaining
        return [amend(first, price=price, count=Count(filled + self._size)), *commands]

    def _new(self, observation: Observation, side: Side, price: Price) -> Command:
        return place(
            ticker=observation.ticker, side=side, price=price, count=self._size, post_only=True
        )


def _would_meet_own(observation: Observation, side: Side, price: Price) -> bool:
    others = observation.own(Side.ASK if side is Side.BID else Side.BID)
    return any((price - other.price) * side.sign >= 0 for other in others)


def _is_ours_alone(observation: Observation, side: Side) -> bool:
    is_bid = side is Side.BID
    price = observation.bid if is_bid else observation.ask
    count = observation.bid_count if is_bid else observation.ask_count
    ours = sum(order.remaining for order in observation.own(side) if order.price == price)
    return 0 < count <= ours


def _rests(order: OwnOrder) -> bool:
    return order.status is OrderStatus.RESTING and not order.changing


@hookimpl
def traderd_strategies() -> list[StrategySpec]:
    """Offer the strategy; in `sim` it runs without being asked for."""
    return [
        StrategySpec(
            name="spread_maker", make=SpreadMaker, parameters=Parameters, enabled_in_sim=True
        )
    ]

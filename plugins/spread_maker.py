"""A demo market maker: quotes both sides of a few markets, one step inside the spread where there is room.

It joins the best prices where there is no room, never outbids itself, stops adding to a position at its bound,
and stays inside its own limits; the daemon's risk gate stands behind it all the same. Copy this file to start a
strategy of your own.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from traderd.plugin_api import (
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
    cancel,
    hookimpl,
    parse_count,
    place,
)


@attrs.frozen(kw_only=True)
class Parameters:
    """Settings under `[strategies.spread_maker]`."""

    markets_max: int = 4
    """How many markets are quoted: two orders each must fit into risk.max_open_orders."""
    order_contracts: str | int = 5
    """How many contracts each quote has; a text for fractions: "2.5"."""
    position_contracts_max: str | int = 40
    """From here on the side that would add to the position is not quoted."""


class SpreadMaker:
    """Keeps one bid and one ask in each of its markets."""

    def __init__(self, parameters: Parameters) -> None:
        self._size = parse_count(parameters.order_contracts, what="order_contracts")
        self._position_max = parse_count(
            parameters.position_contracts_max, what="position_contracts_max"
        )
        if self._size <= 0 or self._position_max <= 0 or parameters.markets_max <= 0:
            raise BadInput("order_contracts, position_contracts_max and markets_max are above 0")
        self._markets_max = parameters.markets_max
        self._markets: list[MarketTicker] = []

    def decide(self, observation: Observation) -> Sequence[Command]:
        """Cancel quotes that are no longer where they should be, and place those that are missing."""
        if observation.ticker not in self._markets:
            if len(self._markets) >= self._markets_max:
                return ()
            self._markets.append(observation.ticker)
        if not observation.book_usable or observation.bid is None or observation.ask is None:
            return [cancel(order) for order in observation.orders if _rests(order)]
        commands: list[Command] = []
        for side, price in self._wanted(observation).items():
            commands += self._quote(observation, side, price)
        return commands

    def _wanted(self, observation: Observation) -> dict[Side, Price | None]:
        bid, ask, grid = observation.bid, observation.ask, observation.market.grid
        assert bid is not None
        assert ask is not None
        step = max(grid.step_at(bid), grid.step_at(ask))
        if ask - bid > 2 * step:
            # Alone at the top we stay: a step further would only outbid ourselves.
            if not _is_ours_alone(observation, Side.BID):
                bid = Price(bid + step)
            if not _is_ours_alone(observation, Side.ASK):
                ask = Price(ask - step)
        held = observation.position
        return {
            Side.BID: None if held >= self._position_max else grid.floor(bid),
            Side.ASK: None if held <= -self._position_max else grid.ceil(ask),
        }

    def _quote(self, observation: Observation, side: Side, price: Price | None) -> list[Command]:
        own = observation.own(side)
        stale = [cancel(order) for order in own if order.price != price and _rests(order)]
        if own or price is None:
            return list(stale)
        return [
            place(
                ticker=observation.ticker,
                side=side,
                price=price,
                count=Count(self._size),
                post_only=True,
            )
        ]


def _is_ours_alone(observation: Observation, side: Side) -> bool:
    is_bid = side is Side.BID
    price = observation.bid if is_bid else observation.ask
    count = observation.bid_count if is_bid else observation.ask_count
    ours = sum(order.remaining for order in observation.own(side) if order.price == price)
    return 0 < count <= ours


def _rests(order: OwnOrder) -> bool:
    return order.status is OrderStatus.RESTING


@hookimpl
def traderd_strategies() -> list[StrategySpec]:
    """Offer the strategy; in `sim` it runs without being asked for."""
    return [
        StrategySpec(
            name="spread_maker", make=SpreadMaker, parameters=Parameters, enabled_in_sim=True
        )
    ]

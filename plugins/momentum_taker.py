"""A demo taker: follows a burst of trades to one side, and gets out by a rule.

It enters when the trades of the last seconds were nearly all to one side and moved the price, with an order that takes
what is there and never rests. It leaves with a profit, with a loss, after a while, or when the market closes soon, whichever
comes first, and then waits before it looks again. It shows a strategy that trades by events rather than by quotes.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from traderd.plugin_api import (
    NS_PER_S,
    ONE_DOLLAR,
    BadInput,
    Command,
    Count,
    MarketTicker,
    Observation,
    Price,
    RecentTrade,
    Side,
    StrategyContext,
    StrategySpec,
    TimeInForce,
    Timestamp,
    hookimpl,
    parse_count,
    parse_price,
    place,
    setting,
    tunable,
)


def _above_0(text: str | int) -> Count:
    count = parse_count(text)
    if count <= 0:
        raise BadInput("it must be above 0")
    return count


@attrs.frozen(kw_only=True)
class Parameters:
    """Settings under `[strategies.momentum_taker]`."""

    order_contracts: str | int = tunable(2, check=_above_0, doc="Contracts of one entry.")
    window_s: int = setting(30, ge=1, le=600, doc="How far back trades count.")
    trades_min: int = tunable(4, ge=2, le=20, doc="Fewer trades in the window are no signal.")
    flow_percent: int = tunable(
        60, ge=1, le=100, doc="So much of the volume, net, must have gone to one side."
    )
    move_dollars: str = tunable("0.01", check=parse_price, doc="So far the price must have moved.")
    max_spread_dollars: str = tunable("0.04", check=parse_price, doc="A wider book is not taken.")
    take_profit_dollars: str = tunable("0.03", check=parse_price, doc="Out when a contract gained.")
    stop_loss_dollars: str = tunable("0.02", check=parse_price, doc="Out when a contract lost.")
    hold_s: int = tunable(120, ge=1, le=86_400, doc="Out after this long, whatever it is worth.")
    cooldown_s: int = tunable(30, ge=0, le=86_400, doc="No entry so long after an entry or exit.")
    close_s: int = tunable(300, ge=0, le=86_400, doc="Out, and no entry, so long before the close.")


class MomentumTaker:
    """Takes with the flow of each market, one position at a time."""

    def __init__(self, parameters: Parameters, context: StrategyContext) -> None:
        self._log = context.log
        self._quiet_until: dict[MarketTicker, int] = {}
        self._held_since: dict[MarketTicker, Timestamp] = {}
        self.on_parameters(parameters)

    def on_parameters(self, parameters: Parameters) -> None:
        """Take changed parameters over."""
        self._set = parameters
        self._size = parse_count(parameters.order_contracts)
        self._move = parse_price(parameters.move_dollars)
        self._max_spread = parse_price(parameters.max_spread_dollars)
        self._profit = parse_price(parameters.take_profit_dollars)
        self._loss = parse_price(parameters.stop_loss_dollars)

    def decide(self, observation: Observation) -> Sequence[Command]:
        """Leave what is held when a rule says so, else enter on a burst."""
        ticker = observation.ticker
        if not observation.book_usable or observation.orders:
            return ()
        if observation.position:
            since = self._held_since.setdefault(ticker, observation.at)
            return self._exit(observation, since)
        self._held_since.pop(ticker, None)
        side = self._signal(observation)
        return () if side is None else self._take(observation, side, self._size, "follows a burst")

    def _signal(self, observation: Observation) -> Side | None:
        """Return the side of a burst that may be followed now."""
        spread = observation.spread
        if spread is None or spread > self._max_spread:
            return None
        if observation.at < self._quiet_until.get(observation.ticker, 0):
            return None
        if observation.time_to_close_ns <= self._set.close_s * NS_PER_S:
            return None
        return self._burst(self._recent(observation))

    def _recent(self, observation: Observation) -> list[RecentTrade]:
        begin = observation.at - self._set.window_s * NS_PER_S
        return [trade for trade in observation.trades if trade.at > begin]

    def _burst(self, trades: list[RecentTrade]) -> Side | None:
        if len(trades) < self._set.trades_min:
            return None
        volume = sum(trade.count for trade in trades)
        flow = sum(trade.count * trade.taker_side.sign for trade in trades)
        move = trades[-1].price - trades[0].price
        for side in Side:
            strong = flow * side.sign * 100 >= self._set.flow_percent * volume
            if strong and move * side.sign >= self._move:
                return side
        return None

    def _exit(self, observation: Observation, since: Timestamp) -> Sequence[Command]:
        held, cost = observation.position, observation.average_cost
        side = Side.ASK if held > 0 else Side.BID
        price = observation.bid if held > 0 else observation.ask
        if price is None or cost is None:
            return ()
        worth = price if held > 0 else Price(ONE_DOLLAR - price)
        gain = worth - cost
        reasons = {
            "takes its profit": gain >= self._profit,
            "stops its loss": gain <= -self._loss,
            "held long enough": observation.at - since >= self._set.hold_s * NS_PER_S,
            "leaves before the close": observation.time_to_close_ns <= self._set.close_s * NS_PER_S,
        }
        why = next((reason for reason, holds in reasons.items() if holds), None)
        return () if why is None else self._take(observation, side, Count(abs(held)), why)

    def _take(
        self, observation: Observation, side: Side, count: Count, why: str
    ) -> Sequence[Command]:
        price = observation.ask if side is Side.BID else observation.bid
        if price is None:
            return ()
        self._quiet_until[observation.ticker] = observation.at + self._set.cooldown_s * NS_PER_S
        self._log.info(f"{observation.ticker}: {why}, {side.value} at the best price")
        return [
            place(
                ticker=observation.ticker,
                side=side,
                price=price,
                count=count,
                time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL,
                reduce_only=bool(observation.position),
            )
        ]


@hookimpl
def traderd_strategies() -> list[StrategySpec]:
    """Offer the strategy; it runs when `strategies.momentum_taker.enabled` is true."""
    return [StrategySpec(name="momentum_taker", make=MomentumTaker, parameters=Parameters)]
